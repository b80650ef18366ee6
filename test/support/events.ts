/** Records of events as a general encoder writes them: what our own writer is held against. */

import { decode, encode } from '@msgpack/msgpack';
import { MsgpackWriter } from '../../src/base/msgpack-writer.js';
import { encodeEvent } from '../../src/core/event-codec.js';
import type { Event } from '../../src/core/event.js';
import type { EncodedEvents, EventRecord } from '../../src/ledger/port.js';

const OPTIONS = { useBigInt64: true };

export function encodedEvents(records: readonly EventRecord[]): EncodedEvents {
  return { count: records.length, bytes: Buffer.concat(records.map((record) => encode(record, OPTIONS))) };
}

export function recordBytes(event: Event): Uint8Array {
  const writer = new MsgpackWriter();
  encodeEvent(writer, event);
  return writer.take();
}

/** The record of an event, by way of its bytes. */
export function recordOf(event: Event): EventRecord {
  return decode(recordBytes(event), OPTIONS) as EventRecord;
}
