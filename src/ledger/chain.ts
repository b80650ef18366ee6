/**
 * The hash chain: gives each entry its position and the SHA-256 of the one before, and checks the same when reading.
 * Between the engine's batch and every ledger.
 */

import { hash } from 'node:crypto';
import { assert } from '../base/assert.js';
import { LedgerError } from '../base/errors.js';
import { decodeEntry, encodeEntry, ENTRY_VERSION, HASH_BYTES } from './entry.js';
import type { EncodedEvents, Entry, Head, Position, SealedEntry } from './port.js';

export const EMPTY_HEAD: Head = { position: 0, epoch: 0, time: 0, hash: new Uint8Array(HASH_BYTES) };

export function sha256(bytes: Uint8Array): Uint8Array {
  // By way of a string: Node makes the Buffer of a small result several times as slowly.
  return Buffer.from(hash('sha256', bytes, 'binary'), 'latin1');
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** What the owner puts into an entry; position, version and previous hash are the chain's. */
export interface EntryBody {
  readonly epoch: number;
  readonly node: string;
  /** Milliseconds since 1970; raised to the time of the entry before where the clock went back. */
  readonly time: number;
  readonly durable: Position;
  readonly events: EncodedEvents;
}

/** One group's chain. It moves on with each `seal` and `check`; after a failed append it is dropped, not rewound. */
export class Chain {
  readonly group: string;
  #head: Head;

  constructor(group: string, head: Head = EMPTY_HEAD) {
    this.group = group;
    this.#head = head;
  }

  get head(): Head {
    return this.#head;
  }

  /** The next entry in its final bytes. */
  seal(body: EntryBody): SealedEntry {
    const before = this.#head;
    assert(body.epoch >= before.epoch, `epoch ${body.epoch} is below ${before.epoch}: the group was claimed`);
    const position = before.position + 1;
    const time = Math.max(body.time, before.time);
    const { epoch, node, durable, events } = body;
    const { group } = this;
    const version = ENTRY_VERSION;
    const bytes = encodeEntry({ version, group, position, epoch, node, time, previous: before.hash, durable }, events);
    const hashOfBytes = sha256(bytes);
    this.#head = { position, epoch: body.epoch, time, hash: hashOfBytes };
    return { position, epoch: body.epoch, bytes, hash: hashOfBytes };
  }

  /**
   * The entry, if it is the next one of this chain; otherwise LedgerError `damaged` that says where, or
   * `newer-version`. A lower epoch is no fault of the chain: evolve ignores such an entry (hazard 10).
   */
  check(bytes: Uint8Array): Entry {
    const entry = decodeEntry(bytes);
    const before = this.#head;
    if (entry.group !== this.group) throw this.#broken(`it belongs to the group ${JSON.stringify(entry.group)}`);
    if (entry.position !== before.position + 1) throw this.#broken(`it says position ${entry.position}`);
    if (!equalBytes(entry.previous, before.hash)) {
      throw this.#broken(`its previous hash is not that of the entry at ${before.position}`);
    }
    this.#head = {
      position: entry.position,
      epoch: Math.max(entry.epoch, before.epoch),
      time: Math.max(entry.time, before.time),
      hash: sha256(bytes),
    };
    return entry;
  }

  #broken(why: string): LedgerError {
    const position = this.#head.position + 1;
    return new LedgerError(
      'damaged',
      `the chain of group ${this.group} breaks at position ${position}: ${why}. Keep the folder as it is, and restore a backup or another node's archive`,
      { details: { group: this.group, position } },
    );
  }
}
