/** The real ledger of a node, with a hand on it: appends held back, failed, or taken only where they are urgent. */

import { LedgerError } from '../../src/base/errors.js';
import type { Surroundings } from '../../src/compose.js';
import { openLedger } from '../../src/compose-ledgers.js';
import type { AppendOutcome, Capacity, Entry, Head, Ledger, Position, SealedEntry } from '../../src/ledger/port.js';

export class LedgerFaults {
  /** Appends that were asked for. */
  appends = 0;
  /** How often the ledger was opened. */
  opened = 0;
  /** Set: the next append fails with it, before anything is written. */
  failure: LedgerError | undefined;
  capacity: Capacity = 'open';
  #gate: Promise<void> | undefined;
  #open: (() => void) | undefined;
  #arrived: (() => void)[] = [];

  readonly surroundings: Required<Pick<Surroundings, 'open'>> = {
    open: async (configuration, logger) => {
      this.opened += 1;
      const opened = await openLedger(configuration, logger);
      return { ...opened, ledger: new FaultLedger(opened.ledger, this) };
    },
  };

  /** Appends wait from here on. */
  hold(): void {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#open?.();
    this.#gate = undefined;
  }

  fail(code: 'io' | 'no-space'): void {
    this.failure = new LedgerError(code, 'injected: EIO');
  }

  /** Resolves when the next append has come. */
  arrival(): Promise<void> {
    return new Promise((resolve) => this.#arrived.push(resolve));
  }

  async pass(): Promise<void> {
    this.appends += 1;
    for (const resolve of this.#arrived.splice(0)) resolve();
    await this.#gate;
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }
}

class FaultLedger implements Ledger {
  readonly #inner: Ledger;
  readonly #faults: LedgerFaults;

  constructor(inner: Ledger, faults: LedgerFaults) {
    this.#inner = inner;
    this.#faults = faults;
  }

  get group(): string {
    return this.#inner.group;
  }

  head(): Head {
    return this.#inner.head();
  }

  capacity(): Capacity {
    return this.#faults.capacity;
  }

  entryBytesMax(): number {
    return this.#inner.entryBytesMax();
  }

  async append(entry: SealedEntry, options?: { readonly urgent?: boolean }): Promise<AppendOutcome> {
    await this.#faults.pass();
    if (this.#faults.capacity === 'releases-only' && options?.urgent !== true) {
      throw new LedgerError('no-space', 'only releases are taken');
    }
    return this.#inner.append(entry, options);
  }

  read(from: Position): AsyncIterable<readonly Entry[]> {
    return this.#inner.read(from);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
