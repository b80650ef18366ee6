/**
 * MurmurHash3, x86, 32 bits (Austin Appleby, public domain): the digest of a call's arguments in the reply cache. Not
 * for secrets: who finds a collision can only confuse its own calls. Four times as fast here as a call into zlib.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** Of the bytes from `start` to before `end`; an unsigned 32-bit integer. */
export function murmur3(view: DataView, start: number, end: number): number {
  let h = 0;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    h ^= scramble(view.getInt32(at, true));
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let shift = 0; at < end; at += 1, shift += 8) tail |= view.getUint8(at) << shift;
  h ^= scramble(tail) ^ (end - start);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function scramble(word: number): number {
  const k = Math.imul(word, C1);
  return Math.imul((k << 15) | (k >>> 17), C2);
}
