/**
 * One group of a cluster on this node: it follows what the owner appends, or owns the group and is its one writer.
 *
 *     opening -> following -> claiming -> owning -> (releasing) -> following
 *
 * - A claim appends the first entry of the next epoch; calls are decided after `serve()`, and held until then. What
 *   asks for a lock is held too from the beginning of a release on.
 * - An owner that is fenced, or that sees a higher epoch, gives the group up: what is in memory is not true, and is
 *   folded anew from the archive.
 * - Nothing is decided for a group that is not owned: STALE_FH, since its file systems are somewhere else.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { LedgerError } from '../base/errors.js';
import type { Command } from '../core/command.js';
import { decide } from '../core/decide.js';
import type { ClaimGroupCommand } from '../core/life-command.js';
import type { NlmFiles } from '../core/state.js';
import type { DroppedRow } from '../core/sweep.js';
import { queueAllWakes } from '../core/wake-queue.js';
import { Chain } from '../ledger/chain.js';
import type { Entry, Position } from '../ledger/port.js';
import type { ClaimOptions, ClaimReport, Claimed, ReplicatedLog, ReplicationStatus } from '../ledger/replicated.js';
import { Group, type DurableBatch } from './group.js';
import type { GroupHandle } from './handle.js';
import { answerUndecided, HeldCalls, HOLD_MS_MAX } from './held-calls.js';
import type { Settle, Settled } from './settled.js';
import { Standby } from './standby.js';

export type Role = 'opening' | 'following' | 'claiming' | 'owning' | 'down';

/** An acknowledged append shows for so long, from its sending, that nobody else owns the group (hazard 8). */
export const CLAIM_MS = 1000;
const TICK_MS = 250;
/** What a stop waits for, that a ledger takes what was submitted. */
const DRAIN_MS_MAX = 2000;

export interface MemberOptions {
  readonly node: string;
  readonly clock: () => number;
  readonly log: ReplicatedLog;
  /** What the first entry of an epoch says beside the claim: who begins, and by which rules. */
  readonly claiming: () => readonly Command[];
  /** The group is owned: its first entry is durable. Calls are not decided yet. */
  readonly onClaimed: (state: NlmFiles) => void;
  readonly onDurable: (batch: DurableBatch, state: NlmFiles) => void;
  /** Entries of another owner. */
  readonly onFolded: (entries: readonly Entry[]) => void;
  readonly onSwept: (row: DroppedRow) => void;
  readonly onSweepEnd: () => void;
  /** The group is not owned any more: `fenced` by another node's claim, or its ledger failed. */
  readonly onLost: (cause: LedgerError, how: 'failed' | 'fenced') => void;
  /** Something to tell an operator; `undefined` when it is over. */
  readonly onNote: (text: string | undefined) => void;
}

