/**
 * A fixed piece of work, in milliseconds: what times of this processor are held against, so that a start or a replay of
 * one machine says something on another. It mixes what a fold does: arithmetic, a table larger than a cache, a sort.
 */

const WORDS = 1 << 22;
const STEPS = 4_000_000;
const SORTED = 200_000;
const TRIES = 5;

/** The least of some tries: noise only ever adds. */
export function yardstickMs(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < TRIES; n += 1) {
    const began = performance.now();
    work();
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

function work(): number {
  const table = new Uint32Array(WORDS);
  let h = 1;
  for (let i = 0; i < STEPS; i += 1) {
    h = Math.imul(h ^ i, 0x85eb_ca6b);
    h ^= h >>> 13;
    table[h & (WORDS - 1)]! += h;
  }
  return table.slice(0, SORTED).sort()[0]! + h;
}
