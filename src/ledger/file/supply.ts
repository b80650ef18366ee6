/**
 * Empty segments: the next one is written full of zeros ahead of its use, and a reserve lies ready for releases and
 * purges on a full disk. Under FileLedger; knows free space, never entries.
 */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import type { Capacity } from '../port.js';
import { endOfBytes } from './frames.js';
import { INCOMING } from './layout.js';
import { diskError, errorNumber, writeAll, type Storage } from './storage.js';

export interface SupplyLimits {
  /** Bytes of a new ledger's first segment: quick to make. Each next one is twice as large. */
  readonly firstSegmentBytes: number;
  /** A start reads the last segment more than once: to find its end, and to hold a checkpoint against it. */
  readonly segmentBytesMax: number;
  /** Bytes of the reserve: some thousand batches of releases. */
  readonly reserveBytes: number;
  /** Below this many free bytes on the disk only releases are taken. */
  readonly freeBytesMin: number;
  /** How often free space is looked at. */
  readonly checkEveryMs: number;
}

const MIB = 1024 * 1024;
export const SUPPLY_LIMITS: SupplyLimits = {
  firstSegmentBytes: MIB,
  segmentBytesMax: 16 * MIB,
  reserveBytes: 2 * MIB,
  freeBytesMin: 16 * MIB,
  checkEveryMs: 2_000,
};

/** Zeros are written in pieces, each synced, so that no append waits behind a whole segment of them. */
const PIECE = Buffer.alloc(256 * 1024);
const GROWTH = 2;

export interface EmptySegment {
  readonly path: string;
  readonly bytes: number;
}

export class SegmentSupply {
  readonly #storage: Storage;
  readonly #folder: string;
  readonly #limits: SupplyLimits;
  readonly #onCapacity: (capacity: Capacity, why: string) => void;
  #capacity: Capacity = 'open';
  #reserve: EmptySegment | undefined;
  #spare: EmptySegment | undefined;
  /** Size the next spare should have; 0 while none is wanted. */
  #wanted = 0;
  #work: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(
    storage: Storage,
    folder: string,
    limits: SupplyLimits,
    onCapacity: (capacity: Capacity, why: string) => void,
  ) {
    this.#storage = storage;
    this.#folder = folder;
    this.#limits = limits;
    this.#onCapacity = onCapacity;
  }

  get capacity(): Capacity {
    return this.#capacity;
  }

  /** Clears what a crash left without a name (no entry in it ever counted), takes the reserve over or makes it. */
  async start(): Promise<void> {
    const names = await this.#storage.list(this.#folder);
    for (const left of ['spare', INCOMING]) if (names.includes(left)) await this.#storage.remove(this.#path(left));
    this.#reserve = await this.#foundReserve();
    await this.#check();
    this.#timer = setInterval(() => void this.#check(), this.#limits.checkEveryMs);
    this.#timer.unref();
  }

  /** The size that follows a segment of this size. */
  sizeAfter(bytes: number): number {
    return Math.min(Math.max(bytes * GROWTH, this.#limits.firstSegmentBytes), this.#limits.segmentBytesMax);
  }

  /** Asks for a spare of about `bytes`; it is made in the background. */
  want(bytes: number): void {
    if (this.#spare !== undefined || this.#wanted > 0) return;
    this.#wanted = bytes;
    void this.#check();
  }

  /**
   * An empty segment of at least `bytesMin`, and of about `bytes` where there is room. The caller renames it away.
   * Throws `no-space`; only an urgent caller gets the reserve.
   */
  async take(bytes: number, bytesMin: number, urgent: boolean): Promise<EmptySegment> {
    await this.#work;
    if (this.#spare === undefined || this.#spare.bytes < bytesMin) {
      this.#spare = undefined;
      this.#wanted = Math.max(bytes, bytesMin);
      await this.#check();
    }
    const { path, bytes: found } = this.#spare ?? { path: '', bytes: 0 };
    if (found >= bytesMin) {
      this.#spare = undefined;
      return { path, bytes: found };
    }
    const reserve = this.#reserve;
    if (urgent && reserve !== undefined && reserve.bytes >= bytesMin) {
      this.#reserve = undefined;
      return reserve;
    }
    throw new LedgerError('no-space', 'the disk of the ledger is full: nothing was written. Free space on it');
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#work;
    if (this.#spare !== undefined) await this.#storage.remove(this.#spare.path);
  }

  /** One look at the disk at a time; a later caller waits for it and for its own. */
  async #check(): Promise<void> {
    while (this.#work !== undefined) await this.#work;
    if (this.#closed) return;
    this.#work = this.#provide().finally(() => (this.#work = undefined));
    await this.#work;
  }

  async #provide(): Promise<void> {
    try {
      const free = await this.#storage.freeBytes(this.#folder);
      // A quarter more before it opens again: no flapping at the limit.
      const floor = this.#limits.freeBytesMin * (this.#capacity === 'open' ? 1 : 1.25);
      if (this.#reserve === undefined && free >= this.#limits.reserveBytes) {
        this.#reserve = await this.#make('reserve', this.#limits.reserveBytes);
      }
      if (free < floor) return this.#set('releases-only', `${free} bytes are free, below ${floor}`);
      if (this.#wanted > 0) {
        this.#spare = await this.#make('spare', this.#fitting(this.#wanted, free - floor));
        this.#wanted = 0;
      }
      this.#set('open', `${free} bytes are free`);
    } catch (error) {
      if (errorNumber(error) !== 'ENOSPC' && errorNumber(error) !== 'EDQUOT') {
        return this.#set('releases-only', diskError(error, 'no segment could be made').message);
      }
      this.#set('releases-only', 'a segment could not be made: the disk is full');
    }
  }

  /** A smaller segment on a small disk, but no smaller than the first. */
  #fitting(bytes: number, room: number): number {
    let size = bytes;
    while (size > room && size / GROWTH >= this.#limits.firstSegmentBytes) size /= GROWTH;
    return size;
  }

  async #make(name: string, bytes: number): Promise<EmptySegment> {
    const path = this.#path(name);
    const file = await this.#storage.open(path, 'write');
    try {
      for (let at = 0; at < bytes; at += PIECE.length) {
        await writeAll(file, PIECE.subarray(0, Math.min(PIECE.length, bytes - at)), at);
        await file.sync();
      }
      await file.truncate(bytes);
      await file.sync();
    } catch (error) {
      await file.truncate(0);
      throw error;
    } finally {
      await file.close();
    }
    await this.#storage.syncFolder(this.#folder);
    return { path, bytes };
  }

  async #foundReserve(): Promise<EmptySegment | undefined> {
    const path = this.#path('reserve');
    if (!(await this.#storage.list(this.#folder)).includes('reserve')) return undefined;
    const file = await this.#storage.open(path, 'read');
    try {
      const whole = (await file.size()) === this.#limits.reserveBytes && (await endOfBytes(file, 0)) === 0;
      return whole ? { path, bytes: this.#limits.reserveBytes } : undefined;
    } finally {
      await file.close();
    }
  }

  #set(capacity: Capacity, why: string): void {
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#onCapacity(capacity, why);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
