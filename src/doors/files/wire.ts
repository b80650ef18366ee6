/**
 * The bytes of FUSE, protocol 7 (include/uapi/linux/fuse.h), in the byte order of the host. One read of `/dev/fuse` is
 * one request, one write is one reply:
 *
 *     request  | length u32 | opcode u32 | unique u64 | node u64 | uid u32 | gid u32 | pid u32 | extensions u16 | 0 u16 |
 *              | body: the operation's own fields, then names (ended by a 0) or data |
 *     reply    | length u32 | error i32 (0, or -errno and then no body) | unique u64 | body |
 *
 * A request is valid if and only if (1) it has a whole header, (2) its length is the number of bytes read, and (3) its
 * body has the fields of its operation. Numbers of 64 bits that we gave out ourselves (nodes, handles) are small.
 */

import type { Errno } from './errno.js';

export const OPCODE = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  BATCH_FORGET: 42,
  RENAME2: 45,
} as const;

const REQUEST_HEADER_BYTES = 40;
const REPLY_HEADER_BYTES = 16;
const ATTR_BYTES = 88;
const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

export interface Request {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: number;
  readonly uid: number;
  /** A view of the buffer that the request was read into: what is kept must be copied. */
  readonly body: DataView;
}

/** `undefined` where the bytes are no request. */
export function readRequest(bytes: Uint8Array): Request | undefined {
  if (bytes.length < REQUEST_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, LITTLE) !== bytes.length) return undefined;
  return {
    opcode: view.getUint32(4, LITTLE),
    unique: view.getBigUint64(8, LITTLE),
    node: Number(view.getBigUint64(16, LITTLE)),
    uid: view.getUint32(24, LITTLE),
    body: new DataView(bytes.buffer, bytes.byteOffset + REQUEST_HEADER_BYTES, bytes.length - REQUEST_HEADER_BYTES),
  };
}

/** Each `read…` gives `undefined` where the body is too short for its fields. */
export interface Init {
  readonly major: number;
  readonly minor: number;
  readonly readAheadBytesMax: number;
  readonly flags: number;
}

export function readInit(body: DataView): Init | undefined {
  if (body.byteLength < 16) return undefined;
  return {
    major: body.getUint32(0, LITTLE),
    minor: body.getUint32(4, LITTLE),
    readAheadBytesMax: body.getUint32(8, LITTLE),
    flags: body.getUint32(12, LITTLE),
  };
}

/** The name of LOOKUP as latin1, without the 0 at its end. */
export function readName(body: DataView): string | undefined {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const end = bytes.indexOf(0);
  return end < 0 ? undefined : bytes.toString('latin1', 0, end);
}

/** Flags of open(2). */
export function readOpen(body: DataView): { readonly flags: number } | undefined {
  return body.byteLength < 8 ? undefined : { flags: body.getUint32(0, LITTLE) };
}

/** FUSE_READ and FUSE_READDIR. */
export interface Read {
  readonly handle: number;
  readonly offset: number;
  readonly size: number;
}

export function readRead(body: DataView): Read | undefined {
  if (body.byteLength < 24) return undefined;
  return {
    handle: Number(body.getBigUint64(0, LITTLE)),
    offset: Number(body.getBigUint64(8, LITTLE)),
    size: body.getUint32(16, LITTLE),
  };
}

/** The data is a view of the request's buffer. */
export function readWrite(body: DataView): { readonly handle: number; readonly data: Uint8Array } | undefined {
  if (body.byteLength < 40) return undefined;
  const size = body.getUint32(16, LITTLE);
  if (body.byteLength !== 40 + size) return undefined;
  return {
    handle: Number(body.getBigUint64(0, LITTLE)),
    data: new Uint8Array(body.buffer, body.byteOffset + 40, size),
  };
}

export function readRelease(body: DataView): { readonly handle: number } | undefined {
  return body.byteLength < 24 ? undefined : { handle: Number(body.getBigUint64(0, LITTLE)) };
}

/** The request that its caller no longer wants to wait for. */
export function readInterrupt(body: DataView): { readonly unique: bigint } | undefined {
  return body.byteLength < 8 ? undefined : { unique: body.getBigUint64(0, LITTLE) };
}

export interface SetAttributes {
  /** Changes that are asked for, of those that we tell apart. */
  readonly modeOrOwner: boolean;
  readonly size: number | undefined;
}

export function readSetAttributes(body: DataView): SetAttributes | undefined {
  if (body.byteLength < 88) return undefined;
  const valid = body.getUint32(0, LITTLE);
  return {
    modeOrOwner: (valid & 0b111) !== 0,
    size: (valid & 0b1000) === 0 ? undefined : Number(body.getBigUint64(16, LITTLE)),
  };
}

export interface Attributes {
  readonly inode: number;
  /** Type and permissions as in st_mode. */
  readonly mode: number;
  readonly links: number;
  /** Seconds since 1970, of all three times. */
  readonly time: number;
}

/** How long the kernel may keep attributes, and the node of a name; they never change. */
const VALID_SECONDS = 60n;

