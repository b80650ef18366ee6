/**
 * The cookie of a callback: eight bytes, of which two name the group and six have the number of the lock. A lock's number
 * is never used again in its group, and the name is the same on every node, so a GRANTED_RES finds its lock after a
 * restart or takeover too.
 */

import type { Bytes } from '../base/bytes.js';
import { murmur3 } from '../base/murmur3.js';

const COOKIE_BYTES = 8;
const TAG_VALUES = 0x1_0000;

export interface CallbackCookie {
  readonly tag: number;
  readonly lock: number;
}

/** 16 bits. Groups of one node must differ in it. */
export function groupTag(group: string): number {
  const name = Buffer.from(group);
  return murmur3(new DataView(name.buffer, name.byteOffset, name.length), 0, name.length) % TAG_VALUES;
}

export function encodeCookie({ tag, lock }: CallbackCookie): Bytes {
  const buffer = Buffer.alloc(COOKIE_BYTES);
  buffer.writeUInt16BE(tag);
  buffer.writeUIntBE(lock, 2, 6);
  return buffer.toString('latin1') as Bytes;
}

export function decodeCookie(cookie: Bytes): CallbackCookie | undefined {
  if (cookie.length !== COOKIE_BYTES) return undefined;
  const buffer = Buffer.from(cookie, 'latin1');
  return { tag: buffer.readUInt16BE(), lock: buffer.readUIntBE(2, 6) };
}
