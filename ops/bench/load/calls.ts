/**
 * The calls of the load generator: each procedure is encoded once, and a call is a copy of that in which xid, cookie,
 * file handle, owner and range are patched. Replies are checked down to the cookie. Behind slots.ts.
 */

import { assert } from '../../../src/base/assert.js';
import { bytesFrom, type Bytes } from '../../../src/base/bytes.js';
import { U64_ZERO, u64 } from '../../../src/base/u64.js';
import { nlmCall, NLM_PROGRAM } from '../../../src/nlm/procedures.js';
import { encodeAuthSys } from '../../../src/rpc/auth.js';
import { encodeCall } from '../../../src/rpc/message.js';
import { beginRecord, endRecord } from '../../../src/rpc/record.js';
import { XdrWriter } from '../../../src/xdr/writer.js';

export const NULL = 0;
export const TEST = 1;
export const LOCK = 2;
export const UNLOCK = 4;
export const NM_LOCK = 22;
export const FREE_ALL = 23;
export type Procedure = typeof NULL | typeof TEST | typeof LOCK | typeof UNLOCK | typeof NM_LOCK | typeof FREE_ALL;

export const RECORD_MARK_BYTES = 4;
/** No status: the reply is not one to this call. */
export const FAULT = -1;

/** What a call is about. `offset` is in two words; ranges are `LENGTH` bytes long. */
export interface Target {
  /** Index among the handles. */
  file: number;
  owner: number;
  offsetHigh: number;
  offsetLow: number;
}

const LENGTH = 32;
const FIRST_SVID = 1000;
const CALLERS_MAX = 100;
/** Markers, found again in what was encoded: that is where the patches go. */
const COOKIE = 'COOKIE::';
const OWNER = 'OWNR';
const SVID = 0x7156_7156;
const OFFSET = u64(0x7f00_ff01, 0x7f00_ff02);

interface Template {
  readonly bytes: Buffer;
  readonly cookieAt: number;
  readonly callerAt: number;
  readonly handleAt: number;
  readonly ownerAt: number;
  readonly svidAt: number;
  readonly offsetAt: number;
}

export interface CallsOptions {
  /** File handles, all of one length. */
  readonly handles: readonly Buffer[];
  /** Number of caller names over which the owners are spread: clients, to the server. At most 100. */
  readonly callers: number;
}

export class Calls {
  /** Of the longest call, record mark included. */
  readonly bytesMax: number;
  readonly #handles: readonly Buffer[];
  readonly #callers: number;
  readonly #templates: ReadonlyMap<Procedure, Template>;

