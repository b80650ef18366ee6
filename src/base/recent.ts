/**
 * What was looked up of late, in two halves: the one that fills, and the one before it. A bound without a list of who
 * came when; what is asked for again in time stays.
 */

export class Recent<Key, Value extends object> {
  readonly #halfMax: number;
  #recent = new Map<Key, Value>();
  #older = new Map<Key, Value>();

  /** Each half has at most so many. */
  constructor(halfMax: number) {
    this.#halfMax = halfMax;
  }

  get(key: Key): Value | undefined {
    const found = this.#recent.get(key);
    if (found !== undefined) return found;
    const older = this.#older.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: Key, value: Value): void {
    if (this.#recent.size >= this.#halfMax && !this.#recent.has(key)) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, value);
  }
}
