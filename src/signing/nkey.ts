/**
 * Keys as nkeys write them: Ed25519 in text that tells what it is. Under signed checkpoints and signed orders; a seed
 * that `audit key` or any nkeys tool made is read here, and nothing of it is printed.
 *
 * A public key is base32 (RFC 4648, no padding) of: type u8, 32 bytes, CRC-16 u16 little-endian. A seed has two bytes
 * in front, 5 bits that say "seed" and the 8 of the type, before its 32. The CRC is CRC-16/XMODEM of all before it.
 */

import { createPrivateKey, createPublicKey, randomBytes, sign, verify, type KeyObject } from 'node:crypto';
import { LedgerError } from '../base/errors.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
export const KEY_BYTES = 32;
const SEED_PREFIX = 18 << 3;
/** The first letter of a key, and its type byte: a person, a node, and what else nkeys know. */
const TYPES: Readonly<Record<string, number>> = { U: 20 << 3, N: 13 << 3, A: 0, O: 14 << 3, C: 2 << 3 };
/** ASN.1 around a raw Ed25519 key (RFC 8410): of a private one (PKCS #8), of a public one (SPKI). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

export interface SigningKey {
  /** As nkeys write it: begins with U (a person) or N (a node). */
  readonly publicKey: string;
  readonly publicBytes: Uint8Array;
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

/** A new seed. `U` is for people, `N` for nodes. */
export function newSeed(type: 'U' | 'N'): string {
  return encodeSeed(type, randomBytes(KEY_BYTES));
}

export function encodeSeed(type: string, raw: Uint8Array): string {
  const typeByte = TYPES[type] ?? 0;
  return encode([SEED_PREFIX | (typeByte >> 5), (typeByte & 31) << 3], raw);
}

/** The first seed in a text: of a file with nothing else in it, or of one as nsc writes it. @throws LedgerError 'bad-request' */
export function readSeed(text: string): SigningKey {
  const line = text.split(/\s+/).find((word) => /^S[A-Z2-7]{57}$/.test(word));
  const bytes = line === undefined ? undefined : decode(line);
  if (bytes?.length !== KEY_BYTES + 2 || (bytes[0]! & 0xf8) !== SEED_PREFIX) {
    throw new LedgerError('bad-request', 'this is no nkey seed (58 letters and digits, beginning with S)');
  }
  const typeByte = ((bytes[0]! & 7) << 5) | (bytes[1]! >> 3);
  const key = createPrivateKey({ key: Buffer.concat([PKCS8, bytes.subarray(2)]), format: 'der', type: 'pkcs8' });
  const publicBytes = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(SPKI.length);
  return { publicKey: encode([typeByte], publicBytes), publicBytes, sign: (message) => sign(null, message, key) };
}

/** The raw key of a public one. @throws LedgerError 'bad-request' */
export function readPublicKey(text: string): Uint8Array {
  const bytes = /^[A-Z2-7]{56}$/.test(text) ? decode(text) : undefined;
  if (bytes?.length !== KEY_BYTES + 1 || !Object.values(TYPES).includes(bytes[0]!)) {
    const seed = text.startsWith('S') ? ': a seed is secret and is not given here' : '';
    throw new LedgerError(
      'bad-request',
      `not a public nkey (56 letters and digits, beginning with U or N, as audit key prints it)${seed}`,
    );
  }
  return bytes.subarray(1);
}

/** False also for what is no key at all. */
export function verifies(publicBytes: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicBytes.length !== KEY_BYTES || signature.length !== 64) return false;
  return verify(null, message, publicKeyObject(publicBytes), signature);
}

function publicKeyObject(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
}

function encode(head: readonly number[], raw: Uint8Array): string {
  const bytes = [...head, ...raw];
  const crc = crc16(bytes);
  let text = '';
  let bits = 0;
  let count = 0;
  for (const byte of [...bytes, crc & 0xff, crc >> 8]) {
    bits = ((bits << 8) | byte) & 0xfff;
    for (count += 8; count >= 5; count -= 5) text += ALPHABET[(bits >> (count - 5)) & 31]!;
  }
  return count === 0 ? text : text + ALPHABET[(bits << (5 - count)) & 31]!;
}

/** What stands before the CRC; undefined where that is not right. */
function decode(text: string): Uint8Array | undefined {
  const bytes: number[] = [];
  let bits = 0;
  let count = 0;
  for (const letter of text) {
    bits = ((bits << 5) | ALPHABET.indexOf(letter)) & 0xfff;
    count += 5;
    if (count < 8) continue;
    count -= 8;
    bytes.push((bits >> count) & 0xff);
  }
  const body = bytes.slice(0, -2);
  const crc = crc16(body);
  // Bits that are left over are zero, or two texts would be one key.
  const isRight = bytes.at(-2) === (crc & 0xff) && bytes.at(-1) === crc >> 8 && (bits & ((1 << count) - 1)) === 0;
  return isRight ? Uint8Array.from(body) : undefined;
}

function crc16(bytes: readonly number[]): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}
