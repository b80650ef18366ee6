/**
 * Opaque bytes (file handles, owner handles, names as they came) as a string with one character a byte
 * (latin1): immutable, comparable with `===`, usable as the key of a Map, and never a view into a socket's buffer.
 */

declare const bytesBrand: unique symbol;
export type Bytes = string & { readonly [bytesBrand]: true };

export const NO_BYTES = '' as Bytes;

export function bytesFrom(buffer: Uint8Array): Bytes {
  return Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).toString('latin1') as Bytes;
}

/** Node's own method behind `toString('latin1')`, without its argument checks; its declarations leave it out. */
interface Latin1Buffer {
  latin1Slice(start: number, end: number): string;
}

/** A part of a buffer; the caller knows that it is within. */
export function latin1(buffer: Buffer, start: number, length: number): Bytes {
  // Latin1 is what Bytes are: one character a byte.
  return (buffer as Buffer & Latin1Buffer).latin1Slice(start, start + length) as Bytes;
}

export function bytesToBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes, 'latin1');
}

export function bytesToHex(bytes: Bytes): string {
  return bytesToBuffer(bytes).toString('hex');
}

export function bytesFromHex(hex: string): Bytes {
  return Buffer.from(hex, 'hex').toString('latin1') as Bytes;
}