  constructor({ handles, callers }: CallsOptions) {
    const [first] = handles;
    assert(first !== undefined && handles.every(({ length }) => length === first.length), 'handles of one length');
    assert(callers >= 1 && callers <= CALLERS_MAX, 'one to a hundred callers');
    this.#handles = handles;
    this.#callers = callers;
    this.#templates = templates(first);
    this.bytesMax = Math.max(...[...this.#templates.values()].map(({ bytes }) => bytes.length));
  }

  get files(): number {
    return this.#handles.length;
  }

  /** Writes the call with its record mark at `at`; returns where it ends. */
  write(into: Buffer, at: number, procedure: Procedure, xid: number, target: Target): number {
    const template = this.#templates.get(procedure)!;
    into.set(template.bytes, at);
    put(into, at + RECORD_MARK_BYTES, xid);
    if (template.cookieAt >= 0) put(into, at + template.cookieAt, xid);
    if (template.callerAt >= 0) {
      const caller = target.owner % this.#callers;
      into[at + template.callerAt] = 48 + Math.trunc(caller / 10);
      into[at + template.callerAt + 1] = 48 + (caller % 10);
    }
    if (template.handleAt >= 0) {
      into.set(this.#handles[target.file]!, at + template.handleAt);
      put(into, at + template.ownerAt, target.owner);
      put(into, at + template.svidAt, FIRST_SVID + target.owner);
      put(into, at + template.offsetAt, target.offsetHigh);
      put(into, at + template.offsetAt + 4, target.offsetLow);
    }
    return at + template.bytes.length;
  }
}

/** Handles of a made-up file system: only a server that never looks at the file takes them. */
export function syntheticHandles(files: number): Buffer[] {
  return Array.from({ length: files }, (_, file) => {
    const handle = Buffer.alloc(32, 0x5a);
    handle.writeBigUInt64BE(1n, 0);
    handle.writeBigUInt64BE(BigInt(file + 1), 8);
    return handle;
  });
}

/** The xid of the reply that begins at `start`. */
export function xidOf(bytes: Buffer, start: number): number {
  return get(bytes, start);
}

/** The status of the reply between `start` and `end`, 0 for a void result, or FAULT. */
export function statusOfReply(bytes: Buffer, start: number, end: number, procedure: Procedure, xid: number): number {
  if (end - start < 24 || get(bytes, start) !== xid || get(bytes, start + 4) !== 1 || get(bytes, start + 8) !== 0) {
    return FAULT;
  }
  const results = start + 24 + ((get(bytes, start + 16) + 3) & ~3);
  if (results > end || get(bytes, results - 4) !== 0) return FAULT;
  if (procedure === NULL || procedure === FREE_ALL) return results === end ? 0 : FAULT;
  if (end - results < 16 || get(bytes, results) !== COOKIE.length || get(bytes, results + 4) !== xid) return FAULT;
  return get(bytes, results + 12);
}

function templates(handle: Buffer): Map<Procedure, Template> {
  const text = (value: string): Bytes => bytesFrom(Buffer.from(value));
  const cookie = text(COOKIE);
  const alock = {
    caller_name: text('bench-00'),
    fh: bytesFrom(handle),
    oh: text(`${OWNER}@bench-`),
    svid: SVID,
    l_offset: OFFSET,
    l_len: { ...U64_ZERO, low: LENGTH },
  };
  const lock = { cookie, block: false, exclusive: true, alock, reclaim: false, state: 1 };
  const encoders: readonly [Procedure, (writer: XdrWriter) => void][] = [
    [NULL, () => undefined],
    [TEST, (writer) => nlmCall(4, 'TEST')?.args.encode(writer, { cookie, exclusive: true, alock })],
    [LOCK, (writer) => nlmCall(4, 'LOCK')?.args.encode(writer, lock)],
    [UNLOCK, (writer) => nlmCall(4, 'UNLOCK')?.args.encode(writer, { cookie, alock })],
    [NM_LOCK, (writer) => nlmCall(4, 'NM_LOCK')?.args.encode(writer, { ...lock, state: 0 })],
    [FREE_ALL, (writer) => nlmCall(4, 'FREE_ALL')?.args.encode(writer, { name: alock.caller_name, state: 0 })],
  ];
  const credential = encodeAuthSys({ stamp: 1, machinename: text('bench'), uid: 0, gid: 0, gids: [0] });
  const svid = Buffer.alloc(4);
  svid.writeUInt32BE(SVID);
  const offset = Buffer.alloc(8);
  offset.writeUInt32BE(OFFSET.high);
  offset.writeUInt32BE(OFFSET.low, 4);
  return new Map(
    encoders.map(([procedure, encode]) => {
      const writer = new XdrWriter();
      const mark = beginRecord(writer);
      encodeCall(writer, { xid: 0, program: NLM_PROGRAM, version: 4, procedure, credential });
      encode(writer);
      endRecord(writer, mark);
      const bytes = writer.take();
      const callerAt = bytes.indexOf('bench-00');
      return [
        procedure,
        {
          bytes,
          cookieAt: bytes.indexOf(COOKIE),
          callerAt: callerAt < 0 ? callerAt : callerAt + 6,
          handleAt: bytes.indexOf(handle),
          ownerAt: bytes.indexOf(OWNER),
          svidAt: bytes.indexOf(svid),
          offsetAt: bytes.indexOf(offset),
        },
      ];
    }),
  );
}

function get(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function put(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
