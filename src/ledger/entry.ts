/**
 * The entry's codec: Entry <-> msgpack. Between the chain and every ledger; jetstream messages and file frames carry
 * exactly these bytes, and the hash chain is taken over them.
 *
 * An entry is one msgpack array of nine:
 *
 *     [version, group, position, epoch, node, time, previous (bin 32), durable, events]
 *
 * Integers up to 2^32-1 are msgpack integers, larger ones (times) float 64, which is exact to 2^53; a reader takes
 * uint 64 as well. An event is an array, its kind first. A newer version may have any shape behind its first element.
 */

import { Decoder } from '@msgpack/msgpack';
import { LedgerError } from '../base/errors.js';
import { MsgpackWriter } from '../base/msgpack-writer.js';
import type { EncodedEvents, Entry, EventRecord } from './port.js';

export const ENTRY_VERSION = 1;
export const HASH_BYTES = 32;
/** Of one entry in its final form: bounds what a reader allocates on the word of a length field. */
export const ENTRY_BYTES_MAX = 16 * 1024 * 1024;
/** Elements of one array: a damaged length must not allocate gigabytes. */
const ELEMENTS_MAX = 1 << 20;

const WRITER = new MsgpackWriter();
const DECODER = new Decoder({
  useBigInt64: true,
  maxArrayLength: ELEMENTS_MAX,
  maxMapLength: ELEMENTS_MAX,
  maxBinLength: ENTRY_BYTES_MAX,
  maxStrLength: ENTRY_BYTES_MAX,
  maxExtLength: 0,
});

/** The bytes belong to the caller. */
export function encodeEntry(entry: Omit<Entry, 'events'>, events: EncodedEvents): Uint8Array {
  WRITER.array(9);
  WRITER.number(entry.version);
  WRITER.text(entry.group);
  WRITER.number(entry.position);
  WRITER.number(entry.epoch);
  WRITER.text(entry.node);
  WRITER.number(entry.time);
  WRITER.buffer(entry.previous);
  WRITER.number(entry.durable);
  WRITER.array(events.count);
  WRITER.raw(events.bytes);
  const bytes = WRITER.take();
  if (bytes.length > ENTRY_BYTES_MAX) {
    throw new LedgerError('limit', `an entry of ${bytes.length} bytes is larger than ${ENTRY_BYTES_MAX}: split it`);
  }
  return bytes;
}

/** Throws LedgerError `newer-version` or `damaged`, never anything else. Binary fields are views into `bytes`. */
export function decodeEntry(bytes: Uint8Array): Entry {
  let value: unknown;
  try {
    value = DECODER.decode(bytes);
  } catch (cause) {
    throw damaged('its bytes are not msgpack', cause);
  }
  if (!Array.isArray(value)) throw damaged('it is not an array');
  // `Array.isArray` gives any[]: each element is checked below before it is used.
  const [version, group, position, epoch, node, time, previous, durable, events] = value as unknown[];
  checkVersion(version);
  if (value.length !== 9) throw damaged(`it has ${value.length} elements instead of 9`);
  if (typeof group !== 'string' || typeof node !== 'string') throw damaged('its group or node is not a string');
  if (!(previous instanceof Uint8Array) || previous.length !== HASH_BYTES) {
    throw damaged('its previous hash is not 32 bytes');
  }
  if (!isEventList(events)) throw damaged('its events are not arrays with a kind');
  return {
    version: ENTRY_VERSION,
    group,
    position: integer(position, 'position'),
    epoch: integer(epoch, 'epoch'),
    node,
    time: integer(time, 'time'),
    previous,
    durable: integer(durable, 'durable mark'),
    events,
  };
}

function checkVersion(version: unknown): void {
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) throw damaged('it has no version');
  if (version > ENTRY_VERSION) {
    throw new LedgerError(
      'newer-version',
      `the entry has version ${version} and this release reads up to ${ENTRY_VERSION}: ` +
        `start a release that reads entry version ${version}`,
      { details: { needed: version, supported: ENTRY_VERSION } },
    );
  }
}

function isEventList(events: unknown): events is EventRecord[] {
  if (!Array.isArray(events)) return false;
  for (const event of events as unknown[]) {
    if (!Array.isArray(event) || !Number.isSafeInteger(event[0])) return false;
  }
  return true;
}

function integer(value: unknown, name: string): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
    throw damaged(`its ${name} is not a whole number`);
  }
  return number;
}

function damaged(why: string, cause?: unknown): LedgerError {
  return new LedgerError('damaged', `an entry is damaged: ${why}`, { cause });
}
