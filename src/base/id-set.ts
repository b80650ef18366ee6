/** A set of small whole numbers: a bit each. Grows by doubling a few bytes, where a Set of a million stalls as it grows. */

const FIRST_WORDS = 32;

export class IdSet {
  #words = new Uint32Array(FIRST_WORDS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(id: number): void {
    const word = id >>> 5;
    if (word >= this.#words.length) {
      const grown = new Uint32Array(Math.max(word + 1, this.#words.length * 2));
      grown.set(this.#words);
      this.#words = grown;
    }
    const bit = 1 << (id & 31);
    const bits = this.#words[word]!;
    if ((bits & bit) !== 0) return;
    this.#words[word] = bits | bit;
    this.#size += 1;
  }
}
