/** Byte ranges: [start, end], both inclusive; an end of 2^64-1 is the end of the file. */

import { addU64, compareU64, decrementU64, equalU64, U64_MAX, U64_ZERO, type U64 } from '../base/u64.js';

export interface Range {
  readonly start: U64;
  readonly end: U64;
}

const OFFSET_MAX: U64 = { high: 0x7fff_ffff, low: 0xffff_ffff };

/**
 * The range of `l_offset`, `l_len`. A length of 0 or 2^64-1, and an end at 2^64-1, reach to the end of the file.
 * `undefined` stands for NLM4_FBIG: a start above 2^63-1, or an end above 2^64-1.
 */
export function rangeFromWire(offset: U64, length: U64): Range | undefined {
  if (compareU64(offset, OFFSET_MAX) > 0) return undefined;
  if (equalU64(length, U64_ZERO) || equalU64(length, U64_MAX)) return { start: offset, end: U64_MAX };
  const end = addU64(offset, decrementU64(length));
  return end === undefined ? undefined : { start: offset, end };
}

export function overlaps(a: Range, b: Range): boolean {
  return compareU64(a.start, b.end) <= 0 && compareU64(b.start, a.end) <= 0;
}

export function covers(outer: Range, inner: Range): boolean {
  return compareU64(outer.start, inner.start) <= 0 && compareU64(outer.end, inner.end) >= 0;
}

export function equalRange(a: Range, b: Range): boolean {
  return equalU64(a.start, b.start) && equalU64(a.end, b.end);
}

/** Whether more than this many bytes lie in it. */
export function isLongerThan({ start, end }: Range, bytes: number): boolean {
  return end.high - start.high > 1 || (end.high - start.high) * 0x1_0000_0000 + end.low - start.low >= bytes;
}

/** The smallest range that holds both. */
export function hull(a: Range, b: Range): Range {
  return {
    start: compareU64(a.start, b.start) <= 0 ? a.start : b.start,
    end: compareU64(a.end, b.end) >= 0 ? a.end : b.end,
  };
}

/** What two overlapping ranges have in common. */
export function intersection(a: Range, b: Range): Range {
  return {
    start: compareU64(a.start, b.start) >= 0 ? a.start : b.start,
    end: compareU64(a.end, b.end) <= 0 ? a.end : b.end,
  };
}
