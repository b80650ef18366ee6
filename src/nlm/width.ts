/** What differs between NLM 4 and NLM 1 and 3 on the wire: the width of offsets and lengths, and the set of statuses. */
import { LedgerError } from '../base/errors.js';
import type { U64 } from '../base/u64.js';
import type { XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';
import { narrowStatus, NLM4_STATUS_LAST, NLM_STATUS_LAST, type NlmStatus } from './status.js';

/** Bits of an offset: 64 in version 4, 32 in versions 1 and 3. */
export type Width = 32 | 64;

const UINT32_MAX = 0xffff_ffff;

export function decodeOffset(reader: XdrReader, width: Width): U64 {
  return width === 64 ? reader.hyper() : { high: 0, low: reader.uint() };
}

/** The offset or length of a request. Throws `bad-request` for one that the version cannot say. */
export function encodeOffset(writer: XdrWriter, offset: U64, width: Width): void {
  if (width === 64) return writer.hyper(offset);
  if (offset.high !== 0) {
    throw new LedgerError('bad-request', 'NLM 1 and 3 have 32-bit offsets and lengths: use version 4 for this range');
  }
  writer.uint(offset.low);
}

/**
 * A holder's range. Versions 1 and 3 hear of the part below 2^32; a start beyond it becomes the last byte that they
 * can name, and length 0, to the end of the file, stays 0.
 */
export function encodeHolderRange(writer: XdrWriter, l_offset: U64, l_len: U64, width: Width): void {
  if (width === 64) {
    writer.hyper(l_offset);
    return writer.hyper(l_len);
  }
  const start = l_offset.high === 0 ? l_offset.low : UINT32_MAX;
  const isToEnd = l_len.high === 0 && l_len.low === 0;
  const length = l_len.high === 0 ? l_len.low : UINT32_MAX;
  writer.uint(start);
  writer.uint(isToEnd ? 0 : Math.min(length, UINT32_MAX - start + 1));
}

export function decodeStatus(reader: XdrReader, width: Width): NlmStatus {
  // The cast states what the bound has checked.
  return reader.enumeration(width === 64 ? NLM4_STATUS_LAST : NLM_STATUS_LAST) as NlmStatus;
}

export function encodeStatus(writer: XdrWriter, status: NlmStatus, width: Width): void {
  writer.uint(width === 64 ? status : narrowStatus(status));
}
