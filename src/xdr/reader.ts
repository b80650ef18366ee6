/**
 * Bytes in: the XDR items of RFC 4506 out of a range of a buffer. It stands before every decoder on the line.
 *
 * Every length is checked against its limit and against what is left before anything is allocated, and nothing that
 * is returned refers to the buffer. A failure throws XdrError, and leaves the reader where it was or within the range.
 */
import { latin1, NO_BYTES, type Bytes } from '../base/bytes.js';
import { Interned } from '../base/interned.js';
import { murmur3 } from '../base/murmur3.js';
import type { U64 } from '../base/u64.js';
import { XdrError } from './error.js';

const EMPTY = Buffer.alloc(0);
const EMPTY_VIEW = viewOf(EMPTY);
/** One for all readers: what one of them has met the next one meets too. */
const INTERNED = new Interned();

export class XdrReader {
  /** The position of the next item in the buffer, in bytes. */
  offset = 0;
  private buffer: Buffer = EMPTY;
  /** Of the whole buffer: a word out of it is one load, where one out of the buffer is four. */
  private view = EMPTY_VIEW;
  private limit = 0;

  constructor(buffer: Buffer = EMPTY, start = 0, end = buffer.length) {
    this.reset(buffer, start, end);
  }

  /** Reads from another range; one reader may serve a whole connection. */
  reset(buffer: Buffer, start = 0, end = buffer.length): this {
    // Many records lie in one chunk.
    if (buffer !== this.buffer) {
      this.buffer = buffer;
      this.view = viewOf(buffer);
    }
    this.offset = start;
    this.limit = end;
    return this;
  }

  /**
   * Bytes not yet read. Bytes after the last item of a message are tolerated, as Linux lockd and libtirpc do:
   * whoever wants an exact end compares this with zero.
   */
  get remaining(): number {
    return this.limit - this.offset;
  }

  /** Section 4.2. */
  uint(): number {
    return this.word() >>> 0;
  }

  /** Section 4.1. */
  int(): number {
    return this.word();
  }

  /** Section 4.5, unsigned. */
  hyper(): U64 {
    return { high: this.word() >>> 0, low: this.word() >>> 0 };
  }

  /** Section 4.4: nothing but 0 and 1 is a boolean. */
  bool(): boolean {
    const value = this.word();
    if (value !== 0 && value !== 1) throw new XdrError('bad-value', `${value} is no boolean`);
    return value === 1;
  }

  /** Section 4.3, for an enumeration whose values are 0 to `last`. */
  enumeration(last: number): number {
    const value = this.word() >>> 0;
    if (value > last) throw new XdrError('bad-value', `${value} is beyond the last value ${last}`);
    return value;
  }

  /** Section 4.10: a variable-length opaque of at most `max` bytes. */
  opaque(max: number): Bytes {
    return this.fixed(this.length(max));
  }

  /** Section 4.11: at most `max` bytes. What encoding they are in is not known: they stay bytes. */
  string(max: number): Bytes {
    return this.recurring(max);
  }

  /** As `opaque`, for what comes again and again: one string for all copies of the same bytes. */
  recurring(max: number): Bytes {
    const length = this.length(max);
    const at = this.offset;
    this.skip(length);
    return length === 0 ? NO_BYTES : INTERNED.at(this.buffer, this.view, at, length);
  }

  /** Section 4.9: a fixed-length opaque of `length` bytes. */
  fixed(length: number): Bytes {
    const at = this.offset;
    this.skip(length);
    // Cookies are of 4 or 8 bytes: this is a quarter of a call into Node's decoder. The casts brand one character a byte.
    if (length === 4 || length === 8) {
      const w = this.view.getInt32(at);
      if (length === 4) return String.fromCharCode(w >>> 24, (w >>> 16) & 255, (w >>> 8) & 255, w & 255) as Bytes;
      const v = this.view.getInt32(at + 4);
      return String.fromCharCode(
        w >>> 24,
        (w >>> 16) & 255,
        (w >>> 8) & 255,
        w & 255,
        v >>> 24,
        (v >>> 16) & 255,
        (v >>> 8) & 255,
        v & 255,
      ) as Bytes;
    }
    return length === 0 ? NO_BYTES : latin1(this.buffer, at, length);
  }

  /** Passes over a variable-length opaque of at most `max` bytes, allocating nothing; returns its length. */
  skipOpaque(max: number): number {
    const length = this.length(max);
    this.skip(length);
    return length;
  }

  /** Of everything that is left: what tells a copy of a call from another one. */
  digest(): number {
    return murmur3(this.view, this.offset, this.limit);
  }

  /** A count of at most `max`: of an array's elements (section 4.13), or of bytes. */
  length(max: number): number {
    const length = this.word() >>> 0;
    if (length > max) throw new XdrError('too-long', `a length of ${length} is beyond the limit of ${max}`);
    return length;
  }

  /**
   * The padding up to a multiple of four must be there. That it be zero (section 3) is not asked: clients have left
   * it uninitialised, and no decision depends on it.
   */
  private skip(length: number): void {
    const { remaining } = this;
    // The bytes before their padding: a length near 2^32 would wrap around in the rounding.
    if (length > remaining || ((length + 3) & ~3) > remaining) {
      throw new XdrError('truncated', `${length} bytes and their padding announced, ${remaining} left`);
    }
    this.offset += (length + 3) & ~3;
  }

  /** Four bytes, big-endian, as a signed integer. */
  private word(): number {
    const { offset } = this;
    if (offset + 4 > this.limit) throw new XdrError('truncated', `4 bytes expected, ${this.remaining} left`);
    this.offset = offset + 4;
    return this.view.getInt32(offset);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
