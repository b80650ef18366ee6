/**
 * Writes msgpack into one buffer that grows and is used again: events on their way to the ledger. The reader is
 * msgpack-reader.ts; the tests hold both against @msgpack/msgpack. This writer spares the hot path the arrays that a
 * general encoder has to be given (a third of the time of a LOCK).
 */

import type { Bytes } from './bytes.js';
import { u64ToBigInt, type U64 } from './u64.js';

const FIRST_SIZE_BYTES = 16 * 1024;
/** Below this many characters a loop is quicker than the call into Node's encoder. */
const LOOP_CHARS_MAX = 40;
/** The length of a shorter text stands in its first byte. */
const SHORT_CHARS_MAX = 32;

export class MsgpackWriter {
  #buffer = Buffer.allocUnsafeSlow(FIRST_SIZE_BYTES);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  /** What was written, as a copy of the caller's own, and begins anew. */
  take(): Uint8Array {
    const taken = Buffer.allocUnsafe(this.#at);
    this.#buffer.copy(taken, 0, 0, this.#at);
    this.#at = 0;
    return taken;
  }

  /** What was written, without a copy: true until the next item, `take` or `reset`. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }

  reset(): void {
    this.#at = 0;
  }

  nil(): void {
    this.#byte(0xc0);
  }

  bool(value: boolean): void {
    this.#byte(value ? 0xc3 : 0xc2);
  }

  /** A whole number, exact to 2^53. Above 2^32-1, and below 0, as a float 64, which is exact as far. */
  number(value: number): void {
    if (value >>> 0 === value) return this.#uint(value);
    if (value < 0 && value >= -32 && Number.isInteger(value)) return this.#byte(value & 0xff);
    const at = this.#grow(9);
    this.#buffer[at] = 0xcb;
    this.#buffer.writeDoubleBE(value, at + 1);
  }

  /** As a uint 64 where the high half is not 0. */
  u64(value: U64): void {
    if (value.high === 0) return this.#uint(value.low);
    const at = this.#grow(9);
    this.#buffer[at] = 0xcf;
    this.#buffer.writeBigUInt64BE(u64ToBigInt(value), at + 1);
  }

  array(length: number): void {
    if (length < 16) return this.#byte(0x90 | length);
    this.#head(length, 0xdc, 0xdd);
  }

  map(length: number): void {
    if (length < 16) return this.#byte(0x80 | length);
    this.#head(length, 0xde, 0xdf);
  }

  text(value: string): void {
    if (value.length < SHORT_CHARS_MAX && this.#shortAscii(value)) return;
    const bytes = Buffer.from(value, 'utf8');
    if (bytes.length < 32) this.#byte(0xa0 | bytes.length);
    else if (bytes.length < 0x100) this.#two(0xd9, bytes.length);
    else this.#head(bytes.length, 0xda, 0xdb);
    this.raw(bytes);
  }

  /** Opaque bytes, as binary. */
  binary(value: Bytes): void {
    const { length } = value;
    this.#binaryHead(length);
    const at = this.#grow(length);
    if (length > LOOP_CHARS_MAX) this.#buffer.write(value, at, length, 'latin1');
    else for (let i = 0; i < length; i += 1) this.#buffer[at + i] = value.charCodeAt(i);
  }

  buffer(value: Uint8Array): void {
    this.#binaryHead(value.length);
    this.raw(value);
  }

  /** Msgpack that was written before. */
  raw(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
  }

  /** False where it is none: then nothing was written. */
  #shortAscii(value: string): boolean {
    const { length } = value;
    const from = this.#at;
    const at = this.#grow(1 + length);
    const buffer = this.#buffer;
    buffer[at] = 0xa0 | length;
    for (let i = 0; i < length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#at = from;
        return false;
      }
      buffer[at + 1 + i] = code;
    }
    return true;
  }

  #binaryHead(length: number): void {
    if (length < 0x100) this.#two(0xc4, length);
    else this.#head(length, 0xc5, 0xc6);
  }

  /** Almost everything that is written: one look at the room for all forms. */
  #uint(value: number): void {
    const at = this.#at;
    if (at + 5 > this.#buffer.length) this.#reach(at + 5);
    const buffer = this.#buffer;
    if (value < 0x80) {
      buffer[at] = value;
      this.#at = at + 1;
    } else if (value < 0x100) {
      buffer[at] = 0xcc;
      buffer[at + 1] = value;
      this.#at = at + 2;
    } else if (value < 0x1_0000) {
      buffer[at] = 0xcd;
      buffer[at + 1] = value >>> 8;
      buffer[at + 2] = value;
      this.#at = at + 3;
    } else {
      buffer[at] = 0xce;
      buffer[at + 1] = value >>> 24;
      buffer[at + 2] = value >>> 16;
      buffer[at + 3] = value >>> 8;
      buffer[at + 4] = value;
      this.#at = at + 5;
    }
  }

  /** 16 bits where they hold the number, else 32. */
  #head(value: number, short: number, long: number): void {
    if (value < 0x1_0000) {
      const at = this.#grow(3);
      const buffer = this.#buffer;
      buffer[at] = short;
      buffer[at + 1] = value >>> 8;
      buffer[at + 2] = value;
      return;
    }
    const at = this.#grow(5);
    const buffer = this.#buffer;
    buffer[at] = long;
    buffer[at + 1] = value >>> 24;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 8;
    buffer[at + 4] = value;
  }

  #byte(value: number): void {
    const at = this.#grow(1);
    this.#buffer[at] = value;
  }

  #two(first: number, second: number): void {
    const at = this.#grow(2);
    this.#buffer[at] = first;
    this.#buffer[at + 1] = second;
  }

  /** Makes room for `count` more bytes and returns where they start. */
  #grow(count: number): number {
    const at = this.#at;
    this.#at = at + count;
    if (this.#at > this.#buffer.length) this.#reach(this.#at);
    return at;
  }

  #reach(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, bytes));
    this.#buffer.copy(larger);
    this.#buffer = larger;
  }
}
