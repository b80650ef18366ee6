/** Reads what the checkpoint writer wrote. What does not hold is `damaged`: the caller falls back to an older one. */

import type { Bytes } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';

/** Node's own method behind `toString('latin1')`, without its argument checks; its declarations leave it out. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
}

export class CheckpointReader {
  readonly #bytes: Uint8Array;
  readonly #buffer: Latin1Buffer;
  /** For what is read in bulk, from where `take` says. */
  readonly view: DataView;
  #at = 0;
  readonly #decoder = new TextDecoder();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Buffer & Latin1Buffer;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  word(): number {
    this.#need(4);
    const value = this.view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  wide(): number {
    this.#need(8);
    const value = this.view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  /** Goes on behind so many bytes: the answer is where they begin in `view`. */
  take(length: number): number {
    this.#need(length);
    this.#at += length;
    return this.#at - length;
  }

  opaque(): Bytes {
    const length = this.word();
    const at = this.take(length);
    // One character a byte by construction.
    return this.#buffer.latin1Slice(at, at + length) as Bytes;
  }

  text(): string {
    const length = this.word();
    const at = this.take(length);
    return this.#decoder.decode(this.#bytes.subarray(at, at + length));
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw damaged('bytes beyond its end');
  }

  #need(length: number): void {
    if (this.#at + length > this.#bytes.length) throw damaged('it ends too early');
  }
}

function damaged(what: string): LedgerError {
  return new LedgerError('damaged', `The checkpoint is damaged: ${what}. An older one or a replay takes its place.`);
}
