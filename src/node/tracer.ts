/** The clients whose calls are written to the log, one line a call: set and ended by an operator, on demand. */

import { LedgerError } from '../base/errors.js';

/** Traced at once at the most: a trace is for looking at one client, not for a log of everything. */
const TRACED_MAX = 16;

export class Tracer {
  readonly #traced = new Set<string>();

  /** @throws LedgerError 'limit' */
  set(address: string, on: boolean): void {
    if (!on) this.#traced.delete(address);
    else if (this.#traced.size >= TRACED_MAX && !this.#traced.has(address)) {
      throw new LedgerError('limit', `${TRACED_MAX} clients are traced already; end one with trace --off`);
    } else this.#traced.add(address);
  }

  traces(address: string): boolean {
    return this.#traced.size > 0 && this.#traced.has(address);
  }

  get addresses(): readonly string[] {
    return [...this.#traced];
  }
}
