/**
 * Signs checkpoints of a group in a worker: as the group begins to be served, at intervals, and at a clean stop, so that
 * what a run adds is signed before the next one. The serving thread never reads its own files. Beside the engine; what
 * it hands out is published by whoever wires it.
 */

import { askWorker, type AskedWorker } from '../../../host/worker.js';
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

/** A stop waits so long for its last checkpoint: some hundred thousand entries. The next start signs what it left. */
const STOP_MS_MAX = 5000;

export class CheckpointTaker {
  readonly #options: TakerOptions;
  readonly #timer: NodeJS.Timeout;
  #durable: Position = 0;
  #signed: Position = 0;
  #running: Promise<void> | undefined;
  #asked: AskedWorker<TakerAnswer> | undefined;
  #closed = false;

  constructor(options: TakerOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#take(), options.everyMs);
    this.#timer.unref();
  }

  /** The group is served from here on. */
  begin(): void {
    void this.#take();
  }

  /** The entry at this position is durable. */
  reached(position: Position): void {
    this.#durable = position;
    if (position - this.#signed >= this.#options.everyEntries) void this.#take();
  }

  /** The ledger is closed: signs its end, and waits for that, within STOP_MS_MAX. What is half written has a temporary name. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const late = setTimeout(() => {
      this.#closed = true;
      void this.#asked?.end();
    }, STOP_MS_MAX);
    await this.#running;
    await this.#take();
    clearTimeout(late);
    this.#closed = true;
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
    this.#asked = askWorker<TakerAnswer>(new URL('worker.js', import.meta.url), task);
    const answer = await this.#asked.answer;
    this.#asked = undefined;
    if (this.#closed) return;
    if (answer.type === 'taken') onTaken({ position: answer.position, note: answer.note });
    else onFailed(answer.why);
  }
}
