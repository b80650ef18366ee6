/**
 * The records of the events that a LOCK and its UNLOCK are made of, by hand: the same bytes as the table of
 * event-codec.ts writes, and the same events out of them, several times as fast (ops/bench/replay.ts). Everything else is
 * left to the table, which also says what the fields are.
 */

import type { MsgpackReader } from '../base/msgpack-reader.js';
import type { MsgpackWriter } from '../base/msgpack-writer.js';
import type { CallIdentity } from './command.js';
import type { Event, FileMet, LockGranted, LockReleased, OwnerMet } from './event.js';
import { damagedEvent, flag } from './event-fields.js';
import type { Range } from './range.js';

const OWNER_MET = 4;
const FILE_MET = 5;
const LOCK_GRANTED = 7;
const LOCK_RELEASED = 8;

/** False where the event is not one of these: nothing was written. */
export function encodeHotEvent(out: MsgpackWriter, event: Event): boolean {
  switch (event.type) {
    case 'lock-granted':
      out.array(event.handle === undefined ? 8 : 9);
      out.number(LOCK_GRANTED);
      out.number(event.owner);
      out.number(event.file);
      writeRange(out, event.range);
      out.number(event.exclusive ? 1 : 0);
      out.number(event.reclaim ? 1 : 0);
      out.number(event.monitored ? 1 : 0);
      writeCall(out, event.call);
      if (event.handle !== undefined) out.binary(event.handle);
      return true;
    case 'lock-released':
      out.array(5);
      out.number(LOCK_RELEASED);
      out.number(event.owner);
      out.number(event.file);
      writeRange(out, event.range);
      writeCall(out, event.call);
      return true;
    default:
      return false;
  }
}

/** `undefined` where the kind is not one of these: nothing was read. `length` counts the kind. */
export function decodeHotEvent(reader: MsgpackReader, kind: number, length: number): Event | undefined {
  if (kind === LOCK_GRANTED && (length === 8 || length === 9)) return lockGranted(reader, length);
  if (kind === LOCK_RELEASED && length === 5) return lockReleased(reader);
  if (kind === OWNER_MET && length === 6) return ownerMet(reader);
  if (kind === FILE_MET && length === 5) return fileMet(reader);
  return undefined;
}

function lockGranted(reader: MsgpackReader, length: number): LockGranted {
  const granted: LockGranted = {
    type: 'lock-granted',
    owner: reader.number(),
    file: reader.number(),
    range: readRange(reader),
    exclusive: flag.read(reader),
    reclaim: flag.read(reader),
    monitored: flag.read(reader),
    call: readCall(reader),
  };
  return length === 8 || reader.nil() ? granted : { ...granted, handle: reader.binary() };
}

function lockReleased(reader: MsgpackReader): LockReleased {
  return {
    type: 'lock-released',
    owner: reader.number(),
    file: reader.number(),
    range: readRange(reader),
    call: readCall(reader),
  };
}

function ownerMet(reader: MsgpackReader): OwnerMet {
  return {
    type: 'owner-met',
    owner: reader.number(),
    client: reader.number(),
    serverAddress: reader.text(),
    svid: reader.number(),
    oh: reader.binary(),
  };
}

function fileMet(reader: MsgpackReader): FileMet {
  return {
    type: 'file-met',
    file: reader.number(),
    fileSystem: reader.text(),
    key: reader.binary(),
    handle: reader.binary(),
  };
}

function writeRange(out: MsgpackWriter, { start, end }: Range): void {
  out.array(2);
  out.u64(start);
  out.u64(end);
}

function readRange(reader: MsgpackReader): Range {
  if (reader.array() !== 2) throw damagedEvent('a range');
  return { start: reader.u64(), end: reader.u64() };
}

function writeCall(out: MsgpackWriter, { port, xid, digest }: CallIdentity): void {
  out.array(3);
  out.number(port);
  out.number(xid);
  out.number(digest);
}

function readCall(reader: MsgpackReader): CallIdentity {
  if (reader.array() !== 3) throw damagedEvent('a call');
  return { port: reader.number(), xid: reader.number(), digest: reader.number() };
}
