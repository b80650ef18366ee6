/**
 * Reads the fields of an entry that a ledger needs, in place and without decoding its events. On the path of every
 * append: a ledger checks that what it is handed continues its chain. The format stands in entry.ts.
 */

import { LedgerError } from '../base/errors.js';
import { HASH_BYTES } from './entry.js';

export interface Envelope {
  readonly position: number;
  readonly epoch: number;
  readonly time: number;
  /** A view into the entry's bytes. */
  readonly previous: Uint8Array;
  readonly durable: number;
}

const SCRATCH = new DataView(new ArrayBuffer(8));

/** Throws LedgerError `damaged` for anything that is not the beginning of an entry of version 1. */
export function readEnvelope(bytes: Uint8Array): Envelope {
  if (bytes[0] !== 0x99 || bytes[1] !== 1) throw damaged();
  const cursor = { bytes, at: 2 };
  skipString(cursor);
  const position = readInteger(cursor);
  const epoch = readInteger(cursor);
  skipString(cursor);
  const time = readInteger(cursor);
  if (bytes[cursor.at] !== 0xc4 || bytes[cursor.at + 1] !== HASH_BYTES) throw damaged();
  const previous = bytes.subarray(cursor.at + 2, cursor.at + 2 + HASH_BYTES);
  cursor.at += 2 + HASH_BYTES;
  return { position, epoch, time, previous, durable: readInteger(cursor) };
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function byte(cursor: Cursor): number {
  const value = cursor.bytes[cursor.at++];
  if (value === undefined) throw damaged();
  return value;
}

function unsigned(cursor: Cursor, length: number): number {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + byte(cursor);
  return value;
}

function skipString(cursor: Cursor): void {
  const head = byte(cursor);
  if (head >= 0xa0 && head <= 0xbf) cursor.at += head - 0xa0;
  else if (head === 0xd9) cursor.at += unsigned(cursor, 1);
  else if (head === 0xda) cursor.at += unsigned(cursor, 2);
  else throw damaged();
}

function readInteger(cursor: Cursor): number {
  const head = byte(cursor);
  if (head < 0x80) return head;
  if (head === 0xcc) return unsigned(cursor, 1);
  if (head === 0xcd) return unsigned(cursor, 2);
  if (head === 0xce) return unsigned(cursor, 4);
  if (head === 0xcf) return safe(unsigned(cursor, 8));
  if (head !== 0xcb) throw damaged();
  for (let i = 0; i < 8; i++) SCRATCH.setUint8(i, byte(cursor));
  return safe(SCRATCH.getFloat64(0));
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw damaged();
  return value;
}

function damaged(): LedgerError {
  return new LedgerError('damaged', 'an entry is damaged: its envelope does not parse');
}
