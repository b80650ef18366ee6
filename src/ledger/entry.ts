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

import { LedgerError } from '../base/errors.js';
import { MsgpackReader } from '../base/msgpack-reader.js';
import { MsgpackWriter } from '../base/msgpack-writer.js';
import type { EncodedEvents, Entry } from './port.js';

export const ENTRY_VERSION = 1;
export const HASH_BYTES = 32;
/** Of one entry in its final form: bounds what a reader allocates on the word of a length field. */
export const ENTRY_BYTES_MAX = 16 * 1024 * 1024;

const WRITER = new MsgpackWriter();
const READER = new MsgpackReader();

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

/**
 * Throws LedgerError `newer-version` or `damaged`, never anything else. Binary fields and the events are views into
 * `bytes`; whether the events are whole is found out by whoever decodes them, or by `checkEvents`.
 */
export function decodeEntry(bytes: Uint8Array): Entry {
  const reader = READER.reset(bytes);
  const length = reader.array();
  const version = reader.number();
  checkVersion(version);
  if (length !== 9) throw damaged(`it has ${length} elements instead of 9`);
  const group = reader.text();
  const position = integer(reader.number(), 'position');
  const epoch = integer(reader.number(), 'epoch');
  const node = reader.text();
  const time = integer(reader.number(), 'time');
  const previous = reader.view();
  if (previous.length !== HASH_BYTES) throw damaged('its previous hash is not 32 bytes');
  const durable = integer(reader.number(), 'durable mark');
  const count = reader.array();
  const events = { count, bytes: bytes.subarray(reader.offset) };
  return { version: ENTRY_VERSION, group, position, epoch, node, time, previous, durable, events };
}

/** Throws LedgerError `damaged` where the events are not so many msgpack arrays with a kind first. */
export function checkEvents(events: EncodedEvents): void {
  const reader = READER.reset(events.bytes);
  for (let left = events.count; left > 0; left -= 1) {
    const length = reader.array();
    if (length === 0) throw damaged('an event has no kind');
    reader.number();
    for (let fields = length - 1; fields > 0; fields -= 1) reader.skip(1);
  }
  if (!reader.isAtEnd) throw damaged('bytes stand behind its events');
}

function checkVersion(version: number): void {
  if (version < 1) throw damaged('it has no version');
  if (version > ENTRY_VERSION) {
    throw new LedgerError(
      'newer-version',
      `the entry has version ${version} and this release reads up to ${ENTRY_VERSION}: ` +
        `start a release that reads entry version ${version}`,
      { details: { needed: version, supported: ENTRY_VERSION } },
    );
  }
}

function integer(value: number, name: string): number {
  if (value < 0) throw damaged(`its ${name} is below 0`);
  return value;
}

function damaged(why: string): LedgerError {
  return new LedgerError('damaged', `an entry is damaged: ${why}`);
}
