/**
 * The fold of a group that another node owns: what its archive holds, and each entry as it comes. A claim starts from
 * this state, in memory, instead of a replay.
 */

import { LedgerError } from '../base/errors.js';
import { decodeEvents } from '../core/event-codec.js';
import { evolve } from '../core/evolve.js';
import { isSweeping, type NlmFiles } from '../core/state.js';
import { sweep } from '../core/sweep.js';
import type { Entry, Position } from '../ledger/port.js';
import type { LogObserver, ReplicatedLog } from '../ledger/replicated.js';
import { fold } from './replay.js';

/** Rows of a purge that are swept between two turns of the loop. */
const SWEEP_ROWS = 2048;
/** Entries that may wait while the archive is folded; past it they are read from the archive. */
const WAITING_MAX = 1024;

export interface StandbyOptions {
  readonly log: ReplicatedLog;
  /** After entries were folded. */
  readonly onFolded: (entries: readonly Entry[]) => void;
  readonly onAway: (cause: Error | undefined) => void;
  /** The archive cannot be folded: what to do stands in the error. */
  readonly onBroken: (cause: LedgerError) => void;
}

export class Standby implements LogObserver {
  readonly #options: StandbyOptions;
  #state: NlmFiles | undefined;
  #position: Position = 0;
  #folding: Promise<void> | undefined;
  #waiting: Entry[] = [];
  #isStale = false;
  #sweeping = false;
  #stopped = false;

  constructor(options: StandbyOptions) {
    this.#options = options;
  }

  /** Undefined while the archive is being folded. */
  get state(): NlmFiles | undefined {
    return this.#folding === undefined ? this.#state : undefined;
  }

  /** Last position that is folded. */
  get position(): Position {
    return this.#position;
  }

  /** Folds the archive, and begins to follow. */
  async start(): Promise<void> {
    this.#options.log.follow(this);
    await this.#fold();
  }

  onEntries(entries: readonly Entry[]): void {
    if (this.#stopped) return;
    if (this.#folding !== undefined) {
      if (this.#waiting.length + entries.length > WAITING_MAX) {
        this.#waiting = [];
        this.#isStale = true;
      } else if (!this.#isStale) this.#waiting.push(...entries);
      return;
    }
    try {
      this.#apply(entries);
    } catch (error) {
      this.#break(error);
    }
  }

  onRewound(): void {
    this.#waiting = [];
    if (this.#folding === undefined) void this.#fold();
    else this.#isStale = true;
  }

  onAway(cause: Error | undefined): void {
    this.#options.onAway(cause);
  }

  /** The state of the archive's head, for its owner alone: this standby ends. The log is not followed any more. */
  async finish(): Promise<NlmFiles> {
    await this.#folding;
    const { log } = this.#options;
    for await (const entries of log.read(this.#position + 1)) this.#apply(entries);
    this.#stopped = true;
    const state = this.#state;
    if (state === undefined) throw new LedgerError('unavailable', `group ${log.group} could not be folded`);
    sweep(state, Number.MAX_SAFE_INTEGER);
    return state;
  }

  stop(): void {
    this.#stopped = true;
  }

  #fold(): Promise<void> {
    this.#folding = this.#foldArchive()
      .catch((error: unknown) => this.#break(error))
      .finally(() => {
        this.#folding = undefined;
      });
    return this.#folding;
  }

  async #foldArchive(): Promise<void> {
    const { log } = this.#options;
    do {
      this.#isStale = false;
      const checkpoint = await log.checkpoints.newest(log.head().position);
      const folded = await fold(checkpoint, (from) => log.read(from));
      this.#state = folded.state;
      this.#position = folded.from + folded.entries;
    } while (this.#isStale && !this.#stopped);
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#apply(waiting);
  }

  #apply(entries: readonly Entry[]): void {
    const state = this.#state;
    const fresh = entries.filter(({ position }) => position > this.#position);
    if (state === undefined || fresh.length === 0) return;
    for (const { position, epoch, time, events } of fresh) {
      const at = { position, epoch, time };
      decodeEvents(events, (event) => evolve(state, event, at));
      this.#position = position;
    }
    this.#sweep();
    this.#options.onFolded(fresh);
  }

  #sweep(): void {
    if (this.#sweeping || this.#state === undefined || !isSweeping(this.#state)) return;
    this.#sweeping = true;
    setImmediate(() => {
      this.#sweeping = false;
      if (this.#stopped || this.#state === undefined) return;
      if (!sweep(this.#state, SWEEP_ROWS)) this.#sweep();
    });
  }

  #break(error: unknown): void {
    this.#state = undefined;
    const cause = error instanceof LedgerError ? error : new LedgerError('io', String(error), { cause: error });
    this.#options.onBroken(cause);
  }
}
