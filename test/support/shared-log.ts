/** A replicated log in memory: several nodes share a medium, each has all of it, and the medium can be taken away. */

import { decodeEntry } from '../../src/ledger/entry.js';
import { LedgerError } from '../../src/base/errors.js';
import { MemoryLedger, MemoryLog } from '../../src/ledger/memory.js';
import type {
  AppendOutcome,
  CheckpointStore,
  Entry,
  Head,
  Ledger,
  Position,
  SealedEntry,
} from '../../src/ledger/port.js';
import type { Claimed, LogObserver, ReplicatedLog, ReplicationStatus } from '../../src/ledger/replicated.js';

export class SharedLog extends MemoryLog {
  readonly #listeners = new Set<(entry: SealedEntry) => void>();
  #gate: Promise<void> | undefined;
  #open: (() => void) | undefined;

  override push(entry: SealedEntry, head: Head): void {
    super.push(entry, head);
    for (const listener of this.#listeners) listener(entry);
  }

  listen(listener: (entry: SealedEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Appends end late from here on: they are taken, and their acknowledgement waits. */
  hold(): void {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve));
  }

  release(): void {
    this.#open?.();
    this.#gate = undefined;
  }

  async acknowledged(): Promise<void> {
    await this.#gate;
  }
}

export class SharedReplica implements ReplicatedLog {
  readonly group: string;
  readonly checkpoints: CheckpointStore = { newest: async () => undefined, write: async () => undefined };
  readonly #log: SharedLog;
  #unlisten: (() => void) | undefined;

  constructor(log: SharedLog) {
    this.group = log.group;
    this.#log = log;
  }

  head(): Head {
    return this.#log.head;
  }

  read(from: Position): AsyncIterable<readonly Entry[]> {
    return new MemoryLedger(this.#log).read(from);
  }

  follow(observer: LogObserver): void {
    this.#unlisten?.();
    this.#unlisten = this.#log.listen((entry) => observer.onEntries([decodeEntry(entry.bytes)]));
  }

  async caughtUp(): Promise<Head> {
    return this.#log.head;
  }

  async stopFollowing(): Promise<void> {
    this.#unlisten?.();
  }

  async claim(): Promise<Claimed> {
    await this.stopFollowing();
    const report = { heads: [], reads: { entry: 1, event: 1 }, republished: 0, lossAccepted: false };
    return {
      ledger: new SharedLedger(this.#log),
      report,
      reads: () => report.reads,
      onSuperseded: (listener) => {
        const { epoch } = this.#log.head;
        const unlisten = this.#log.listen((entry) => {
          if (entry.epoch <= epoch + 1) return;
          unlisten();
          listener(entry.epoch);
        });
      },
    };
  }

  status(): ReplicationStatus {
    return { stream: 'memory', connected: true, position: this.#log.head.position, lag: 0, forks: [] };
  }

  async close(): Promise<void> {
    await this.stopFollowing();
  }
}

class SharedLedger implements Ledger {
  readonly group: string;
  readonly #log: SharedLog;
  readonly #inner: MemoryLedger;
  #closed = false;

  constructor(log: SharedLog) {
    this.group = log.group;
    this.#log = log;
    this.#inner = new MemoryLedger(log);
  }

  head = (): Head => this.#inner.head();
  capacity = () => this.#inner.capacity();
  entryBytesMax = () => this.#inner.entryBytesMax();
  read = (from: Position) => this.#inner.read(from);

  async append(entry: SealedEntry): Promise<AppendOutcome> {
    const outcome = await this.#inner.append(entry);
    await this.#log.acknowledged();
    if (this.#closed) throw new LedgerError('unavailable', 'closed');
    return outcome;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
