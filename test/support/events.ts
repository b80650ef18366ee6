/** Records of events as a general encoder writes them: what our own writer is held against. */

import { decode, decodeMulti, encode } from '@msgpack/msgpack';
import { MsgpackWriter } from '../../src/base/msgpack-writer.js';
import { decodeEvents, encodeEvent } from '../../src/core/event-codec.js';
import type { Event } from '../../src/core/event.js';
import type { EncodedEvents } from '../../src/ledger/port.js';

/** What a general reader of msgpack makes of an event. */
export type EventRecord = readonly [kind: number, ...fields: readonly unknown[]];

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

export function recordsOf({ bytes }: EncodedEvents): EventRecord[] {
  return [...decodeMulti(bytes, OPTIONS)] as EventRecord[];
}

function eventsOf(encoded: EncodedEvents): Event[] {
  const events: Event[] = [];
  decodeEvents(encoded, (event) => events.push(event));
  return events;
}

/** What our own reader makes of the bytes that a general encoder writes for a record. */
export function eventOf(record: EventRecord): Event {
  return eventsOf(encodedEvents([record]))[0]!;
}
