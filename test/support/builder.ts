/** Expected bytes, built without the writer: arrays of numbers, one after the other, as the RFCs draw them. */
import { bytesFrom, type Bytes } from '../../src/base/bytes.js';

export type Octets = readonly number[];

export const text = (s: string): Bytes => bytesFrom(Buffer.from(s, 'latin1'));

export const word = (n: number): Octets => [24, 16, 8, 0].map((shift) => Number((BigInt(n) >> BigInt(shift)) & 255n));

export const long = (n: bigint): Octets =>
  [56n, 48n, 40n, 32n, 24n, 16n, 8n, 0n].map((shift) => Number((n >> shift) & 255n));

/** The bytes of `s` and zeros up to a multiple of four. */
export function padded(s: string): Octets {
  const octets = Array.from({ length: s.length }, (_, i) => s.charCodeAt(i));
  while (octets.length % 4 !== 0) octets.push(0);
  return octets;
}

export const counted = (s: string): Octets => [...word(s.length), ...padded(s)];

export const join = (...parts: readonly Octets[]): Buffer => Buffer.from(parts.flat());

/** A call's header: AUTH_SYS of uid 1000 on `client1`, as a Linux client sends it, or AUTH_NONE. */
export function callHeader(xid: number, program: number, version: number, procedure: number, isSys = false): Octets {
  const body = [...word(0), ...counted('client1'), ...word(1000), ...word(100), ...word(2), ...word(4), ...word(24)];
  const credential = isSys ? [...word(1), ...word(body.length), ...body] : [...word(0), ...word(0)];
  const header = [xid, 0, 2, program, version, procedure].flatMap((n) => word(n));
  return [...header, ...credential, ...word(0), ...word(0)];
}

/** A reply's header up to and with `accept_stat`. */
export const acceptedHeader = (xid: number, accept_stat: number): Octets =>
  [xid, 1, 0, 0, 0, accept_stat].flatMap((n) => word(n));
