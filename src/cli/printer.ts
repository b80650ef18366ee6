/**
 * Prints what is longer than a screen: lines go out as fast as the reader takes them, so that a list of any length costs
 * no memory. A reader that went away (`| head`) ends the run.
 */

import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Characters that are gathered for one write. */
const GATHERED_CHARS_MAX = 64 * 1024;

export class Printer {
  readonly #stream: Writable;
  #gathered: string[] = [];
  #chars = 0;
  #gone = false;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', () => {
      this.#gone = true;
    });
  }

  /** True once nobody reads any more. */
  get gone(): boolean {
    return this.#gone || this.#stream.destroyed;
  }

  /** Keeps a line for the next `flush`. */
  add(line: string): void {
    this.#gathered.push(line);
    this.#chars += line.length + 1;
  }

  async print(line: string): Promise<void> {
    this.add(line);
    if (this.#chars >= GATHERED_CHARS_MAX) await this.flush();
  }

  /** Resolves once the reader has taken enough of it. */
  async flush(): Promise<void> {
    if (this.#gathered.length === 0) return;
    const text = `${this.#gathered.join('\n')}\n`;
    this.#gathered = [];
    this.#chars = 0;
    if (this.gone || this.#stream.write(text)) return;
    const ended = new AbortController();
    const { signal } = ended;
    await Promise.race([once(this.#stream, 'drain', { signal }), once(this.#stream, 'close', { signal })]).catch(
      () => undefined,
    );
    ended.abort();
  }
}
