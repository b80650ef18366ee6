/**
 * The file ledger: one frame and one sync an append, an idle mark soon after the last one, a seal at the end. Between
 * the engine's batch and the disk; the durability point of the embedded server. open.ts makes one.
 */

import { assert } from '../../base/assert.js';
import { LedgerError } from '../../base/errors.js';
import { admit, admitNext } from '../admission.js';
import { ENTRY_BYTES_MAX } from '../entry.js';
import type { AppendOutcome, Capacity, Entry, Head, Ledger, Position, SealedEntry } from '../port.js';
import {
  encodeFrame,
  encodeMark,
  FRAME_ENTRY,
  FRAME_MARK,
  FRAME_SEAL,
  frameBytes,
  MARK_FRAME_BYTES,
  type FrameKind,
} from './format.js';
import { writeSegment } from './incoming.js';
import { headAt, replay } from './replay.js';
import { beginSegment, fits, segmentBytesFor, type ActiveSegment } from './segment.js';
import { diskError, type Storage } from './storage.js';
import type { SegmentSupply } from './supply.js';
import type { SyncWriter } from './sync-writer.js';

/** Fewer are quicker one by one: a segment of its own costs some syncs too. */
const COPIES_TOGETHER_MIN = 128;
const COPY = { urgent: true, isCopy: true } as const;
const DURABLE: AppendOutcome = { type: 'durable' };
/** A frame buffer that grew for one large entry is not kept. */
const FRAME_BUFFER_BYTES = 256 * 1024;

export interface FileLedgerParts {
  readonly group: string;
  readonly storage: Storage;
  /** The folder of segments. */
  readonly folder: string;
  readonly supply: SegmentSupply;
  readonly writer: SyncWriter;
  readonly active: ActiveSegment;
  readonly head: Head;
  /** Kind of the last frame, 0 where the active segment has none. */
  readonly lastKind: FrameKind | 0;
  /** An idle ledger writes its mark after this time. */
  readonly idleMarkMs: number;
  readonly release: () => Promise<void>;
}

export class FileLedger implements Ledger {
  readonly group: string;
  readonly #parts: FileLedgerParts;
  #active: ActiveSegment;
  #head: Head;
  #lastKind: FrameKind | 0;
  #buffer = Buffer.alloc(FRAME_BUFFER_BYTES);
  #appending = false;
  #marking: Promise<void> | undefined;
  #failure: LedgerError | undefined;
  #closed = false;
  readonly #idle: NodeJS.Timeout;

  constructor(parts: FileLedgerParts) {
    this.group = parts.group;
    this.#parts = parts;
    this.#active = parts.active;
    this.#head = parts.head;
    this.#lastKind = parts.lastKind;
    this.#idle = setTimeout(() => this.#markWhenIdle(), parts.idleMarkMs);
    this.#idle.unref();
  }

  head(): Head {
    return this.#head;
  }

  capacity(): Capacity {
    return this.#parts.supply.capacity;
  }

