/**
 * Retention by the node itself: at intervals old segments of a group go to the archive (archive.ts says in which steps),
 * in a worker. Beside the engine; nobody waits for it.
 */

import { askWorker, type AskedWorker } from '../../../host/worker.js';
import type { Archived } from '../archive.js';

export interface RetentionOptions {
  readonly data: string;
  readonly group: string;
  /** The archive: a folder like a data folder. */
  readonly to: string;
  /** Segments go whose last entry is older. */
  readonly olderThanMs: number;
  readonly everyMs: number;
  /** The file with the seed of the key that signs what goes. */
  readonly keySeed: string;
  readonly origin: string;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Segments went. */
  readonly onArchived: (archived: Archived) => void;
  readonly onFailed: (why: string) => void;
}

/** What the worker is told, and what it answers. */
export interface RetentionTask extends Pick<RetentionOptions, 'data' | 'group' | 'to' | 'keySeed' | 'origin'> {
  readonly before: number;
}
export type RetentionAnswer =
  ({ readonly type: 'archived' } & Archived) | { readonly type: 'failed'; readonly why: string };

export class Retention {
  readonly #options: RetentionOptions;
  readonly #timer: NodeJS.Timeout;
  #asked: AskedWorker<RetentionAnswer> | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#run(), options.everyMs);
    this.#timer.unref();
  }

  /** Interrupts it: whatever was done of it stays good, and the next run goes on. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#asked?.end();
  }

  async #run(): Promise<void> {
    if (this.#asked !== undefined) return;
    const { data, group, to, keySeed, origin, clock, olderThanMs, onArchived, onFailed } = this.#options;
    const task: RetentionTask = { data, group, to, keySeed, origin, before: clock() - olderThanMs };
    this.#asked = askWorker<RetentionAnswer>(new URL('worker.js', import.meta.url), task);
    const answer = await this.#asked.answer;
    this.#asked = undefined;
    if (answer.type === 'failed') onFailed(answer.why);
    else if (answer.segments > 0) onArchived(answer);
  }
}
