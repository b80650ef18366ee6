/**
 * Tells clients that a server address has a new state, client by client, until each has answered or its time is over.
 * What is to be told stands in the ledger, and so does each outcome: a restart goes on where it was. Nothing leaves
 * before the address is served and registered: a client reclaims at once, and a refused reclaim is never repeated.
 */

import type { NoticeProgress } from './progress.js';
import { LedgerError } from '../../base/errors.js';
import { noticeKey, type Notice } from '../../core/nsm.js';

export interface NotifierOptions {
  /** All of the projection; empty while the ledger is away. */
  readonly notices: () => Iterable<Notice>;
  /** Why a notice of this address cannot leave now; undefined where it can. */
  readonly holds: (serverAddress: string) => string | undefined;
  /** Sends one copy. Rejects with a LedgerError where it was not answered. */
  readonly send: (notice: Notice) => Promise<void>;
  readonly settle: (notice: Notice, outcome: 'answered' | 'given-up') => void;
  readonly log: (message: string, details: Record<string, unknown>) => void;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly pauses?: Partial<NotifierPauses>;
}

/** Milliseconds. As sm-notify has them: 15 seconds, doubled, for a quarter of an hour. */
export interface NotifierPauses {
  readonly firstMs: number;
  readonly pauseMsMax: number;
  /** After the first copy of this process, and after the order. */
  readonly totalMsMax: number;
  /** An address that is not served yet is looked at again so often. */
  readonly holdMs: number;
}

const PAUSES: NotifierPauses = { firstMs: 15_000, pauseMsMax: 240_000, totalMsMax: 900_000, holdMs: 500 };
/** Copies under way at once, over all clients. */
const PARALLEL_MAX = 32;

interface Job {
  readonly notice: Notice;
  attempts: number;
  firstAt: number | undefined;
  last: number | undefined;
  next: number | undefined;
  problem: string | undefined;
  timer: NodeJS.Timeout | undefined;
}

export class Notifier {
  readonly #options: NotifierOptions;
  readonly #pauses: NotifierPauses;
  readonly #jobs = new Map<string, Job>();
  readonly #due: Job[] = [];
  #running = 0;
  #closed = false;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#pauses = { ...PAUSES, ...options.pauses };
  }

  /** Notices that are not settled yet. */
  get size(): number {
    return this.#jobs.size;
  }

  /** Begins what the ledger says and is not under way yet; drops what a newer order has replaced. Cheap to repeat. */
  resume(): void {
    if (this.#closed) return;
    const open = new Map<string, Notice>();
    for (const notice of this.#options.notices()) if (notice.outcome === 'open') open.set(noticeKey(notice), notice);
    for (const [key, job] of this.#jobs) if (open.get(key)?.state !== job.notice.state) this.#end(key, job);
    for (const [key, notice] of open) {
      if (this.#jobs.has(key)) continue;
      const job: Job = {
        notice,
        attempts: 0,
        firstAt: undefined,
        last: undefined,
        next: undefined,
        problem: undefined,
        timer: undefined,
      };
      this.#jobs.set(key, job);
      this.#due.push(job);
    }
    this.#run();
  }

  /** How far it is; of a settled notice its outcome alone. */
  progress(notice: Notice): NoticeProgress {
    const job = this.#jobs.get(noticeKey(notice));
    if (notice.outcome !== 'open' || job === undefined || job.notice.state !== notice.state) {
      const phase = notice.outcome === 'open' ? 'waiting' : notice.outcome;
      return { phase, attempts: 0, problem: undefined, last: undefined, next: undefined };
    }
    const { attempts, problem, last, next } = job;
    return { phase: attempts === 0 ? 'waiting' : 'sent', attempts, problem, last, next };
  }

  close(): void {
    this.#closed = true;
    for (const job of this.#jobs.values()) clearTimeout(job.timer);
    this.#jobs.clear();
    this.#due.length = 0;
  }

  #end(key: string, job: Job): void {
    clearTimeout(job.timer);
    this.#jobs.delete(key);
  }

  #run(): void {
    while (this.#running < PARALLEL_MAX) {
      const job = this.#due.shift();
      if (job === undefined) return;
      if (!this.#isCurrent(job)) continue;
      const held = this.#options.holds(job.notice.serverAddress);
      if (held !== undefined) {
        job.problem = held;
        this.#later(job, this.#pauses.holdMs);
        continue;
      }
      this.#running += 1;
      void this.#send(job).finally(() => {
        this.#running -= 1;
        this.#run();
      });
    }
  }

  #isCurrent(job: Job): boolean {
    return this.#jobs.get(noticeKey(job.notice)) === job;
  }

  #later(job: Job, pauseMs: number): void {
    job.next = this.#options.clock() + pauseMs;
    job.timer = setTimeout(() => {
      job.next = undefined;
      this.#due.push(job);
      this.#run();
    }, pauseMs);
  }

  async #send(job: Job): Promise<void> {
    job.attempts += 1;
    job.firstAt ??= performance.now();
    job.last = this.#options.clock();
    try {
      await this.#options.send(job.notice);
    } catch (error) {
      if (this.#isCurrent(job)) this.#failed(job, error);
      return;
    }
    if (this.#isCurrent(job)) this.#settle(job, 'answered');
  }

  #failed(job: Job, error: unknown): void {
    if (!(error instanceof LedgerError)) throw error;
    const { client, serverAddress, state, begun } = job.notice;
    const { firstMs, pauseMsMax, totalMsMax } = this.#pauses;
    job.problem = error.message;
    const triedMs = performance.now() - (job.firstAt ?? 0);
    const pauseMs = Math.min(pauseMsMax, firstMs * 2 ** (job.attempts - 1));
    // After a restart the whole time is not begun anew; one copy always leaves.
    const isOver = triedMs + pauseMs > totalMsMax || this.#options.clock() - begun > totalMsMax + pauseMsMax;
    if (isOver || error.code === 'refused') {
      this.#options.log('a client was not told of the new state: it keeps its old locks until it asks', {
        client,
        serverAddress,
        state,
        attempts: job.attempts,
        why: error.message,
      });
      this.#settle(job, 'given-up');
    } else {
      this.#later(job, pauseMs);
    }
  }

  #settle(job: Job, outcome: 'answered' | 'given-up'): void {
    this.#end(noticeKey(job.notice), job);
    this.#options.settle(job.notice, outcome);
  }
}
