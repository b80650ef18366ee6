/**
 * Makes bytes durable, on the thread that is cheaper at the moment. Under FileLedger; on the hot path.
 *
 * Measured with ops/bench/sync.ts (2 cores, virtio disk, ext4; 1500 appends; microseconds):
 *
 *     way                                        200 B p50/p99    4 KiB      16 KiB     64 KiB
 *     write + fdatasync, thread pool, appended     211 / 1727   252 / 3613  409 / 2437  536 / 8004
 *     write + fdatasync, thread pool, prewritten   190 / 8102   162 / 319   175 / 376   213 / 534
 *     O_DSYNC write, thread pool, prewritten       153 / 499    136 / 267   151 / 420   236 / 3660
 *     O_DSYNC write, this thread, prewritten       137 / 234    124 / 206   138 / 204   198 / 289
 *
 * So: O_DSYNC into prewritten segments, and on the calling thread as long as the disk answers quickly. A slow sync
 * here would stall every client, so one that takes longer than `STALL_MS_MAX`, or a mean above `MEAN_MS_MAX` (four or
 * five slow ones among quick ones), sends the writes to the pool for a while, twice as long each time. Up to that mean
 * the pool has little to give: what is decided during a sync waits for the next one, and on processors that others use
 * too the waking of two threads takes longer than the disk. The first writes go through the pool: an unknown disk is
 * never tried on the main thread. What the pool shows is the disk and those wakings: so it says whether the disk is
 * worth a try (`TRY_MS_MAX`), and this thread's own writes, measured anew, whether they stay here.
 */

import { performance } from 'node:perf_hooks';
import { writeAll, writeAllNow, type StorageFile } from './storage.js';

export type SyncWay =
  /** Chooses by measuring. */
  'adaptive' | 'main' | 'pool';

const MEAN_MS_MAX = 1;
/** Mean in the pool. A disk that is slower here than it may be shows that within some ten writes. */
const TRY_MS_MAX = 2;
const STALL_MS_MAX = 50;
/** One slow write among quick ones (a busy processor, a full queue) is no slow disk: it counts as no more than this. */
const SAMPLE_MS_MAX = 4;
/** Larger writes take the pool: the time of one grows with its size. */
const MAIN_BYTES_MAX = 64 * 1024;
const POOL_SAMPLES_MIN = 16;
const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 60_000;
/** After so many writes on this thread the disk is trusted again as at first. */
const QUICK_RUN = 1_000;
/** Weight of the newest sample in the mean. */
const WEIGHT = 1 / 16;

export class SyncWriter {
  readonly #way: SyncWay;
  readonly #now: () => number;
  #main: boolean;
  #meanMs = 0;
  #samples = 0;
  #quick = 0;
  #pauseMs = PAUSE_MS_MIN;
  #pausedUntil = 0;

  /** `now` is a monotonic clock in milliseconds. */
  constructor(way: SyncWay = 'adaptive', now: () => number = () => performance.now()) {
    this.#way = way;
    this.#now = now;
    this.#main = way === 'main';
  }

  /** Mean of the last writes in milliseconds, and where they take place. */
  get state(): { readonly way: 'main' | 'pool'; readonly meanMs: number } {
    return { way: this.#main ? 'main' : 'pool', meanMs: this.#meanMs };
  }

  /** `undefined` where the bytes are durable on return; `file` was opened as `durable`. */
  write(file: StorageFile, bytes: Uint8Array, position: number): Promise<void> | undefined {
    if (!this.#main || bytes.length > MAIN_BYTES_MAX) return this.#writeInPool(file, bytes, position);
    const started = this.#now();
    writeAllNow(file, bytes, position);
    if (this.#way === 'adaptive') this.#learnFromMain(this.#now() - started);
    return undefined;
  }

  async #writeInPool(file: StorageFile, bytes: Uint8Array, position: number): Promise<void> {
    const started = this.#now();
    await writeAll(file, bytes, position);
    if (this.#way !== 'adaptive' || this.#main) return;
    const now = this.#now();
    this.#learn(now - started);
    if (this.#samples >= POOL_SAMPLES_MIN && this.#meanMs < TRY_MS_MAX && now >= this.#pausedUntil) {
      this.#main = true;
      this.#quick = 0;
      // Neither quick nor slow: a single slow write decides nothing.
      this.#meanMs = MEAN_MS_MAX / 2;
    }
  }

  #learnFromMain(tookMs: number): void {
    this.#learn(tookMs);
    if (tookMs <= STALL_MS_MAX && this.#meanMs <= MEAN_MS_MAX) {
      this.#quick += 1;
      if (this.#quick === QUICK_RUN) this.#pauseMs = PAUSE_MS_MIN;
      return;
    }
    this.#main = false;
    this.#samples = 0;
    this.#pausedUntil = this.#now() + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
  }

  #learn(tookMs: number): void {
    const sample = Math.min(tookMs, SAMPLE_MS_MAX);
    // A plain mean at first, so that one sample does not decide.
    this.#meanMs += (sample - this.#meanMs) * Math.max(WEIGHT, 1 / (this.#samples + 1));
    this.#samples += 1;
  }
}
