/**
 * One writer a group: decide, evolve and the filling batch in one turn, durability, then the answers.
 *
 * - One batch is in flight; while it is made durable the next one fills (group commit, no timer). The first event
 *   of a quiet group leaves at the end of the turn, with all that arrived in it.
 * - An outcome without events waits for every batch decided before it (hazard 6).
 * - If an append fails, what is in memory is not true: the group ends (`failed`), all answers are withheld, and its
 *   keeper replays the ledger.
 * - Where other nodes may claim the group (`confirmMs`), an answer leaves only within that time of the sending of an
 *   append that was acknowledged, and an empty entry is appended where there is none (hazard 8).
 */

import { Fifo } from '../base/fifo.js';
import { MsgpackWriter } from '../base/msgpack-writer.js';
import { LedgerError } from '../base/errors.js';
import type { Command, Context, LockId } from '../core/command.js';
import { decide } from '../core/decide.js';
import { hasMisses } from '../core/decide-miss.js';
import { needsForgetting } from '../core/decide-names.js';
import { markExamined } from '../core/decide-wake.js';
import { answer, type Decision } from '../core/decision.js';
import { EVENT_VERSION_MIN, versionOf } from '../core/event-codec.js';
import type { Event } from '../core/event.js';
import { evolve } from '../core/evolve.js';
import { graceComplete } from '../core/grace.js';
import { graces } from '../core/queries.js';
import type { Outcome } from '../core/outcome.js';
import { hasUnrecorded } from '../core/refusals.js';
import { isSweeping, type NlmFiles } from '../core/state.js';
import { sweep, type DroppedRow } from '../core/sweep.js';
import { hasWakes } from '../core/wake-queue.js';
import type { Chain } from '../ledger/chain.js';
import type { AppendOutcome, Ledger, Position } from '../ledger/port.js';
import { Batch } from './batch.js';
import type { Settle } from './settled.js';

/** What one slice of a sweep may take of a turn: other clients hardly notice. Milliseconds. */
const SWEEP_MS_MAX = 2;
/** Rows that are swept between two looks at the clock. */
const SWEEP_ROWS = 16;
/** What waking (in steps that the core bounds) may take of a turn, however many commands come in it. Milliseconds. */
const WAKE_MS_MAX = 2;
/** Callbacks that begin when one batch has landed: about a millisecond. */
const GRANTS_A_BATCH_MAX = 512;

/** A batch that is durable, with its events in order. */
export interface DurableBatch {
  readonly position: Position;
  readonly time: number;
  readonly events: readonly Event[];
  /** Locks that came out of a wait in this batch, in order. */
  readonly grants: readonly LockId[];
}

interface Asked {
  readonly command: Command;
  readonly settle: Settle;
}

export interface GroupOptions {
  readonly ledger: Ledger;
  /** Stands at the ledger's head. */
  readonly chain: Chain;
  /** The fold of everything up to the head. */
  readonly state: NlmFiles;
  readonly node: string;
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** After durability, before the answers of the batch leave. Must not throw. */
  readonly onDurable: (batch: DurableBatch) => void;
  /** Rows as a sweep removes them. */
  readonly onSwept: (row: DroppedRow) => void;
  /** A sweep has ended: what its purges dropped is complete. */
  readonly onSweepEnd: () => void;
  /** The ledger failed, or somebody claimed the group (`fenced`); this group answers nothing any more. */
  readonly onFailed: (cause: LedgerError, how: 'failed' | 'fenced') => void;
  /** How long an acknowledged append shows that the claim stands, from its sending. Absent: nobody else can claim. */
  readonly confirmMs?: number;
  /** The newest event that every node reads which archives the group; absent: this one alone reads it. */
  readonly writes?: () => number;
}

