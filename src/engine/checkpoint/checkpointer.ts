/**
 * Checkpoints, folded from the files by a worker: the serving thread never walks its own projection for them. One is
 * due after so many events, so that a start replays a bounded tail.
 */

import { Worker } from 'node:worker_threads';
import type { Position } from '../../ledger/port.js';

export interface CheckpointerOptions {
  readonly data: string;
  readonly group: string;
  readonly log: (message: string, details: Record<string, unknown>) => void;
}

/** What the worker is told, and what it answers. */
export interface CheckpointTask {
  readonly data: string;
  readonly group: string;
}
export type CheckpointAnswer =
  | { readonly type: 'written'; readonly position: Position; readonly bytes: number; readonly milliseconds: number }
  | { readonly type: 'failed'; readonly why: string };

/** Events after which a new checkpoint is due: a start folds them in some tenths of a second. */
const EVENTS_DUE = 500_000;

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #since = 0;
  #running: Promise<void> | undefined;
  #worker: Worker | undefined;
  #closed = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
  }

  /** Counts what became durable; begins a checkpoint when one is due. */
  count(events: number): void {
    this.#since += events;
    if (this.#since >= EVENTS_DUE && this.#running === undefined && !this.#closed) void this.run();
  }

  /** Writes a checkpoint now, or waits for the one that is being written. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#fold().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Ends the worker: a half-written checkpoint has a temporary name and is passed over. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
    await this.#running;
  }

  async #fold(): Promise<void> {
    this.#since = 0;
    const { data, group, log } = this.#options;
    const task: CheckpointTask = { data, group };
    const worker = new Worker(new URL('worker.js', import.meta.url), { workerData: task });
    this.#worker = worker;
    const answer = await new Promise<CheckpointAnswer>((resolve) => {
      worker.once('message', resolve);
      worker.once('error', (error) =>
        resolve({ type: 'failed', why: error instanceof Error ? error.message : String(error) }),
      );
      worker.once('exit', () => resolve({ type: 'failed', why: 'the worker ended' }));
    });
    this.#worker = undefined;
    if (this.#closed) return;
    if (answer.type === 'written') log('checkpoint written', { ...answer });
    else log('the checkpoint failed; the next start replays more', { why: answer.why });
  }
}
