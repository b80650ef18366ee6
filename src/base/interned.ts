/**
 * Opaque bytes that come again and again (file handles, names, owners) as one string each: found by their bytes, a word at
 * a time, without a call into Node's decoder, and without a new string to hash, to compare and to collect. What is not
 * found costs what it did before; nothing depends on what is kept.
 */

import { latin1, NO_BYTES, type Bytes } from './bytes.js';

/** Longer ones are not kept: a file handle of NFSv3 has 64 bytes at the most. */
const BYTES_MAX = 64;
/** Words of a place: the length, then the bytes, the last word filled up with zeros. */
const PLACE_WORDS = 1 + BYTES_MAX / 4;
/** Half a megabyte: thousands of files and owners. A place has a neighbour, so that two that meet there both stay. */
const PLACE_BITS = 13;
const PLACES = 1 << PLACE_BITS;
/** Of the last word: as many of its bytes as belong to the length. Little-endian. */
const LAST = [-1, 0xff, 0xffff, 0xff_ffff] as const;

export class Interned {
  readonly #texts: Bytes[] = Array.from({ length: PLACES }, () => NO_BYTES);
  readonly #words = new Int32Array(PLACES * PLACE_WORDS);
  #turn = 0;

  /**
   * The bytes from `start` on, one or more, in whole words: what stands behind them up to the next multiple of four must
   * be there. `view` is of all of `buffer`.
   */
  at(buffer: Buffer, view: DataView, start: number, length: number): Bytes {
    if (length > BYTES_MAX) return latin1(buffer, start, length);
    const place = placeOf(view, start, length);
    if (this.#holds(place, view, start, length)) return this.#texts[place]!;
    if (this.#holds(place ^ 1, view, start, length)) return this.#texts[place ^ 1]!;
    // By turns: of two that come often neither is driven out at once by those that come once.
    this.#turn ^= 1;
    return this.#keep(place ^ this.#turn, buffer, view, start, length);
  }

  #holds(place: number, view: DataView, start: number, length: number): boolean {
    const words = this.#words;
    let word = place * PLACE_WORDS;
    if (words[word] !== length) return false;
    const last = start + ((length - 1) & ~3);
    for (let at = start; at < last; at += 4) if (words[++word] !== view.getInt32(at, true)) return false;
    return words[word + 1] === (view.getInt32(last, true) & LAST[length & 3]!);
  }

  #keep(place: number, buffer: Buffer, view: DataView, start: number, length: number): Bytes {
    const text = latin1(buffer, start, length);
    const words = this.#words;
    let word = place * PLACE_WORDS;
    words[word] = length;
    const last = start + ((length - 1) & ~3);
    for (let at = start; at < last; at += 4) words[++word] = view.getInt32(at, true);
    words[word + 1] = view.getInt32(last, true) & LAST[length & 3]!;
    this.#texts[place] = text;
    return text;
  }
}

/** The high bits of a product know all bits of its factors. */
function placeOf(view: DataView, start: number, length: number): number {
  let hash = length;
  const last = start + ((length - 1) & ~3);
  for (let at = start; at < last; at += 4) hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e37_79b1);
  hash = Math.imul(hash ^ (view.getInt32(last, true) & LAST[length & 3]!), 0x9e37_79b1);
  return Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b) >>> (32 - PLACE_BITS);
}