export class Group {
  readonly state: NlmFiles;
  readonly epoch: number;
  readonly #options: GroupOptions;
  /** Batches in order; the last one fills. The one in flight is not among them. */
  readonly #pending: Batch[] = [];
  /** Free ones. */
  readonly #writers: MsgpackWriter[] = [];
  #inFlight: Batch | undefined;
  #scheduled = false;
  #deferred: Asked[] = [];
  /** Long commands, of which a step a turn is done. */
  readonly #unfinished = new Fifo<Asked>();
  #sliced = false;
  /** Position of the last purge. */
  #bulkAt: Position = 0;
  #time: number;
  /** By the end of a grace: when that is on the monotonic clock. A clock that jumps neither ends nor prolongs one. */
  #graceEnds = new Map<number, number>();
  #durable: Position;
  #failure: LedgerError | undefined;
  #drained: (() => void)[] = [];
  /** On the monotonic clock: when the batch in flight was sent, and the last one that was acknowledged. */
  #sentAt = 0;
  #confirmedAt = Number.NEGATIVE_INFINITY;

  constructor(options: GroupOptions) {
    this.#options = options;
    this.state = options.state;
    this.epoch = options.epoch;
    this.#time = options.chain.head.time;
    this.#durable = options.chain.head.position;
  }

  get name(): string {
    return this.#options.ledger.group;
  }

  /** Last durable position. */
  get durable(): Position {
    return this.#durable;
  }

  get failure(): LedgerError | undefined {
    return this.#failure;
  }

  /** False while the ledger takes only what gives locks back. */
  get mayGrant(): boolean {
    return this.#options.ledger.capacity() === 'open';
  }

