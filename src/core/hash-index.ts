/**
 * From a 32-bit hash to the numbers of rows that have it; the caller compares the rows themselves. Open addressing in
 * 256 segments that grow one by one, so that no growth is a pause.
 */

const SEGMENTS = 256;
const FIRST_CAPACITY = 8;

export class HashIndex {
  readonly #segments: Int32Array[] = [];
  readonly #counts = new Uint32Array(SEGMENTS);

  constructor() {
    for (let i = 0; i < SEGMENTS; i += 1) this.#segments.push(new Int32Array(FIRST_CAPACITY * 2));
  }

  /** Where the search for `hash` begins; hand it to `at` and `after`. */
  first(hash: number): number {
    const segment = this.#segments[hash >>> 24]!;
    return this.#seek(segment, hash | 0, hash & (segment.length / 2 - 1));
  }

  /** The next place with the same hash. */
  after(hash: number, place: number): number {
    const segment = this.#segments[hash >>> 24]!;
    return this.#seek(segment, hash | 0, (place + 1) & (segment.length / 2 - 1));
  }

  /** The row at a place, 0 where the search has ended. */
  at(hash: number, place: number): number {
    return this.#segments[hash >>> 24]![place * 2 + 1]!;
  }

  #seek(segment: Int32Array, hash: number, from: number): number {
    const mask = segment.length / 2 - 1;
    let place = from;
    while (segment[place * 2 + 1] !== 0 && segment[place * 2] !== hash) place = (place + 1) & mask;
    return place;
  }

  add(hash: number, row: number): void {
    const which = hash >>> 24;
    let segment = this.#segments[which]!;
    if (this.#counts[which]! * 3 >= segment.length) segment = this.#grow(which);
    put(segment, hash | 0, row);
    this.#counts[which]! += 1;
  }

  remove(hash: number, row: number): void {
    const segment = this.#segments[hash >>> 24]!;
    const mask = segment.length / 2 - 1;
    let hole = hash & mask;
    while (segment[hole * 2 + 1] !== row || segment[hole * 2] !== (hash | 0)) {
      if (segment[hole * 2 + 1] === 0) return;
      hole = (hole + 1) & mask;
    }
    this.#counts[hash >>> 24]! -= 1;
    // Pull later entries of the run back, so that no search stops at the hole.
    for (let next = (hole + 1) & mask; segment[next * 2 + 1] !== 0; next = (next + 1) & mask) {
      const home = segment[next * 2]! & mask;
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        segment[hole * 2] = segment[next * 2]!;
        segment[hole * 2 + 1] = segment[next * 2 + 1]!;
        hole = next;
      }
    }
    segment[hole * 2 + 1] = 0;
  }

  #grow(which: number): Int32Array {
    const old = this.#segments[which]!;
    const grown = new Int32Array(old.length * 2);
    for (let i = 0; i < old.length; i += 2) if (old[i + 1] !== 0) put(grown, old[i]!, old[i + 1]!);
    this.#segments[which] = grown;
    return grown;
  }
}

function put(segment: Int32Array, hash: number, row: number): void {
  const mask = segment.length / 2 - 1;
  let place = hash & mask;
  while (segment[place * 2 + 1] !== 0) place = (place + 1) & mask;
  segment[place * 2] = hash;
  segment[place * 2 + 1] = row;
}

/** Mixes one more 32-bit number into a hash. */
export function mix(hash: number, value: number): number {
  let h = Math.imul(hash ^ value, 0x85eb_ca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2_ae35);
  return h ^ (h >>> 16);
}

export function mixText(hash: number, text: string): number {
  let h = hash ^ text.length;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x0100_0193);
  return mix(h, text.length);
}
