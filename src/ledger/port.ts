/**
 * The ledger of one group: the port that every implementation keeps (file, jetstream, memory), and one contract
 * suite tests. Between `evolve` and the reply on the line: what is durable here may be told to a client.
 *
 * Order: entries have the positions 1, 2, 3, ... without a gap. Each carries the SHA-256 of the bytes before it.
 * One append is in flight at a time; the caller waits for its outcome before the next.
 */

import type { EncodedEvents } from '../core/encoded-events.js';

/** Position of an entry; 0 stands before the first. A safe integer. */
export type Position = number;

export type { EncodedEvents };

/** An atomic batch of events at one position. */
export interface Entry {
  /** Version of the entry's form; a reader refuses a newer one. */
  readonly version: number;
  readonly group: string;
  readonly position: Position;
  /** Grows by one with each claim of the group. */
  readonly epoch: number;
  /** Name of the node that appended it. */
  readonly node: string;
  /** Milliseconds since 1970, by the owner's clock; never below the entry before. */
  readonly time: number;
  /** SHA-256 of the bytes of the entry before; 32 zero bytes at position 1. */
  readonly previous: Uint8Array;
  /** The last position known durable when this entry was written. */
  readonly durable: Position;
  readonly events: EncodedEvents;
}

/** An entry in its final bytes, ready to be appended anywhere. */
export interface SealedEntry {
  readonly position: Position;
  readonly epoch: number;
  /** The msgpack form of the entry. Owned by the receiver from here on: the sender never writes to it again. */
  readonly bytes: Uint8Array;
  /** SHA-256 of `bytes`. */
  readonly hash: Uint8Array;
}

export interface Head {
  readonly position: Position;
  readonly epoch: number;
  readonly time: number;
  /** SHA-256 of the entry at `position`; 32 zero bytes at 0. */
  readonly hash: Uint8Array;
}

/** How an append ends (a failed disk or a full one is thrown as a LedgerError `io` or `no-space` instead). */
export type AppendOutcome =
  | { readonly type: 'durable' }
  /** A different entry stands at this position: someone claimed the group. */
  | { readonly type: 'fenced'; readonly epoch: number }
  /** The log ends below `position - 1`: the missing suffix has to be appended again first. */
  | { readonly type: 'behind'; readonly head: Position }
  /** Not known: the same bytes may be appended again. */
  | { readonly type: 'unknown'; readonly cause: unknown };

/** What the ledger takes at this moment: on a nearly full disk only what gives locks back. */
export type Capacity = 'open' | 'releases-only';

export interface Ledger {
  readonly group: string;
  head(): Head;
  capacity(): Capacity;
  /** Bytes of the largest entry that is taken: a bus has smaller messages than a disk has frames. May change. */
  entryBytesMax(): number;
  /**
   * Appends at `entry.position`, which must be `head().position + 1`. Resolves `durable` only once the bytes are
   * synced. Throws LedgerError `io` (never retried: close and recover) or `no-space` (nothing was written).
   * `urgent` entries (releases and purges) may use the reserve that `releases-only` keeps for them.
   */
  append(entry: SealedEntry, options?: { readonly urgent?: boolean }): Promise<AppendOutcome>;
  /** Entries from position `from` on to the head at the time of the call, in order, in groups as they are read. */
  read(from: Position): AsyncIterable<readonly Entry[]>;
  /** Seals and closes; every append has ended before. */
  close(): Promise<void>;
}

/** A projection at a position, written beside the ledger so that a start need not replay from 1. */
export interface Checkpoint {
  readonly position: Position;
  readonly epoch: number;
  readonly time: number;
  /** Chain hash at `position`. */
  readonly hash: Uint8Array;
  /** Version of the form of `state`. */
  readonly version: number;
  readonly state: Uint8Array;
}

export interface CheckpointStore {
  /** The newest checkpoint that is whole, matches the chain and is not above `limit`; a damaged one is passed over with a word. */
  newest(limit: Position): Promise<Checkpoint | undefined>;
  write(checkpoint: Checkpoint): Promise<void>;
}