/** Body of LOOKUP. `lasting`: the name need not be looked up again soon. */
export function entryBody(node: number, attributes: Attributes, lasting: boolean): Buffer {
  const { body, view } = blank(40 + ATTR_BYTES);
  view.setBigUint64(0, BigInt(node), LITTLE);
  if (lasting) view.setBigUint64(16, VALID_SECONDS, LITTLE);
  view.setBigUint64(24, VALID_SECONDS, LITTLE);
  putAttributes(view, 40, attributes);
  return body;
}

/** Body of GETATTR and SETATTR. */
export function attributesBody(attributes: Attributes): Buffer {
  const { body, view } = blank(16 + ATTR_BYTES);
  view.setBigUint64(0, VALID_SECONDS, LITTLE);
  putAttributes(view, 16, attributes);
  return body;
}

/** | ino, size, blocks, atime, mtime, ctime u64 | three times' ns, mode, nlink, uid, gid, rdev, blksize, flags u32 | */
function putAttributes(view: DataView, at: number, { inode, mode, links, time }: Attributes): void {
  view.setBigUint64(at, BigInt(inode), LITTLE);
  for (const offset of [24, 32, 40]) view.setBigUint64(at + offset, BigInt(time), LITTLE);
  view.setUint32(at + 60, mode, LITTLE);
  view.setUint32(at + 64, links, LITTLE);
  view.setUint32(at + 80, 4096, LITTLE);
}

export interface Negotiated {
  readonly minor: number;
  readonly readAheadBytesMax: number;
  readonly flags: number;
  readonly writeBytesMax: number;
}

export const MAJOR = 7;

export function initBody({ minor, readAheadBytesMax, flags, writeBytesMax }: Negotiated): Buffer {
  const { body, view } = blank(64);
  view.setUint32(0, MAJOR, LITTLE);
  view.setUint32(4, minor, LITTLE);
  view.setUint32(8, readAheadBytesMax, LITTLE);
  view.setUint32(12, flags, LITTLE);
  view.setUint32(20, writeBytesMax, LITTLE);
  view.setUint32(24, 1_000_000_000, LITTLE); // time_gran: nanoseconds a step
  return body;
}

/** Body of OPEN and OPENDIR. */
export function openBody(handle: number, flags: number): Buffer {
  const { body, view } = blank(16);
  view.setBigUint64(0, BigInt(handle), LITTLE);
  view.setUint32(8, flags, LITTLE);
  return body;
}

/** Body of WRITE: how much was taken. */
export function writtenBody(size: number): Buffer {
  const { body, view } = blank(8);
  view.setUint32(0, size, LITTLE);
  return body;
}

/** Body of STATFS: no blocks, so many files. */
export function statfsBody(files: number): Buffer {
  const { body, view } = blank(80);
  view.setBigUint64(24, BigInt(files), LITTLE);
  view.setUint32(40, 4096, LITTLE); // bsize
  view.setUint32(44, 255, LITTLE); // namelen
  view.setUint32(48, 4096, LITTLE); // frsize
  return body;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly node: number;
  /** Type bits of st_mode, shifted down: 4 a folder, 8 a file. */
  readonly type: number;
}

/** Body of READDIR: entries from index `offset` on, each padded to 8 bytes, as many as `size` holds. */
export function directoryBody(entries: readonly DirectoryEntry[], offset: number, size: number): Buffer {
  const parts: Buffer[] = [];
  let used = 0;
  for (let index = offset; index < entries.length; index++) {
    const entry = entries[index];
    if (entry === undefined) break;
    const nameBytes = Buffer.byteLength(entry.name);
    const { body, view } = blank(Math.ceil((24 + nameBytes) / 8) * 8);
    if (used + body.length > size) break;
    view.setBigUint64(0, BigInt(entry.node), LITTLE);
    view.setBigUint64(8, BigInt(index + 1), LITTLE); // where the next READDIR goes on
    view.setUint32(16, nameBytes, LITTLE);
    view.setUint32(20, entry.type, LITTLE);
    body.write(entry.name, 24);
    parts.push(body);
    used += body.length;
  }
  return Buffer.concat(parts);
}

export function reply(unique: bigint, body?: Uint8Array): Buffer {
  return framed(unique, 0, body);
}

export function errorReply(unique: bigint, errno: Errno): Buffer {
  return framed(unique, -errno, undefined);
}

function framed(unique: bigint, error: number, payload: Uint8Array | undefined): Buffer {
  const { body, view } = blank(REPLY_HEADER_BYTES + (payload?.length ?? 0));
  view.setUint32(0, body.length, LITTLE);
  view.setInt32(4, error, LITTLE);
  view.setBigUint64(8, unique, LITTLE);
  if (payload !== undefined) body.set(payload, REPLY_HEADER_BYTES);
  return body;
}

function blank(size: number): { body: Buffer; view: DataView } {
  const body = Buffer.alloc(size);
  return { body, view: new DataView(body.buffer, body.byteOffset, size) };
}