  /** `isCopy`: the entry stands in the log that this ledger is an archive of. */
  async append(
    entry: SealedEntry,
    options: { readonly urgent?: boolean; readonly isCopy?: boolean } = {},
  ): Promise<AppendOutcome> {
    assert(!this.#appending, 'one append at a time');
    this.#refuseWhereOver();
    this.#appending = true;
    try {
      const { isCopy } = options;
      const admission =
        admitNext(this.#head, entry, isCopy) ?? (await admit(this.#head, entry, (position) => this.#hashAt(position)));
      if (admission.type === 'ended') return admission.outcome;
      const urgent = options.urgent === true;
      if (!urgent && this.#parts.supply.capacity !== 'open') {
        throw new LedgerError(
          'no-space',
          'the disk of the ledger is full: only releases are taken. Nothing was written',
        );
      }
      if (this.#marking !== undefined) await this.#marking;
      this.#refuseWhereOver();
      const size = frameBytes(entry.bytes.length);
      if (!fits(this.#active, size)) await this.#rotate(size, urgent);
      const writing = this.#write(FRAME_ENTRY, entry.bytes);
      if (writing !== undefined) await writing;
      this.#head = admission.head;
      this.#idle.refresh();
      this.#wantNextSegment();
      return DURABLE;
    } finally {
      this.#appending = false;
    }
  }

  /**
   * Appends entries of the log that this ledger is an archive of: many of them in a segment of their own, synced once.
   * Resolves once all are durable; where it throws, those up to the head are.
   */
  async appendCopies(entries: readonly SealedEntry[]): Promise<AppendOutcome> {
    let next = 0;
    // A segment without an entry has the name of the next one: it gets the first.
    const alone = this.#active.first === this.#head.position + 1 ? 1 : 0;
    if (entries.length - alone >= COPIES_TOGETHER_MIN && this.#parts.supply.capacity === 'open') {
      for (; next < alone; next += 1) {
        const outcome = await this.append(entries[next]!, COPY);
        if (outcome.type !== 'durable') return outcome;
      }
      return this.#appendTogether(entries.slice(next));
    }
    for (const entry of entries) {
      const outcome = await this.append(entry, COPY);
      if (outcome.type !== 'durable') return outcome;
    }
    return DURABLE;
  }

  async #appendTogether(entries: readonly SealedEntry[]): Promise<AppendOutcome> {
    assert(!this.#appending, 'one append at a time');
    this.#refuseWhereOver();
    this.#appending = true;
    try {
      let head = this.#head;
      for (const entry of entries) {
        const admission = admitNext(head, entry, true);
        assert(admission !== undefined, 'copies are appended in order');
        if (admission.type === 'ended') return admission.outcome;
        ({ head } = admission);
      }
      if (this.#marking !== undefined) await this.#marking;
      this.#refuseWhereOver();
      const { storage, folder } = this.#parts;
      const full = this.#active;
      if (this.#lastKind !== FRAME_SEAL) await this.#writeMark(FRAME_SEAL);
      try {
        this.#active = await writeSegment(storage, folder, this.group, this.#head, full.first, entries);
        this.#lastKind = FRAME_ENTRY;
        await full.file.close();
      } catch (error) {
        this.#fail(error);
      }
      this.#head = head;
      this.#idle.refresh();
      return DURABLE;
    } finally {
      this.#appending = false;
    }
  }

  entryBytesMax(): number {
    return ENTRY_BYTES_MAX;
  }

  async *read(from: Position): AsyncIterable<readonly Entry[]> {
    const { storage, folder } = this.#parts;
    yield* replay({ storage, folder, group: this.group, from: Math.max(from, 1), upTo: this.#head.position });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    assert(!this.#appending, 'every append has ended before the ledger is closed');
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#marking;
    try {
      if (this.#failure === undefined && this.#lastKind !== FRAME_SEAL) await this.#writeMark(FRAME_SEAL);
    } finally {
      await this.#parts.supply.close();
      await this.#active.file.close();
      await this.#parts.release();
    }
  }

  /** Writes one frame behind the last; `undefined` where it is durable already. A failed write ends the ledger. */
  #write(kind: FrameKind, payload: Uint8Array): Promise<void> | undefined {
    const active = this.#active;
    const size = frameBytes(payload.length);
    const target = size <= this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(size);
    encodeFrame(target, kind, active.salt, payload);
    const written = (): void => {
      active.end += size;
      this.#lastKind = kind;
    };
    try {
      const writing = this.#parts.writer.write(active.file, target.subarray(0, size), active.end);
      if (writing !== undefined) return writing.then(written, (error: unknown) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
    }
    written();
    return undefined;
  }

  /** What a failed write left on the disk is not known: only a new start, from the disk, may go on. */
  #fail(error: unknown): never {
    // A full disk here hit a frame half-way: unlike `no-space` before a write, something may stand there.
    const cause = diskError(error, `the ledger of group ${this.group} could not be written`);
    this.#failure = new LedgerError('io', cause.message, { cause: error, details: cause.details });
    clearTimeout(this.#idle);
    throw this.#failure;
  }

  #refuseWhereOver(): void {
    if (this.#failure === undefined && !this.#closed) return;
    throw new LedgerError(
      'unavailable',
      this.#closed
        ? `the ledger of group ${this.group} is closed`
        : `the ledger of group ${this.group} failed before and takes nothing more: start again, so that it recovers from the disk`,
      { cause: this.#failure },
    );
  }

  #markWhenIdle(): void {
    if (this.#appending || this.#failure !== undefined || this.#closed || this.#lastKind !== FRAME_ENTRY) return;
    this.#marking = this.#writeMark(FRAME_MARK)
      .catch(() => undefined) // kept as the failure that the next append reports
      .finally(() => {
        this.#marking = undefined;
      });
  }

  async #writeMark(kind: typeof FRAME_MARK | typeof FRAME_SEAL): Promise<void> {
    if (this.#active.end + MARK_FRAME_BYTES > this.#active.bytes) return;
    await this.#write(kind, encodeMark(this.#head));
  }

  /** The next segment is made in the background, early: it is twice as large, and nobody should wait for it. */
  #wantNextSegment(): void {
    const { bytes, end } = this.#active;
    if (end * 8 > bytes) this.#parts.supply.want(this.#parts.supply.sizeAfter(bytes));
  }

  async #rotate(size: number, urgent: boolean): Promise<void> {
    const { storage, folder, supply } = this.#parts;
    // Before anything is written: a full disk is found out here.
    const empty = await supply.take(supply.sizeAfter(this.#active.bytes), segmentBytesFor(size), urgent);
    if (this.#lastKind !== FRAME_SEAL) await this.#writeMark(FRAME_SEAL);
    const full = this.#active;
    try {
      this.#active = await beginSegment(storage, folder, empty, this.group, this.#head, full.first);
      this.#lastKind = 0;
      await full.file.close();
    } catch (error) {
      this.#fail(error);
    }
  }

  async #hashAt(position: Position): Promise<Uint8Array> {
    const { storage, folder } = this.#parts;
    const head = await headAt({ storage, folder, group: this.group }, position);
    if (head !== undefined) return head.hash;
    throw new LedgerError('damaged', `position ${position} of group ${this.group} cannot be read back`);
  }
}
