/**
 * Callbacks: tells each waiter that was granted its lock, after durability, until the client has answered. A way
 * out of the line that blocks nothing: each client has a queue of its own, and failures only cost it a pause.
 *
 * - A grant is called again with growing pauses (at once, 1 s, 2 s, ... at most 30 s) for as long as it stands
 *   unacknowledged in the ledger: across restarts too.
 * - GRANTED acknowledges. DENIED undoes the grant only when it answers the only copy ever sent, and sent by this
 *   process (hazard 1); otherwise it acknowledges. DENIED_GRACE_PERIOD, silence and errors: once more, later.
 */

import type { Address } from '../../base/address.js';
import type { Bytes } from '../../base/bytes.js';
import { Fifo } from '../../base/fifo.js';
import type { LockId } from '../../core/command.js';
import type { PendingRow } from '../../core/queries.js';
import { encodeCookie } from '../../nlm/callback-cookie.js';
import { NLM4_DENIED, NLM4_GRANTED, type NlmStatus } from '../../nlm/status.js';

/** How one call ended: the client's status, or that none came (`called`: whether the call may have reached it). */
export type CallbackResult =
  | { readonly type: 'status'; readonly status: NlmStatus }
  /** The client took a GRANTED_MSG; its GRANTED_RES comes as a call. */
  | { readonly type: 'taken' }
  | { readonly type: 'failed'; readonly called: boolean; readonly why: string };

export interface CourierOptions {
  /** Of the group, in its cookies. */
  readonly tag: number;
  /** Sends one copy, in this turn where the connection is open. Never rejects. */
  readonly call: (grant: PendingRow, cookie: Bytes) => Promise<CallbackResult>;
  /** The grant, while it stands unacknowledged in the ledger. */
  readonly pending: (lock: LockId) => PendingRow | undefined;
  readonly acknowledge: (lock: LockId) => void;
  readonly deny: (lock: LockId, onlyCopy: boolean) => void;
  readonly log: (message: string, details: Record<string, unknown>) => void;
}

const PAUSES_MS = [1000, 2000, 5000, 10_000, 30_000] as const;
/** How long a GRANTED_RES is waited for after GRANTED_MSG was taken: Linux's lockd waits as long. */
const RESULT_MS = 60_000;
/** Callbacks of one client that are under way at once. */
const PER_CLIENT_MAX = 16;

interface Job {
  readonly lock: LockId;
  readonly address: string;
  /** Copies that may have reached the client, in this process's life. */
  copies: number;
  attempts: number;
  /** False for a grant that was found in the ledger at the start: earlier copies may exist. */
  readonly fresh: boolean;
  timer: NodeJS.Timeout | undefined;
}

export class GrantCourier {
  readonly #options: CourierOptions;
  readonly #jobs = new Map<LockId, Job>();
  readonly #queues = new Map<string, { running: number; waiting: Fifo<Job> }>();
  #closed = false;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Grants that are not acknowledged yet. */
  get size(): number {
    return this.#jobs.size;
  }

  /**
   * To the client at `address`. `fresh`: granted just now, by this process; no copy was ever sent. Where the connection to
   * the client is open and not busy, the call is written before this returns.
   */
  deliver(lock: LockId, address: string, fresh: boolean): void {
    if (this.#closed || this.#jobs.has(lock)) return;
    const job: Job = { lock, address, copies: 0, attempts: 0, fresh, timer: undefined };
    this.#jobs.set(lock, job);
    this.#enqueue(job);
  }

  /** The answer to a callback, however it came: the reply of GRANTED, or a GRANTED_RES by its cookie. */
  answered(lock: LockId, status: NlmStatus, address: Address): void {
    const job = this.#jobs.get(lock);
    if (job === undefined || job.address !== address) return;
    if (status === NLM4_GRANTED) {
      this.#end(job);
      this.#options.acknowledge(lock);
    } else if (status === NLM4_DENIED) {
      this.#end(job);
      this.#options.deny(lock, job.fresh && job.copies === 1);
    } else {
      this.#again(job, `the client answered ${status}`);
    }
  }

  close(): void {
    this.#closed = true;
    for (const job of this.#jobs.values()) clearTimeout(job.timer);
    this.#jobs.clear();
    this.#queues.clear();
  }

  #end(job: Job): void {
    clearTimeout(job.timer);
    this.#jobs.delete(job.lock);
  }

  #enqueue(job: Job): void {
    const queue = this.#queues.get(job.address) ?? { running: 0, waiting: new Fifo<Job>() };
    this.#queues.set(job.address, queue);
    queue.waiting.push(job);
    this.#run(job.address);
  }

  #run(address: string): void {
    const queue = this.#queues.get(address);
    while (queue !== undefined && queue.running < PER_CLIENT_MAX) {
      const job = queue.waiting.shift();
      if (job === undefined) {
        if (queue.running === 0) this.#queues.delete(address);
        return;
      }
      queue.running += 1;
      void this.#send(job).finally(() => {
        queue.running -= 1;
        this.#run(address);
      });
    }
  }

  async #send(job: Job): Promise<void> {
    const grant = this.#options.pending(job.lock);
    if (grant === undefined || this.#jobs.get(job.lock) !== job) {
      // Cancelled, unlocked, purged or acknowledged by a repeated LOCK meanwhile.
      this.#end(job);
      return;
    }
    job.attempts += 1;
    job.copies += 1;
    const result = await this.#options.call(grant, encodeCookie({ tag: this.#options.tag, lock: job.lock }));
    if (this.#closed || this.#jobs.get(job.lock) !== job) return;
    switch (result.type) {
      case 'status':
        this.answered(job.lock, result.status, job.address as Address);
        break;
      case 'taken':
        job.timer = setTimeout(() => this.#enqueue(job), RESULT_MS);
        break;
      case 'failed':
        // A call that never left is no copy.
        if (!result.called) job.copies -= 1;
        this.#again(job, result.why);
        break;
    }
  }

  #again(job: Job, why: string): void {
    const pause = PAUSES_MS[Math.min(job.attempts, PAUSES_MS.length) - 1] ?? PAUSES_MS[0];
    this.#options.log('a granted lock could not be announced', {
      lock: job.lock,
      client: job.address,
      attempt: job.attempts,
      nextMs: pause,
      why,
    });
    clearTimeout(job.timer);
    job.timer = setTimeout(() => this.#enqueue(job), pause);
  }
}