export class GroupMember implements GroupHandle {
  readonly #options: MemberOptions;
  readonly #held = new HeldCalls();
  #role: Role = 'opening';
  #standby: Standby;
  #group: Group | undefined;
  #claimed: Claimed | undefined;
  #serving = false;
  #othersSeenAt = performance.now();
  #down: LedgerError | undefined;
  #tick: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#standby = this.#newStandby();
  }

  get name(): string {
    return this.#options.log.group;
  }

  get role(): Role {
    return this.#role;
  }

  /** While the group is owned. */
  get group(): Group | undefined {
    return this.#group;
  }

  /** For reading; undefined while it is folded. */
  get state(): NlmFiles | undefined {
    return this.#group?.state ?? (this.#role === 'down' ? undefined : this.#standby.state);
  }

  get durable(): Position {
    return this.#group?.durable ?? this.#standby.position;
  }

  /** Why the group is not owned here; undefined where it is. */
  get away(): LedgerError | undefined {
    if (this.#group !== undefined) return undefined;
    return this.#down ?? new LedgerError('refused', `This node does not own group ${this.name}.`);
  }

  /** By `performance.now()`: when the last entry of another node came in, or the following began. */
  get othersSeenAt(): number {
    return this.#othersSeenAt;
  }

  get log(): ReplicatedLog {
    return this.#options.log;
  }

  get replication(): ReplicationStatus {
    return this.#options.log.status();
  }

  /** Folds the archive and follows the log. */
  async open(): Promise<void> {
    await this.#follow();
    this.#tick = setInterval(() => this.#onTick(), TICK_MS);
    this.#tick.unref();
  }

  /**
   * Makes this node the owner, under the next epoch.
   * @throws LedgerError 'refused' where another node was first, or what the log says
   */
  async claim(options: ClaimOptions, command: ClaimGroupCommand): Promise<ClaimReport> {
    if (this.#role !== 'following') throw this.#notNow('claimed');
    this.#role = 'claiming';
    try {
      return await this.#claim(options, command);
    } catch (error) {
      await this.#giveUp();
      throw error;
    }
  }

  /** Calls are decided from here on; those that were held, first. */
  serve(): void {
    if (this.#group === undefined) throw this.#notNow('served');
    this.#serving = true;
    this.#group.wake();
    this.#held.release((command, settle) => this.submitCall(command, settle));
  }

  /** A client's call. */
  submitCall(command: Command, settle: Settle): void {
    const group = this.#group;
    if (group !== undefined && this.#serving && !(isPatient(command) && isBetween(group.state))) {
      // Its ledger does not answer: what is asked now is not decided before it does.
      if (group.waitingMs > HOLD_MS_MAX && isPatient(command)) answerUndecided(command, settle);
      else group.submit(command, settle);
      return;
    }
    if (this.#role === 'following') settle({ type: 'answer', outcome: { type: 'not-here' }, position: 0 });
    else this.#held.hold(command, settle);
  }

  /** Anything else: orders, steps of a takeover, answers to callbacks. */
  submit(command: Command, settle: Settle): void {
    if (this.#group === undefined) settle({ type: 'withheld', cause: this.#down ?? this.#notNow('written to') });
    else this.#group.submit(command, settle);
  }

  submitted(command: Command): Promise<Settled> {
    return new Promise((resolve) => this.submit(command, resolve));
  }

  /** Gives the group up after its last entry of this epoch, and follows. */
  async surrender(): Promise<void> {
    if (this.#group === undefined) throw this.#notNow('given up');
    await this.#group.drain();
    await this.#giveUp();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#tick);
    // Where the stream is away, what waits for it is not answered: its clients ask again.
    const late = delay(DRAIN_MS_MAX, undefined, { ref: false });
    await Promise.race([this.#group?.drain(), late]);
    await this.#leave(new LedgerError('unavailable', 'The node is stopping.'));
    this.#standby.stop();
    await this.#options.log.close();
  }

  async #claim(options: ClaimOptions, command: ClaimGroupCommand): Promise<ClaimReport> {
    const { log, node, clock, claiming, onDurable, onSwept, onSweepEnd } = this.#options;
    const claimed = await log.claim(options);
    this.#claimed = claimed;
    const state = await this.#standby.finish();
    // A crash of the last owner between a release and its wakes loses nothing.
    queueAllWakes(state);
    const head = claimed.ledger.head();
    // A refusal must not begin an epoch.
    const { outcome } = decide(state, command, { now: clock(), mayGrant: false });
    if (outcome.type === 'refused') throw new LedgerError('refused', `group ${this.name}: ${outcome.why}`);
    const group: Group = new Group({
      ledger: claimed.ledger,
      chain: new Chain(log.group, head),
      state,
      node,
      epoch: head.epoch + 1,
      clock,
      confirmMs: CLAIM_MS,
      writes: () => claimed.reads().event,
      onDurable: (batch) => onDurable(batch, state),
      onSwept,
      onSweepEnd,
      onFailed: (cause, how) => this.#lost(group, cause, how),
    });
    claimed.onSuperseded((epoch) => group.supersede(epoch));
    const commands = [{ ...command, lossAccepted: claimed.report.lossAccepted }, ...claiming()];
    const settled = await Promise.all(
      commands.map((command) => new Promise<Settled>((resolve) => group.submit(command, resolve))),
    );
    const failed = settled.find(({ type }) => type === 'withheld');
    if (failed?.type === 'withheld') throw failed.cause;
    if (this.#closed || group.failure !== undefined) throw group.failure ?? this.#notNow('claimed');
    this.#group = group;
    this.#role = 'owning';
    // An owner follows nobody: what was said of following is over.
    this.#options.onNote(undefined);
    this.#options.onClaimed(state);
    return claimed.report;
  }

  #lost(group: Group, cause: LedgerError, how: 'failed' | 'fenced'): void {
    // One that never owned is the affair of `claim`.
    if (this.#group !== group) return;
    this.#options.onLost(cause, how);
    void this.#giveUp();
  }

  /** Back to following, whatever was. */
  async #giveUp(): Promise<void> {
    await this.#leave(this.#notNow('served'));
    if (this.#closed) return;
    this.#standby.stop();
    this.#role = 'opening';
    this.#standby = this.#newStandby();
    await this.#follow();
  }

  async #leave(cause: LedgerError): Promise<void> {
    const group = this.#group;
    const claimed = this.#claimed;
    this.#group = undefined;
    this.#claimed = undefined;
    this.#serving = false;
    group?.stop(cause);
    await claimed?.ledger.close().catch(() => undefined);
  }

  async #follow(): Promise<void> {
    await this.#standby.start();
    if (this.#closed || this.#role !== 'opening') return;
    this.#role = 'following';
    this.#held.release((command, settle) => this.submitCall(command, settle));
  }

  #newStandby(): Standby {
    return new Standby({
      log: this.#options.log,
      onFolded: (entries) => {
        this.#othersSeenAt = performance.now();
        this.#options.onFolded(entries);
      },
      onAway: (cause) =>
        this.#options.onNote(cause === undefined ? undefined : `group ${this.name} is not followed: ${cause.message}`),
      onBroken: (cause) => {
        this.#role = 'down';
        this.#down = cause;
        this.#options.onNote(`group ${this.name}: ${cause.message}`);
      },
    });
  }

  #onTick(): void {
    if (this.#group === undefined || !this.#serving) return;
    // Space may have gone and come back between two looks.
    this.#group.wake();
    this.#group.endGraces();
    this.#group.sumRefusals();
  }

  #notNow(what: string): LedgerError {
    return (
      this.#down ??
      new LedgerError('refused', `Group ${this.name} cannot be ${what} here now: this node is ${this.#role}.`)
    );
  }
}

/** Whether its owner gives it up, or takes it back: who grants is known soon, and GRACE would cost a client 5 s. */
function isBetween({ life }: NlmFiles): boolean {
  return life.status !== 'owned';
}

/** Calls whose client comes back by itself, soon and with the same question. */
function isPatient({ type }: Command): boolean {
  return type === 'lock' || type === 'share' || type === 'test';
}
