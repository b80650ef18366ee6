/**
 * Reads msgpack item by item, straight from its bytes: events on their way back from the ledger. What it reads is what
 * msgpack-writer.ts writes, and every other form of the same items; nothing stands between the bytes and the value, which
 * is what a start with a million events to fold is spent on. Throws LedgerError `damaged`, never anything else.
 */

import { latin1, type Bytes } from './bytes.js';
import { LedgerError } from './errors.js';
import type { U64 } from './u64.js';

const TWO_32 = 0x1_0000_0000;
const EMPTY = Buffer.alloc(0);
const FLOAT = new DataView(new ArrayBuffer(8));
/** Up to so many bytes a loop is quicker than the call into Node's decoder. */
const LOOP_BYTES_MAX = 8;
/** Arrays within arrays: our own have four levels, and a hostile one must not overflow the stack. */
const DEPTH_MAX = 16;

export class MsgpackReader {
  #bytes: Buffer = EMPTY;
  #at = 0;

  /** Reads these bytes from their beginning; one reader may serve for ever. */
  reset(bytes: Uint8Array): this {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = 0;
    return this;
  }

  get offset(): number {
    return this.#at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Whether the next item is nil; it is passed over where it is. */
  nil(): boolean {
    if (this.#bytes[this.#at] !== 0xc0) return false;
    this.#at += 1;
    return true;
  }

  /** A whole number, exact to 2^53. */
  number(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    switch (first) {
      case 0xcc:
        return this.#byte();
      case 0xcd:
        return this.#two();
      case 0xce:
        return this.#four();
      case 0xcf:
      case 0xcb: {
        const high = this.#four();
        const low = this.#four();
        return whole(first === 0xcf ? high * TWO_32 + low : float(high, low));
      }
      default:
        return this.#signed(first);
    }
  }

  /** An unsigned 64-bit integer. */
  u64(): U64 {
    if (this.#bytes[this.#at] === 0xcf) {
      this.#at += 1;
      const high = this.#four();
      return { high, low: this.#four() };
    }
    const value = this.number();
    if (value < 0) throw damaged('a negative offset');
    return { high: Math.floor(value / TWO_32), low: value >>> 0 };
  }

  /** The length of an array; its elements follow. No more than there are bytes left, so that nothing is believed. */
  array(): number {
    const first = this.#byte();
    if (first >= 0x90 && first <= 0x9f) return first & 0x0f;
    if (first !== 0xdc && first !== 0xdd) throw damaged('no array');
    const length = first === 0xdc ? this.#two() : this.#four();
    if (length > this.#bytes.length - this.#at) throw damaged('an array longer than its bytes');
    return length;
  }

  /** The length of a map; its keys and values follow by turns. */
  map(): number {
    const first = this.#byte();
    if (first >= 0x80 && first <= 0x8f) return first & 0x0f;
    if (first !== 0xde && first !== 0xdf) throw damaged('no map');
    const length = first === 0xde ? this.#two() : this.#four();
    if (length * 2 > this.#bytes.length - this.#at) throw damaged('a map longer than its bytes');
    return length;
  }

  text(): string {
    const length = this.#textLength(this.#byte());
    if (length === undefined) throw damaged('no text');
    const start = this.#skip(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  /** Opaque bytes, of binary. */
  binary(): Bytes {
    const length = this.#binaryLength(this.#byte());
    if (length === undefined) throw damaged('no opaque bytes');
    const start = this.#skip(length);
    const bytes = this.#bytes;
    // The casts brand what both ways say: one character a byte.
    if (length > LOOP_BYTES_MAX) return latin1(bytes, start, length);
    let found = '';
    for (let at = start; at < start + length; at += 1) found += String.fromCharCode(bytes[at]!);
    return found as Bytes;
  }

  /** The same as a view into the bytes. */
  view(): Uint8Array {
    const length = this.#binaryLength(this.#byte());
    if (length === undefined) throw damaged('no opaque bytes');
    const start = this.#skip(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Passes over one item, whatever it is. */
  skip(depth = 0): void {
    const head = this.#bytes[this.#at] ?? this.#byte();
    if (depth > DEPTH_MAX) throw damaged('arrays within arrays');
    if ((head >= 0x90 && head <= 0x9f) || head === 0xdc || head === 0xdd) {
      for (let left = this.array(); left > 0; left -= 1) this.skip(depth + 1);
    } else if ((head >= 0x80 && head <= 0x8f) || head === 0xde || head === 0xdf) {
      for (let left = this.map() * 2; left > 0; left -= 1) this.skip(depth + 1);
    } else if (head === 0xc0 || head === 0xc2 || head === 0xc3) {
      this.#at += 1;
    } else if (head === 0xca) {
      this.#skip(5);
    } else if (head >= 0xcb && head <= 0xd3) {
      this.#skip(head === 0xcb ? 9 : 1 + 2 ** (head & 3));
    } else if (head < 0x80 || head >= 0xe0) {
      this.#at += 1;
    } else {
      this.#at += 1;
      const length = this.#textLength(head) ?? this.#binaryLength(head);
      if (length === undefined) throw damaged('an item of no known form');
      this.#skip(length);
    }
  }

  #textLength(head: number): number | undefined {
    if (head >= 0xa0 && head <= 0xbf) return head & 0x1f;
    if (head === 0xd9) return this.#byte();
    if (head === 0xda) return this.#two();
    return head === 0xdb ? this.#four() : undefined;
  }

  #binaryLength(head: number): number | undefined {
    if (head === 0xc4) return this.#byte();
    if (head === 0xc5) return this.#two();
    return head === 0xc6 ? this.#four() : undefined;
  }

  /** Numbers that the writer never writes so, but another msgpack may. */
  #signed(head: number): number {
    if (head >= 0xe0) return head - 0x100;
    if (head === 0xd0) return (this.#byte() << 24) >> 24;
    if (head === 0xd1) return (this.#two() << 16) >> 16;
    if (head === 0xd2) return this.#four() | 0;
    if (head !== 0xd3) throw damaged('no number');
    const high = this.#four() | 0;
    return whole(high * TWO_32 + this.#four());
  }

  /** Passes over bytes, which must be there; returns where they began. */
  #skip(length: number): number {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw damaged('its bytes end too early');
    this.#at = start + length;
    return start;
  }

  #byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw damaged('its bytes end too early');
    this.#at += 1;
    return value;
  }

  #two(): number {
    const at = this.#skip(2);
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }

  #four(): number {
    const at = this.#skip(4);
    const bytes = this.#bytes;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }
}

function float(high: number, low: number): number {
  FLOAT.setUint32(0, high);
  FLOAT.setUint32(4, low);
  return FLOAT.getFloat64(0);
}

function whole(value: number): number {
  if (!Number.isSafeInteger(value)) throw damaged('a number that is not whole');
  return value;
}

function damaged(what: string): LedgerError {
  return new LedgerError('damaged', `An event of the ledger is not what any release writes: ${what}.`);
}
