/**
 * The greatest sums among any number of names, in bounded memory: a table of so many names, which loses its lower half
 * when it is full. A name that is lost and comes again begins anew, so sums may then be too low: `exact` says whether.
 */

/** Names that are counted at a time: some megabytes. */
const NAMES_MAX = 20_000;

export interface TopEntry<T> {
  readonly name: string;
  readonly about: T;
  readonly count: number;
  readonly sum: number;
  readonly max: number;
}

export class Top<T> {
  readonly #namesMax: number;
  #table = new Map<string, TopEntry<T>>();
  #exact = true;

  constructor(namesMax = NAMES_MAX) {
    this.#namesMax = namesMax;
  }

  get exact(): boolean {
    return this.#exact;
  }

  add(name: string, about: T, value: number): void {
    const { count, sum, max } = this.#table.get(name) ?? { count: 0, sum: 0, max: 0 };
    this.#table.set(name, { name, about, count: count + 1, sum: sum + value, max: Math.max(max, value) });
    if (this.#table.size <= this.#namesMax) return;
    this.#exact = false;
    this.#table = new Map(this.first(Math.floor(this.#namesMax / 2)).map((entry) => [entry.name, entry]));
  }

  /** Greatest first. */
  first(limit: number): TopEntry<T>[] {
    return [...this.#table.values()].sort((a, b) => b.sum - a.sum || (a.name < b.name ? -1 : 1)).slice(0, limit);
  }
}
