/**
 * The bytes of a segment: header and frames. Pure; everything that touches a file stands above it.
 *
 * A segment is a file `<first position, 16 digits>.seg`: a header of 160 bytes, frames, then zeros that were written
 * ahead. All integers are little-endian.
 *
 *     header   0  magic "NLMLEDGR"            8
 *              8  version of this format      u32, now 1
 *             12  salt, random                u32
 *             16  first position              u64
 *             24  first position of the segment before, 0 if none   u64
 *             32  epoch at (first position - 1)   u64
 *             40  time at (first position - 1)    u64, milliseconds since 1970
 *             48  hash at (first position - 1)    32
 *             80  group: length u8, then UTF-8    64
 *            144  CRC-32 of bytes 0 to 143    u32
 *            148  zeros                       12
 *
 *     frame    0  length of the payload       u32
 *              4  CRC-32 of bytes 0-3, 8-15 and the payload   u32
 *              8  kind: 1 entry, 2 mark, 3 seal   u8, then three zeros
 *             12  salt of the segment         u32
 *             16  payload, then zeros up to a multiple of 8
 *
 * Payload of an entry: its bytes (ledger/entry.ts). Payload of a mark (written when the group is idle) and of a seal
 * (written at a clean stop and at the end of a full segment): position u64 and hash of the entry before, which is
 * durable.
 *
 * A header is valid if and only if (1) the magic is right, (2) the version is one that this release reads, (3) the CRC
 * is right, (4) the group's length is 1 to 63, (5) its last bytes are zero. Magic and version are checked first and apart, so that a newer header
 * of any shape is known for what it is.
 *
 * A frame is valid if and only if (1) it lies within the file, (2) its length is 1 to 16 MiB, (3) its kind is known
 * and followed by zeros, (4) its salt is the segment's, (5) its CRC is right, (6) its padding is zero. The salt is
 * random, so that no bytes a client sent can look like a frame to the search behind a torn one.
 *
 * A frame is written only once all before it are durable. Hence: a valid frame behind a bad one, or an entry that
 * names the bad frame's position as durable, proves that the bad frame was whole once: damage. With nothing valid
 * behind it, it is a torn tail.
 */

import { crc32 } from 'node:zlib';
import { LedgerError } from '../../base/errors.js';
import { ENTRY_BYTES_MAX, HASH_BYTES } from '../entry.js';
import type { Head, Position } from '../port.js';

const SEGMENT_VERSION = 1;
export const HEADER_BYTES = 160;
export const FRAME_HEAD_BYTES = 16;
const HEADER_CRC_AT = 144;
const GROUP_BYTES_MAX = 63;
const MAGIC = Buffer.from('NLMLEDGR', 'latin1');
/** CRC-32 of ISO 3309, as zlib has it: what each value of the low byte adds. */
const CRC_STEPS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb8_8320;
  return crc;
});

export const FRAME_ENTRY = 1;
export const FRAME_MARK = 2;
export const FRAME_SEAL = 3;
export type FrameKind = typeof FRAME_ENTRY | typeof FRAME_MARK | typeof FRAME_SEAL;

/** Bytes of a mark or a seal, as a frame. */
export const MARK_FRAME_BYTES = FRAME_HEAD_BYTES + 8 + HASH_BYTES;

export interface SegmentHeader {
  readonly salt: number;
  readonly first: Position;
  /** First position of the segment before, 0 if there is none. */
  readonly segmentBefore: Position;
  readonly group: string;
  /** The head when the segment was begun: position `first - 1`. */
  readonly before: Head;
}

export type ParsedHeader =
  | { readonly type: 'valid'; readonly header: SegmentHeader }
  | { readonly type: 'newer'; readonly version: number }
  | { readonly type: 'short' }
  | { readonly type: 'bad'; readonly why: string };

export interface Frame {
  readonly kind: FrameKind;
  /** A view into the parsed bytes. */
  readonly payload: Buffer;
  /** Bytes of the whole frame, padding included. */
  readonly size: number;
}

export type ParsedFrame =
  | { readonly type: 'valid'; readonly frame: Frame }
  /** A head of zeros: nothing was written here. */
  | { readonly type: 'zero' }
  /** More bytes are needed: this many from the frame's beginning. */
  | { readonly type: 'partial'; readonly need: number }
  | { readonly type: 'bad'; readonly why: string };

/** Group names are folder names and parts of subjects. */
export function checkGroupName(group: string): void {
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(group)) {
    throw new LedgerError(
      'bad-request',
      `the group name ${JSON.stringify(group)} is not 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit`,
    );
  }
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32LE(SEGMENT_VERSION, 8);
  bytes.writeUInt32LE(header.salt, 12);
  writeU64(bytes, header.first, 16);
  writeU64(bytes, header.segmentBefore, 24);
  writeU64(bytes, header.before.epoch, 32);
  writeU64(bytes, header.before.time, 40);
  bytes.set(header.before.hash, 48);
  bytes.writeUInt8(Buffer.byteLength(header.group), 80);
  bytes.write(header.group, 81, 'utf8');
  bytes.writeUInt32LE(crc32(bytes.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT);
  return bytes;
}

