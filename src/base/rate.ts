/** A limit on how often something may happen: so many a period, by key and in all. Pure; time comes in. */

export interface RateLimits {
  readonly periodMs: number;
  readonly perKeyMax: number;
  readonly totalMax: number;
}

export class RateLimiter {
  readonly #limits: RateLimits;
  #periodStart = 0;
  #total = 0;
  #byKey = new Map<string, number>();

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /** Counts one, and says whether it is within the limits. `now` in milliseconds. */
  admits(key: string, now: number): boolean {
    if (now - this.#periodStart >= this.#limits.periodMs) {
      this.#periodStart = now;
      this.#total = 0;
      this.#byKey.clear();
    }
    const ofKey = this.#byKey.get(key) ?? 0;
    if (this.#total >= this.#limits.totalMax || ofKey >= this.#limits.perKeyMax) return false;
    this.#total += 1;
    this.#byKey.set(key, ofKey + 1);
    return true;
  }
}