  /**
   * Decides `command` now; `settle` is called once, when everything that the outcome depends on is durable (which
   * may be before this returns, where nothing is pending).
   */
  submit(command: Command, settle: Settle): void {
    if (this.#failure !== undefined) {
      settle({ type: 'withheld', cause: this.#failure });
      return;
    }
    const marked = this.state.sweeps.length;
    const { events, outcome, rest } = this.#step(command);
    // What another owner may have given away meanwhile is not granted again without asking the ledger.
    if (this.#options.confirmMs !== undefined && events.length === 0 && isRepeatedGrant(command, outcome))
      this.#filling();
    if (rest !== undefined) this.#unfinished.push({ command: rest, settle });
    // It needs the sweep of a purge to be over; its turn comes again then.
    else if (outcome.type === 'again') this.#deferred.push({ command, settle });
    else this.#owe(outcome, settle);
    if (events.length === 0) return;
    if (this.state.sweeps.length > marked) this.#bulkAt = this.#pending.at(-1)?.position ?? this.#durable;
    this.#follow();
  }

  /** Resolves once it is known that the claim stands at this moment; rejects where it does not, or nothing is known. */
  async confirm(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.isConfirmed) return;
    await new Promise<void>((resolve, reject) => {
      this.#filling().await({ type: 'done', more: false }, (settled) =>
        settled.type === 'answer' ? resolve() : reject(settled.cause),
      );
    });
  }

  /** For how long the batch in flight has not been acknowledged; 0 where there is none. Milliseconds. */
  get waitingMs(): number {
    return this.#inFlight === undefined ? 0 : performance.now() - this.#sentAt;
  }

  /** Ends each grace whose time is over. Called now and then. */
  endGraces(): void {
    if (this.#failure !== undefined) return;
    // A copy: what ends leaves the list.
    const open = graces(this.state).slice();
    if (open.length === 0) return this.#graceEnds.clear();
    const now = performance.now();
    for (const { scope, until } of open) {
      const ends = this.#graceEnds.get(until) ?? now + until - this.#now();
      this.#graceEnds.set(until, ends);
      if (ends > now) continue;
      const order = {
        commandId: '',
        actor: `node:${this.#options.node}`,
        door: 'timer',
        reason: 'the limit was reached',
      };
      this.submit({ type: 'end-grace', scope, why: 'limit', order }, () => undefined);
    }
  }

  /** Tells how many refusals were left out of the ledger since it told last; called now and then, `all` at the end. */
  sumRefusals(all = false): void {
    if (this.#failure !== undefined || !hasUnrecorded(this.state, all ? Number.POSITIVE_INFINITY : this.#now())) return;
    this.submit({ type: 'sum-refusals', all }, () => undefined);
  }

  /** Grants what waits, where something outside of a command made that possible (space is back, grace has ended). */
  wake(): void {
    if (this.#failure === undefined) this.#follow();
  }

  /** Resolves once nothing is pending any more: the moment to close. */
  async drain(): Promise<void> {
    this.sumRefusals(true);
    if (this.#failure !== undefined || (this.#inFlight === undefined && this.#pending.length === 0)) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Ends the group: every answer that is still owed is withheld. */
  stop(cause: LedgerError): void {
    if (this.#failure !== undefined) return;
    this.#failure = cause;
    const owed = this.#inFlight === undefined ? this.#pending : [this.#inFlight, ...this.#pending];
    for (const batch of owed) batch.withhold(cause);
    for (const { settle } of this.#deferred) settle({ type: 'withheld', cause });
    this.#deferred = [];
    for (let asked = this.#unfinished.shift(); asked !== undefined; asked = this.#unfinished.shift())
      asked.settle({ type: 'withheld', cause });
    this.#pending.length = 0;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #now(): number {
    this.#time = Math.max(this.#time, this.#options.clock());
    return this.#time;
  }

  /** Decide, evolve, record: no `await` stands between them. */
  #step(command: Command): Decision {
    // What is recorded gets the time of its batch: it is decided by no other.
    const context: Context = { now: this.#pending.at(-1)?.time ?? this.#now(), mayGrant: this.mayGrant };
    const decision = this.#readable(decide(this.state, command, context));
    if (decision.events.length > 0) {
      const batch = this.#filling();
      for (const event of decision.events) {
        // A waiter's lock takes the next number.
        if (event.type === 'waiter-granted') batch.grants.push(this.state.nextId);
        evolve(this.state, event, batch.at);
        batch.add(event);
      }
    }
    markExamined(this.state, decision);
    return decision;
  }

  /** What another node could not fold is not written: it would follow no more. */
  #readable(decision: Decision): Decision {
    const { writes } = this.#options;
    if (writes === undefined || decision.events.length === 0) return decision;
    const needed = versionOf(decision.events);
    if (needed <= EVENT_VERSION_MIN || needed <= writes()) return decision;
    const why = `a node that archives the group reads events of version ${writes()} only: upgrade it first (nlm-ledger groups, on each)`;
    return answer({ type: 'refused', why });
  }

  /** The answer waits for the last batch that was decided before it, or for one that confirms the claim. */
  #owe(outcome: Outcome, settle: Settle): void {
    const batch = this.#pending.at(-1) ?? this.#inFlight ?? (this.isConfirmed ? undefined : this.#filling());
    if (batch === undefined) settle({ type: 'answer', outcome, position: this.#durable });
    else batch.await(outcome, settle);
  }

  /** Whether it is known that the claim stands at this moment. */
  get isConfirmed(): boolean {
    const { confirmMs } = this.#options;
    return confirmMs === undefined || performance.now() - this.#confirmedAt < confirmMs;
  }

  #filling(): Batch {
    const last = this.#pending.at(-1);
    if (last !== undefined && !last.full) return last;
    const position = this.#options.chain.head.position + this.#pending.length + 1;
    const at = { position, epoch: this.epoch, time: this.#now() };
    const batch = new Batch(at, this.#writers.pop() ?? new MsgpackWriter());
    this.#pending.push(batch);
    if (this.#inFlight === undefined && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#launch();
      });
    }
    return batch;
  }

  /** What a step makes possible: at once, unless a turn for it is due anyway, in which everybody else has had theirs. */
  #follow(): void {
    if (!this.#sliced) this.#work();
  }

  #work(): void {
    const wakes = this.mayGrant && hasWakes(this.state) && !this.#crowded() && this.#wakeSlice();
    if (needsForgetting(this.state)) this.#step({ type: 'forget' });
    this.#endComplete();
    if (hasMisses(this.state)) this.#step({ type: 'miss' });
    if (wakes || this.#unfinished.size > 0 || this.#sweeps() || hasMisses(this.state)) {
      this.#sliced = true;
      setImmediate(() => {
        if (this.#failure === undefined) this.#slice();
      });
    }
  }

  /** Ends each grace in which every expected reclaim is in. */
  #endComplete(): void {
    for (let scope = graceComplete(this.state); scope !== undefined; scope = graceComplete(this.state)) {
      const reason = 'every expected reclaim is in';
      const order = { commandId: '', actor: `node:${this.#options.node}`, door: 'engine', reason };
      this.#step({ type: 'end-grace', scope, why: 'complete', order });
    }
  }

  /** True while another step of waking may do something. */
  #wakeSlice(): boolean {
    const until = performance.now() + WAKE_MS_MAX;
    do {
      const { outcome } = this.#step({ type: 'wake' });
      if (outcome.type !== 'done' || !outcome.more || !hasWakes(this.state)) return false;
    } while (performance.now() < until);
    return true;
  }

  /** Whether enough is granted out of waits for one batch: the next ones are when the batch in flight has landed. */
  #crowded(): boolean {
    return this.#inFlight !== undefined && (this.#pending.at(-1)?.grants.length ?? 0) >= GRANTS_A_BATCH_MAX;
  }

  /** Whether there is something to sweep: a purge's rows are its report, and go once it is durable. */
  #sweeps(): boolean {
    return isSweeping(this.state) && this.#durable >= this.#bulkAt;
  }

  #slice(): void {
    if (this.#sweeps() && this.#sweepSlice()) {
      this.#options.onSweepEnd();
      const deferred = this.#deferred;
      this.#deferred = [];
      for (const { command, settle } of deferred) this.submit(command, settle);
    }
    const asked = this.#unfinished.shift();
    if (asked !== undefined) this.submit(asked.command, asked.settle);
    this.#sliced = false;
    this.#work();
  }

  /** True once nothing is left to sweep. */
  #sweepSlice(): boolean {
    const until = performance.now() + SWEEP_MS_MAX;
    do {
      if (sweep(this.state, SWEEP_ROWS, this.#options.onSwept)) return true;
    } while (performance.now() < until);
    return false;
  }

  #launch(): void {
    const batch = this.#pending.shift();
    if (batch === undefined || this.#failure !== undefined) return;
    this.#inFlight = batch;
    this.#sentAt = performance.now();
    const { chain, ledger, node } = this.#options;
    const sealed = chain.seal({
      epoch: this.epoch,
      node,
      time: batch.time,
      durable: this.#durable,
      events: batch.encoded(),
    });
    this.#writers.push(batch.release());
    ledger.append(sealed, { urgent: !this.mayGrant }).then(
      (outcome) => {
        if (outcome.type === 'durable') this.#landed(batch);
        else this.#fail(refusal(this.name, batch.position, outcome), outcome.type === 'fenced' ? 'fenced' : 'failed');
      },
      (cause: unknown) => this.#fail(asLedgerError(cause), 'failed'),
    );
  }

  #landed(batch: Batch): void {
    if (this.#failure !== undefined) return;
    this.#inFlight = undefined;
    this.#durable = batch.position;
    this.#confirmedAt = this.#sentAt;
    this.#options.onDurable(batch);
    // An acknowledgement that this process slept over confirms nothing any more.
    if (this.isConfirmed) batch.settle();
    else this.#filling().take(batch);
    this.#launch();
    if (isSweeping(this.state) || hasWakes(this.state)) this.#follow();
    if (this.#inFlight === undefined && this.#pending.length === 0)
      for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Somebody else owns the group now, as its ledger shows. */
  supersede(epoch: number): void {
    const message = `Group ${this.name} was claimed in epoch ${epoch}: this node, in epoch ${this.epoch}, gives it up.`;
    this.#fail(new LedgerError('refused', message, { details: { epoch } }), 'fenced');
  }

  #fail(cause: LedgerError, how: 'failed' | 'fenced'): void {
    if (this.#failure !== undefined) return;
    this.stop(cause);
    this.#options.onFailed(cause, how);
  }
}

function isRepeatedGrant({ type }: Command, outcome: Outcome): boolean {
  return outcome.type === 'granted' && (type === 'lock' || type === 'share');
}

function refusal(group: string, position: Position, outcome: Exclude<AppendOutcome, { type: 'durable' }>): LedgerError {
  const message = `The ledger of group ${group} did not take position ${position}: ${outcome.type}.`;
  return new LedgerError(outcome.type === 'fenced' ? 'refused' : 'unavailable', message, { details: outcome });
}

function asLedgerError(cause: unknown): LedgerError {
  return cause instanceof LedgerError ? cause : new LedgerError('io', `The ledger failed: ${String(cause)}`, { cause });
}