export function parseHeader(bytes: Buffer): ParsedHeader {
  if (bytes.length < 12) return { type: 'short' };
  if (!bytes.subarray(0, 8).equals(MAGIC)) return { type: 'bad', why: 'it does not begin with NLMLEDGR' };
  const version = bytes.readUInt32LE(8);
  if (version > SEGMENT_VERSION) return { type: 'newer', version };
  if (version < 1) return { type: 'bad', why: 'its version is 0' };
  if (bytes.length < HEADER_BYTES) return { type: 'short' };
  if (crc32(bytes.subarray(0, HEADER_CRC_AT)) !== bytes.readUInt32LE(HEADER_CRC_AT)) {
    return { type: 'bad', why: 'the CRC of its header is wrong' };
  }
  if (bytes.subarray(HEADER_CRC_AT + 4, HEADER_BYTES).some((byte) => byte !== 0)) {
    return { type: 'bad', why: 'its last bytes are not zero' };
  }
  const groupBytes = bytes.readUInt8(80);
  if (groupBytes < 1 || groupBytes > GROUP_BYTES_MAX) return { type: 'bad', why: 'it names no group' };
  const first = readU64(bytes, 16);
  return {
    type: 'valid',
    header: {
      salt: bytes.readUInt32LE(12),
      first,
      segmentBefore: readU64(bytes, 24),
      group: bytes.toString('utf8', 81, 81 + groupBytes),
      before: {
        position: first - 1,
        epoch: readU64(bytes, 32),
        time: readU64(bytes, 40),
        hash: Buffer.from(bytes.subarray(48, 48 + HASH_BYTES)),
      },
    },
  };
}

export function frameBytes(payloadBytes: number): number {
  return (FRAME_HEAD_BYTES + payloadBytes + 7) & ~7;
}

/** Writes the frame to the beginning of `target`, which has room for it, and returns its size. */
export function encodeFrame(target: Buffer, kind: FrameKind, salt: number, payload: Uint8Array): number {
  const size = frameBytes(payload.length);
  target.writeUInt32LE(payload.length, 0);
  target.writeUInt32LE(kind, 8);
  target.writeUInt32LE(salt, 12);
  target.set(payload, FRAME_HEAD_BYTES);
  for (let at = FRAME_HEAD_BYTES + payload.length; at < size; at += 1) target[at] = 0;
  target.writeUInt32LE(frameCrc(target, 0, payload.length), 4);
  return size;
}

export function encodeMark(head: Head): Buffer {
  const payload = Buffer.alloc(8 + HASH_BYTES);
  writeU64(payload, head.position, 0);
  payload.set(head.hash, 8);
  return payload;
}

/** `undefined` where the payload is not that of a mark. */
export function parseMark(payload: Buffer): { position: Position; hash: Uint8Array } | undefined {
  if (payload.length !== 8 + HASH_BYTES) return undefined;
  return { position: readU64(payload, 0), hash: payload.subarray(8) };
}

/** `end` is where the bytes end that may be looked at. */
export function parseFrame(bytes: Buffer, at: number, salt: number, end = bytes.length): ParsedFrame {
  if (end - at < FRAME_HEAD_BYTES) return { type: 'partial', need: FRAME_HEAD_BYTES };
  const length = bytes.readUInt32LE(at);
  const kind = bytes.readUInt32LE(at + 8);
  if (length === 0 && kind === 0 && bytes.readUInt32LE(at + 4) === 0 && bytes.readUInt32LE(at + 12) === 0) {
    return { type: 'zero' };
  }
  if (bytes.readUInt32LE(at + 12) !== salt) return { type: 'bad', why: 'its salt is not that of the segment' };
  if (kind !== FRAME_ENTRY && kind !== FRAME_MARK && kind !== FRAME_SEAL) {
    return { type: 'bad', why: `its kind ${kind} is not known` };
  }
  if (length === 0 || length > ENTRY_BYTES_MAX) return { type: 'bad', why: `its length ${length} cannot be` };
  const size = frameBytes(length);
  if (end - at < size) return { type: 'partial', need: size };
  if (frameCrc(bytes, at, length) !== bytes.readUInt32LE(at + 4)) return { type: 'bad', why: 'its CRC is wrong' };
  const payloadAt = at + FRAME_HEAD_BYTES;
  for (let i = payloadAt + length; i < at + size; i++) {
    if (bytes[i] !== 0) return { type: 'bad', why: 'its padding is not zero' };
  }
  return { type: 'valid', frame: { kind, payload: bytes.subarray(payloadAt, payloadAt + length), size } };
}

function frameCrc(bytes: Buffer, at: number, length: number): number {
  // The length's four bytes here: a call into zlib costs as much as a frame of one event takes there.
  let head = 0xffff_ffff;
  for (let i = at; i < at + 4; i += 1) head = CRC_STEPS[(head ^ bytes[i]!) & 0xff]! ^ (head >>> 8);
  return crc32(bytes.subarray(at + 8, at + FRAME_HEAD_BYTES + length), ~head >>> 0);
}

function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, at);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}

function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + bytes.readUInt32LE(at);
}
