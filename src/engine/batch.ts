/** A batch: the events of one coming entry, and the answers that leave once it is durable. */

import type { MsgpackWriter } from '../base/msgpack-writer.js';
import type { LockId } from '../core/command.js';
import { encodeEvent } from '../core/event-codec.js';
import type { Event } from '../core/event.js';
import type { Outcome } from '../core/outcome.js';
import type { LedgerError } from '../base/errors.js';
import type { EncodedEvents, Position } from '../ledger/port.js';
import type { Settle } from './settled.js';

interface Waiting {
  readonly outcome: Outcome;
  readonly settle: Settle;
}

/** Events in one entry at the most: one append stays short, and so does the turn in which it is answered. */
const BATCH_EVENTS_MAX = 4096;
/** Bytes of them: with what one more decision may add, an entry fits the message of a bus (1 MB). */
const BATCH_BYTES_MAX = 512 * 1024;

export class Batch {
  readonly position: Position;
  /** The entry's time: what `evolve` saw live is what it sees in replay. */
  readonly time: number;
  readonly events: Event[] = [];
  readonly #writer: MsgpackWriter;
  /** Locks that came out of a wait: their clients are to be called. */
  readonly grants: LockId[] = [];
  readonly #waiting: Waiting[] = [];

  /** `writer` is the batch's own until it has left. */
  constructor(position: Position, time: number, writer: MsgpackWriter) {
    this.#writer = writer;
    this.position = position;
    this.time = time;
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
    this.#waiting.push({ outcome, settle });
  }

  /** Owes what `earlier` owes, before its own. */
  take(earlier: Batch): void {
    this.#waiting.unshift(...earlier.#waiting);
  }

  /** Everything up to this batch is durable: its answers leave, in the order in which they were decided. */
  settle(): void {
    for (const { outcome, settle } of this.#waiting) settle({ type: 'answer', outcome, position: this.position });
  }

  withhold(cause: LedgerError): void {
    for (const { settle } of this.#waiting) settle({ type: 'withheld', cause });
  }
}
