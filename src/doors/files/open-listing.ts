/** One open listing: the pages that its reader is in, and how to get the next. */

import { ERRNO, errnoOf, type Errno } from './errno.js';

const NO_BYTES = Buffer.alloc(0);

export class OpenListing {
  readonly #start: () => AsyncGenerator<string, void>;
  #pages: AsyncGenerator<string, void>;
  #before: Buffer = NO_BYTES;
  #page: Buffer = NO_BYTES;
  /** Offset of the end of `#page`. */
  #end = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** `start` gives the pages from the beginning. */
  constructor(start: () => AsyncGenerator<string, void>) {
    this.#start = start;
    this.#pages = start();
  }

  /**
   * The next bytes, at most `size`; none at the end. Reads are answered one after the other. A reader goes forward; it
   * may step back within the last two pages (`head` and `read` of a shell give back what they read too much), or begin
   * anew at 0. Anything else is ESPIPE. After an error the text is at its end. Never rejects.
   */
  read(offset: number, size: number): Promise<Buffer | Errno> {
    const answer = this.#turn.then(() => this.#next(offset, size)).catch(errnoOf);
    this.#turn = answer;
    return answer;
  }

  async #next(offset: number, size: number): Promise<Buffer | Errno> {
    if (offset < this.#end - this.#page.length - this.#before.length || offset > this.#end) {
      if (offset !== 0) return ERRNO.ESPIPE;
      this.#pages = this.#start();
      this.#before = this.#page = NO_BYTES;
      this.#end = 0;
    }
    while (offset === this.#end) {
      const next = await this.#pages.next();
      if (next.done === true) return NO_BYTES;
      if (next.value === '') continue;
      this.#before = this.#page;
      this.#page = Buffer.from(next.value);
      this.#end += this.#page.length;
    }
    const start = this.#end - this.#page.length;
    const [bytes, from] =
      offset >= start ? [this.#page, offset - start] : [this.#before, offset - start + this.#before.length];
    return bytes.subarray(from, from + size);
  }
}
