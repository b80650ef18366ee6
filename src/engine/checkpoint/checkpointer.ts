/**
 * Checkpoints, folded from the files by a worker: the serving thread never walks its own projection for them. One is
 * due after so many events, so that a start replays a bounded tail, and as soon as the group is quiet, so that most starts
 * replay next to nothing.
 */

import { KeptWorker } from '../../host/worker.js';
import type { Position } from '../../ledger/port.js';

export interface CheckpointerOptions {
  readonly data: string;
  readonly group: string;
  readonly log: (message: string, details: Record<string, unknown>) => void;
  /** A group without an event for so long is quiet. Milliseconds. */
  readonly quietMs?: number;
}

/** What the worker is told, and what it answers. */
export interface CheckpointTask {
  readonly data: string;
  readonly group: string;
}
export type CheckpointAnswer =
  | { readonly type: 'written'; readonly position: Position; readonly bytes: number; readonly milliseconds: number }
  | { readonly type: 'failed'; readonly why: string };

/**
 * Events after which a new checkpoint is due: a start, and an audit of any moment, folds them in some tenths of a second.
 * Half as many would be folded sooner than the checkpoint before them is read.
 */
const EVENTS_DUE = 125_000;
/**
 * A checkpoint costs what it holds: the next one of a large table is due once there is an event for so many of its bytes,
 * which is 190,000 events where a million locks are held.
 */
const BYTES_AN_EVENT = 256;
/** In a quiet group one is due after so many: fewer are replayed in less time than its worker takes to begin. */
const EVENTS_DUE_QUIET = 50_000;
const QUIET_MS = 1000;
/**
 * After a checkpoint of no more than this the worker stays for the next one: to begin anew and to fold with code that is not
 * compiled takes it longer than the checkpoint itself. A large table's memory is given back.
 */
const WORKER_KEPT_BYTES_MAX = 16 * 1024 * 1024;

export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #quiet: NodeJS.Timeout;
  #since = 0;
  #due = EVENTS_DUE;
  #running: Promise<void> | undefined;
  readonly #worker = new KeptWorker<CheckpointTask, CheckpointAnswer>(new URL('worker.js', import.meta.url));
  #closed = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#quiet = setTimeout(() => this.#runWhere(EVENTS_DUE_QUIET), options.quietMs ?? QUIET_MS);
    this.#quiet.unref();
  }

  /** Counts what became durable; begins a checkpoint when one is due. */
  count(events: number): void {
    this.#since += events;
    this.#quiet.refresh();
    this.#runWhere(this.#due);
  }

  #runWhere(due: number): void {
    if (this.#since >= due && this.#running === undefined && !this.#closed) void this.run();
  }

  /** Writes a checkpoint now, or waits for the one that is being written. Never rejects. */
  run(): Promise<void> {
    this.#running ??= this.#fold().finally(() => {
      this.#running = undefined;
      // What came meanwhile may be all that comes.
      if (!this.#closed) this.#quiet.refresh();
    });
    return this.#running;
  }

  /** Ends the worker: a half-written checkpoint has a temporary name and is passed over. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#quiet);
    await this.#worker.end();
    await this.#running;
  }

  async #fold(): Promise<void> {
    this.#since = 0;
    const { data, group, log } = this.#options;
    const answer = await this.#worker.ask({ data, group });
    if (answer.type === 'failed' || answer.bytes > WORKER_KEPT_BYTES_MAX) await this.#worker.end();
    if (this.#closed) return;
    if (answer.type === 'written') {
      this.#due = Math.max(EVENTS_DUE, Math.round(answer.bytes / BYTES_AN_EVENT));
      log('checkpoint written', { ...answer });
    } else log('the checkpoint failed; the next start replays more', { why: answer.why });
  }
}
