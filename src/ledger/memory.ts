/**
 * The ledger in memory, for tests: entries live in a log that several ledgers may share, as several nodes share a
 * stream, so that one is fenced or behind because another one really appended or the log was really cut.
 */

import { LedgerError } from '../base/errors.js';
import { admit } from './admission.js';
import { Chain, EMPTY_HEAD } from './chain.js';
import { ENTRY_BYTES_MAX } from './entry.js';
import type { AppendOutcome, Capacity, Entry, Head, Ledger, Position, SealedEntry } from './port.js';

const READ_GROUP = 256;

/** The shared medium: what stays when a writer goes. */
export class MemoryLog {
  readonly group: string;
  readonly entries: SealedEntry[] = [];
  /** What the medium takes; set it to play a full disk. */
  capacity: Capacity = 'open';
  #head: Head = EMPTY_HEAD;
  readonly #heads: Head[] = [];

  constructor(group: string) {
    this.group = group;
  }

  get head(): Head {
    return this.#head;
  }

  push(entry: SealedEntry, head: Head): void {
    this.entries.push(entry);
    this.#heads.push(head);
    this.#head = head;
  }

  /** Forgets everything above `position`, as a stream that was rolled back. */
  rollBack(position: Position): void {
    this.entries.length = position;
    this.#heads.length = position;
    this.#head = this.#heads.at(-1) ?? EMPTY_HEAD;
  }
}

export class MemoryLedger implements Ledger {
  readonly group: string;
  readonly #log: MemoryLog;
  #closed = false;

  constructor(log: MemoryLog) {
    this.group = log.group;
    this.#log = log;
  }

  head(): Head {
    return this.#log.head;
  }

  capacity(): Capacity {
    return this.#log.capacity;
  }

  entryBytesMax(): number {
    return ENTRY_BYTES_MAX;
  }

  async append(entry: SealedEntry, options: { readonly urgent?: boolean } = {}): Promise<AppendOutcome> {
    if (this.#closed) throw new LedgerError('unavailable', `the ledger of group ${this.group} is closed`);
    if (this.#log.capacity === 'releases-only' && options.urgent !== true) {
      throw new LedgerError('no-space', 'the ledger takes only releases: nothing was written');
    }
    const log = this.#log;
    const admission = await admit(log.head, entry, async (position) => log.entries[position - 1]?.hash ?? entry.hash);
    if (admission.type === 'ended') return admission.outcome;
    log.push(entry, admission.head);
    return { type: 'durable' };
  }

  async *read(from: Position): AsyncIterable<readonly Entry[]> {
    const entries = this.#log.entries.slice();
    const chain = new Chain(this.group);
    let group: Entry[] = [];
    for (const sealed of entries) {
      const entry = chain.check(sealed.bytes);
      if (entry.position >= from) group.push(entry);
      if (group.length === READ_GROUP) {
        yield group;
        group = [];
      }
    }
    if (group.length > 0) yield group;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
