/**
 * Keeps a group alive: opens its ledger, replays it, and does so again when the ledger failed. While the group is
 * away, nothing is answered to clients (they ask again) and operators are told why.
 */

import { LedgerError } from '../base/errors.js';
import type { Command, Rules } from '../core/command.js';
import type { NlmFiles } from '../core/state.js';
import type { DroppedRow } from '../core/sweep.js';
import { Chain } from '../ledger/chain.js';
import type { GroupHandle } from './handle.js';
import type { CheckpointStore, Ledger, Position } from '../ledger/port.js';
import { Group, type DurableBatch } from './group.js';
import { replay, type Replayed } from './replay.js';
import type { Settle, Settled } from './settled.js';

/** A ledger as it was found on opening. */
export interface OpenedLedger {
  readonly ledger: Ledger;
  readonly checkpoints: CheckpointStore | undefined;
  /** What recovery had to say; recorded in the ledger. */
  readonly notes: readonly string[];
  /** The ledger is a restored backup: grants made after it are forgotten, and only grace finds them again. */
  readonly restored: boolean;
  /** The start is recorded, with notes and grace: what reminded of them may go. */
  readonly onRecorded: () => Promise<void>;
}

export interface KeeperOptions {
  readonly name: string;
  readonly node: string;
  readonly release: string;
  readonly clock: () => number;
  readonly rules: Rules;
  /** What an empty ledger assumes about clients: that they hold nothing, or that they will reclaim. */
  readonly firstStart: 'none' | 'grace';
  readonly graceMs: number;
  readonly open: () => Promise<OpenedLedger>;
  /** `inGrace`: why this opening began a grace period for everything; undefined where it did not. */
  readonly onOpened: (replayed: Replayed, opened: OpenedLedger, inGrace: string | undefined) => void;
  readonly onDurable: (batch: DurableBatch, state: NlmFiles) => void;
  readonly onSwept: (row: DroppedRow) => void;
  readonly onSweepEnd: () => void;
  /** The group is away; it is tried again in `retryMs`. */
  readonly onAway: (cause: LedgerError, retryMs: number) => void;
}

const RETRY_MS = 2000;
/** Time-limits of grace, and space that has come back, are looked at so often. */
const TICK_MS = 250;

/**
 * The ledger does not know who holds what: whatever nothing is in the way of is granted, until the time is over. What it
 * does know may be given back since: it is expected, and missed where nobody reclaims it.
 */
const FORGETFUL = { policy: 'lenient', expect: 'held' } as const;

export class GroupKeeper implements GroupHandle {
  readonly #options: KeeperOptions;
  #group: Group | undefined;
  #ledger: Ledger | undefined;
  #away: LedgerError = new LedgerError('unavailable', 'The ledger is being opened. Try again in a moment.');
  #retry: NodeJS.Timeout | undefined;
  #reopening: Promise<void> | undefined;
  #tick: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get group(): Group | undefined {
    return this.#group;
  }

  get state(): NlmFiles | undefined {
    return this.#group?.state;
  }

  get durable(): Position {
    return this.#group?.durable ?? 0;
  }

  /** Why the group is away; undefined while it serves. */
  get away(): LedgerError | undefined {
    return this.#group === undefined ? this.#away : undefined;
  }

  submit(command: Command, settle: Settle): void {
    if (this.#group === undefined) settle({ type: 'withheld', cause: this.#away });
    else this.#group.submit(command, settle);
  }

  submitCall(command: Command, settle: Settle): void {
    this.submit(command, settle);
  }

  submitted(command: Command): Promise<Settled> {
    return new Promise((resolve) => this.submit(command, resolve));
  }

  /** Opens and replays. Rejects with the ledger's error at the first start; later failures are tried again. */
  async open(): Promise<void> {
    const opened = await this.#options.open();
    try {
      const first = opened.ledger.head().position === 0;
      const replayed = await replay(opened.ledger, opened.checkpoints);
      const chain = new Chain(this.name, opened.ledger.head());
      const { node, clock, onDurable, onSwept, onSweepEnd } = this.#options;
      const group = new Group({
        ledger: opened.ledger,
        chain,
        state: replayed.state,
        node,
        epoch: Math.max(1, opened.ledger.head().epoch),
        clock,
        onDurable: (batch) => onDurable(batch, group.state),
        onSwept,
        onSweepEnd,
        onFailed: (cause) => this.#lost(group, cause),
      });
      this.#ledger = opened.ledger;
      const inGrace = await this.#begin(group, opened, first);
      await opened.onRecorded();
      if (this.#closed) throw this.#away;
      this.#group = group;
      this.#options.onOpened(replayed, opened, inGrace);
      group.wake();
      this.#tick ??= setInterval(() => this.#onTick(), TICK_MS);
      this.#tick.unref();
    } catch (error) {
      this.#ledger = undefined;
      await opened.ledger.close().catch(() => undefined);
      throw error;
    }
  }

  /** Lets what was submitted become durable, then seals the ledger. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearInterval(this.#tick);
    await this.#reopening;
    const group = this.#group;
    await group?.drain();
    this.#group = undefined;
    this.#away = new LedgerError('unavailable', 'The node is stopping.');
    group?.stop(this.#away);
    await this.#ledger?.close();
  }

  /** Answers why grace was opened, where it was. */
  async #begin(group: Group, opened: OpenedLedger, first: boolean): Promise<string | undefined> {
    const { node, release, rules, firstStart, graceMs } = this.#options;
    await submitTo(group, { type: 'start', node, release, notes: opened.notes });
    await submitTo(group, { type: 'set-rules', rules });
    const restored = opened.restored ? 'the ledger was restored from a backup' : undefined;
    const beside = first && firstStart === 'grace' ? 'first start, beside clients that may hold locks' : undefined;
    const reason = restored ?? beside;
    if (reason === undefined) return undefined;
    const order = { commandId: '', actor: `node:${node}`, door: 'start', reason };
    await submitTo(group, { type: 'open-grace', scope: { type: 'all' }, durationMs: graceMs, ...FORGETFUL, order });
    return reason;
  }

  #lost(group: Group, cause: LedgerError): void {
    // One that never served is the affair of `open`.
    if (this.#group !== group) return;
    this.#group = undefined;
    this.#away = cause;
    const ledger = this.#ledger;
    this.#ledger = undefined;
    void (async () => {
      await ledger?.close().catch(() => undefined);
      this.#reopen(cause);
    })();
  }

  #reopen(cause: LedgerError): void {
    if (this.#closed) return;
    this.#away = cause;
    this.#options.onAway(cause, RETRY_MS);
    this.#retry = setTimeout(() => {
      this.#reopening = this.open().catch((error: unknown) => {
        this.#reopen(error instanceof LedgerError ? error : new LedgerError('io', String(error), { cause: error }));
      });
    }, RETRY_MS);
  }

  #onTick(): void {
    const group = this.#group;
    if (group === undefined) return;
    // Space may have gone and come back between two looks.
    group.wake();
    group.endGraces();
    group.sumRefusals();
  }
}

async function submitTo(group: Group, command: Command): Promise<void> {
  const settled = await new Promise<Settled>((resolve) => group.submit(command, resolve));
  if (settled.type === 'withheld') throw settled.cause;
}
