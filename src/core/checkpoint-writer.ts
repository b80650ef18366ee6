/** Bytes of a checkpoint, written once from front to back: little-endian words, and texts of latin1 or UTF-8. */

const FIRST_SIZE = 1 << 16;

export class CheckpointWriter {
  #bytes = new Uint8Array(FIRST_SIZE);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  readonly #encoder = new TextEncoder();

  word(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** A number of up to 53 bits. */
  wide(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  /** For what is written in bulk, from where `take` says; good until something else is written. */
  get view(): DataView {
    return this.#view;
  }

  /** Room for so many bytes, for the caller to fill: the answer is where they begin in `view`. */
  take(length: number): number {
    this.#reserve(length);
    this.#at += length;
    return this.#at - length;
  }

  /** One byte a character. */
  opaque(text: string): void {
    this.word(text.length);
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i += 1) this.#bytes[this.#at++] = text.charCodeAt(i);
  }

  text(text: string): void {
    const bytes = this.#encoder.encode(text);
    this.word(bytes.length);
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #reserve(length: number): void {
    if (this.#at + length <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + length));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
