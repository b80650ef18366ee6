/** Lines out of a stream of bytes, split anywhere: between a connection of the Unix socket and its requests. */

const NEWLINE = 0x0a;

export class LineReader {
  readonly #bytesMax: number;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Calls `onLine` for each line that `chunk` completes, without its newline. False where a line is too long: the end. */
  push(chunk: Buffer, onLine: (line: string) => void): boolean {
    let from = 0;
    for (;;) {
      const at = chunk.indexOf(NEWLINE, from);
      const end = at < 0 ? chunk.length : at;
      if (this.#heldBytes + end - from > this.#bytesMax) return false;
      this.#hold(chunk.subarray(from, end));
      if (at < 0) return true;
      const line = Buffer.concat(this.#held).toString('utf8');
      this.#held = [];
      this.#heldBytes = 0;
      from = at + 1;
      onLine(line);
    }
  }

  #hold(part: Buffer): void {
    if (part.length === 0) return;
    // A copy: a part of a byte must not keep the whole chunk of the socket.
    this.#held.push(Buffer.from(part));
    this.#heldBytes += part.length;
  }
}
