/** A batch: the events of one coming entry, and the answers that leave once it is durable. */

import type { MsgpackWriter } from '../base/msgpack-writer.js';
import type { LockId } from '../core/command.js';
import { encodeEvent } from '../core/event-codec.js';
import type { At, Event } from '../core/event.js';
import type { Outcome } from '../core/outcome.js';
import type { LedgerError } from '../base/errors.js';
import type { EncodedEvents, Position } from '../ledger/port.js';
import type { Answer, Settle } from './settled.js';

/** Events in one entry at the most: one append stays short, and so does the turn in which it is answered. */
const BATCH_EVENTS_MAX = 4096;
/** Bytes of them: with what one more decision may add, an entry fits the message of a bus (1 MB). */
const BATCH_BYTES_MAX = 512 * 1024;

export class Batch {
  readonly position: Position;
  /** The entry's time: what `evolve` saw live is what it sees in replay. */
  readonly time: number;
  /** Where its events stand. */
  readonly at: At;
  readonly events: Event[] = [];
  readonly #writer: MsgpackWriter;
  /** Locks that came out of a wait: their clients are to be called. */
  readonly grants: LockId[] = [];
  /** What is owed, in the order in which it was decided: outcomes, and who is to hear each. */
  readonly #outcomes: Outcome[] = [];
  readonly #settles: Settle[] = [];

  /** `writer` is the batch's own until it has left. */
  constructor(at: At, writer: MsgpackWriter) {
    this.#writer = writer;
    this.at = at;
    this.position = at.position;
    this.time = at.time;
  }

  get full(): boolean {
    return this.events.length >= BATCH_EVENTS_MAX || this.#writer.length >= BATCH_BYTES_MAX;
  }

  add(event: Event): void {
    this.events.push(event);
    encodeEvent(this.#writer, event);
  }

  /** As they are now, without a copy. */
  encoded(): EncodedEvents {
    return { count: this.events.length, bytes: this.#writer.view() };
  }

  /** The batch is sealed: its writer is free for the next one. */
  release(): MsgpackWriter {
    this.#writer.reset();
    return this.#writer;
  }

  await(outcome: Outcome, settle: Settle): void {
    this.#outcomes.push(outcome);
    this.#settles.push(settle);
  }

  /** Owes what `earlier` owes, before its own. */
  take(earlier: Batch): void {
    this.#outcomes.unshift(...earlier.#outcomes);
    this.#settles.unshift(...earlier.#settles);
  }

  /** Everything up to this batch is durable: its answers leave, in the order in which they were decided. */
  settle(): void {
    const { position } = this;
    let settled: Answer | undefined;
    for (let i = 0; i < this.#settles.length; i += 1) {
      const outcome = this.#outcomes[i]!;
      // Most have the outcome of the one before: they share one object.
      if (settled?.outcome !== outcome) settled = { type: 'answer', outcome, position };
      this.#settles[i]!(settled);
    }
  }

  withhold(cause: LedgerError): void {
    for (const settle of this.#settles) settle({ type: 'withheld', cause });
  }
}
