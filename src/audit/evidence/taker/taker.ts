/**
 * Signs checkpoints of a group at intervals, in a worker: the serving thread never reads its own files. Beside the
 * engine; what it hands out is published by whoever wires it.
 */

import { Worker } from 'node:worker_threads';
import type { Position } from '../../../ledger/port.js';

export interface TakerOptions {
  readonly data: string;
  readonly group: string;
  /** The file with the seed. */
  readonly keySeed: string;
  readonly origin: string;
  /** After so many entries, and after so much time where there is a new one. */
  readonly everyEntries: number;
  readonly everyMs: number;
  readonly onTaken: (taken: Taken) => void;
  readonly onFailed: (why: string) => void;
}

export interface Taken {
  readonly position: Position;
  readonly note: string;
}

/** What the worker is told, and what it answers. */
export interface TakerTask extends Pick<TakerOptions, 'data' | 'group' | 'keySeed' | 'origin'> {
  readonly position: Position;
}
export type TakerAnswer = ({ readonly type: 'taken' } & Taken) | { readonly type: 'failed'; readonly why: string };

export class CheckpointTaker {
  readonly #options: TakerOptions;
  readonly #timer: NodeJS.Timeout;
  #durable: Position = 0;
  #signed: Position = 0;
  #running: Promise<void> | undefined;
  #worker: Worker | undefined;
  #closed = false;

  constructor(options: TakerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#take(), options.everyMs);
    this.#timer.unref();
  }

  /** The entry at this position is durable. */
  reached(position: Position): void {
    this.#durable = position;
    if (position - this.#signed >= this.#options.everyEntries) void this.#take();
  }

  /** Ends the worker: what it was writing has a temporary name. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#worker?.terminate();
    await this.#running;
  }

  #take(): Promise<void> {
    if (this.#closed || this.#durable === this.#signed) return Promise.resolve();
    this.#running ??= this.#work().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #work(): Promise<void> {
    const { data, group, keySeed, origin, onTaken, onFailed } = this.#options;
    // Also where it fails: it is tried again after the next interval, not with every entry.
    this.#signed = this.#durable;
    const task: TakerTask = { data, group, keySeed, origin, position: this.#durable };
    const worker = new Worker(new URL('worker.js', import.meta.url), { workerData: task });
    this.#worker = worker;
    const answer = await new Promise<TakerAnswer>((resolve) => {
      worker.once('message', resolve);
      worker.once('error', (error) => resolve({ type: 'failed', why: String(error) }));
      worker.once('exit', () => resolve({ type: 'failed', why: 'the worker ended' }));
    });
    this.#worker = undefined;
    if (this.#closed) return;
    if (answer.type === 'taken') onTaken({ position: answer.position, note: answer.note });
    else onFailed(answer.why);
  }
}
