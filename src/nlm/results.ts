/** The results of NLM's procedures between types.ts and bytes; the arguments of the _RES procedures are the same types. */
import { XdrError } from '../xdr/error.js';
import type { XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';
import { COOKIE_BYTES_MAX, NETOBJ_BYTES_MAX } from './limits.js';
import { NLM4_DEADLCK, NLM4_DENIED } from './status.js';
import type { NlmHolder, NlmRes, NlmShareRes, NlmTestReply, NlmTestRes } from './types.js';
import { decodeOffset, decodeStatus, encodeHolderRange, encodeStatus, type Width } from './width.js';

export function decodeRes(reader: XdrReader, width: Width): NlmRes {
  return {
    cookie: reader.opaque(COOKIE_BYTES_MAX),
    stat: decodeStatus(reader, width),
  };
}

export function encodeRes(writer: XdrWriter, res: NlmRes, width: Width): void {
  writer.opaque(res.cookie);
  encodeStatus(writer, res.stat, width);
}

export function decodeTestRes(reader: XdrReader, width: Width): NlmTestRes {
  return {
    cookie: reader.opaque(COOKIE_BYTES_MAX),
    stat: decodeTestReply(reader, width),
  };
}

function decodeTestReply(reader: XdrReader, width: Width): NlmTestReply {
  const stat = decodeStatus(reader, width);
  if (stat === NLM4_DEADLCK) throw new XdrError('bad-value', 'a TEST that is answered DEADLCK');
  return stat === NLM4_DENIED ? { stat, holder: decodeHolder(reader, width) } : { stat };
}

function decodeHolder(reader: XdrReader, width: Width): NlmHolder {
  return {
    exclusive: reader.bool(),
    svid: reader.int(),
    oh: reader.opaque(NETOBJ_BYTES_MAX),
    l_offset: decodeOffset(reader, width),
    l_len: decodeOffset(reader, width),
  };
}

export function encodeTestRes(writer: XdrWriter, res: NlmTestRes, width: Width): void {
  writer.opaque(res.cookie);
  encodeStatus(writer, res.stat.stat, width);
  if (res.stat.stat !== NLM4_DENIED) return;
  const { holder } = res.stat;
  writer.bool(holder.exclusive);
  writer.int(holder.svid);
  writer.opaque(holder.oh);
  encodeHolderRange(writer, holder.l_offset, holder.l_len, width);
}

export function decodeShareRes(reader: XdrReader, width: Width): NlmShareRes {
  return {
    cookie: reader.opaque(COOKIE_BYTES_MAX),
    stat: decodeStatus(reader, width),
    sequence: reader.int(),
  };
}

export function encodeShareRes(writer: XdrWriter, res: NlmShareRes, width: Width): void {
  writer.opaque(res.cookie);
  encodeStatus(writer, res.stat, width);
  writer.int(res.sequence);
}
