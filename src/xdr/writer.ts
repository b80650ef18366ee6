/**
 * Bytes out: the XDR items of RFC 4506 into one buffer that grows and is used again. It stands behind every encoder.
 *
 * What is written is our own or was checked when it was read, so nothing is checked here.
 */
import type { Bytes } from '../base/bytes.js';
import type { U64 } from '../base/u64.js';

/** Holds almost every reply; larger ones double it. */
const FIRST_SIZE_BYTES = 1024;
/** Below this many bytes a loop is quicker than the call into Node's encoder. */
const LOOP_BYTES_MAX = 32;

export class XdrWriter {
  /** Bytes written since the last `reset` or `take`: where the next item goes. */
  position = 0;
  private buffer = Buffer.allocUnsafeSlow(FIRST_SIZE_BYTES);

  /** Forgets what was written and keeps the memory. Views from `view` are overwritten from here on. */
  reset(): this {
    this.position = 0;
    return this;
  }

  /** What was written, without a copy: true until the next item, `reset` or `take`. */
  view(): Buffer {
    return this.buffer.subarray(0, this.position);
  }

  /** What was written, as a buffer of the caller's own, and resets. */
  take(): Buffer {
    const taken = Buffer.allocUnsafe(this.position);
    this.buffer.copy(taken, 0, 0, this.position);
    this.position = 0;
    return taken;
  }

  /** An integer between -2^31 and 2^32-1; negative ones as two's complement. */
  uint(value: number): void {
    const at = this.grow(4);
    this.put(at, value);
  }

  int(value: number): void {
    const at = this.grow(4);
    this.put(at, value);
  }

  hyper(value: U64): void {
    const at = this.grow(8);
    this.put(at, value.high);
    this.put(at + 4, value.low);
  }

  bool(value: boolean): void {
    const at = this.grow(4);
    this.put(at, value ? 1 : 0);
  }

  /** Variable length: the length goes first. */
  opaque(bytes: Bytes): void {
    this.uint(bytes.length);
    this.fixed(bytes);
  }

  string(bytes: Bytes): void {
    this.uint(bytes.length);
    this.fixed(bytes);
  }

  /** Fixed length: the bytes and their zero padding. */
  fixed(bytes: Bytes): void {
    const length = bytes.length;
    const padded = (length + 3) & ~3;
    const at = this.grow(padded);
    const { buffer } = this;
    if (length <= LOOP_BYTES_MAX) {
      for (let i = 0; i < length; i += 1) buffer[at + i] = bytes.charCodeAt(i);
    } else {
      buffer.write(bytes, at, length, 'latin1');
    }
    for (let i = length; i < padded; i += 1) buffer[at + i] = 0;
  }

  /** Overwrites the four bytes at `position`, written before: a length that is known only at the end. */
  patch(position: number, value: number): void {
    this.put(position, value);
  }

  private put(at: number, value: number): void {
    const { buffer } = this;
    buffer[at] = value >>> 24;
    buffer[at + 1] = value >>> 16;
    buffer[at + 2] = value >>> 8;
    buffer[at + 3] = value;
  }

  /** Makes room for `count` more bytes and returns where they start. */
  private grow(count: number): number {
    const at = this.position;
    this.position = at + count;
    if (this.position > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.position));
      this.buffer.copy(larger, 0, 0, at);
      this.buffer = larger;
    }
    return at;
  }
}
