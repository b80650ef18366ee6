/** Gathers the facts of a group's folder for the recovery table. Reads only; recovery.ts decides, open.ts acts. */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { EMPTY_HEAD } from '../chain.js';
import { decodeEntry } from '../entry.js';
import type { Head, Position } from '../port.js';
import {
  FRAME_ENTRY,
  FRAME_HEAD_BYTES,
  HEADER_BYTES,
  parseFrame,
  type FrameKind,
  type SegmentHeader,
} from './format.js';
import { endOfBytes, readHeader, walkFrames, type PlacedFrame } from './frames.js';
import { segmentFirsts, segmentName } from './layout.js';
import { Walk } from './replay.js';
import type { Facts } from './recovery.js';
import { errorNumber, type Storage, type StorageFile } from './storage.js';

/** Bytes behind the last valid frame that are not zero. */
export interface Tail {
  readonly offset: number;
  readonly end: number;
  readonly why: string;
}

/** The last segment as it was found. */
export interface LastSegment {
  readonly path: string;
  readonly first: Position;
  /** Set where the header is valid. */
  readonly header?: SegmentHeader;
  readonly fileBytes: number;
  readonly head: Head;
  /** Offset behind the last valid frame. */
  readonly end: number;
  /** The last valid frame, if there is one. */
  readonly lastFrame?: { readonly offset: number; readonly size: number; readonly kind: FrameKind };
  readonly tail?: Tail;
  /** What exactly is wrong, for the message. */
  readonly fault?: string;
}

type SegmentFacts = Pick<Facts, 'segments' | 'header' | 'tail' | 'chain'>;

export interface Inspection {
  readonly facts: SegmentFacts;
  readonly firsts: readonly Position[];
  readonly last?: LastSegment;
  readonly fault?: string;
}

const SOUND: SegmentFacts = { segments: 'linked', header: 'valid', tail: 'clean', chain: 'connected' };

/** `begins`: whether a ledger may begin behind this head, since what stood before was archived and removed. */
export async function inspect(
  storage: Storage,
  folder: string,
  group: string,
  begins: (before: Head) => Promise<boolean>,
): Promise<Inspection> {
  const firsts = segmentFirsts(await storage.list(folder));
  let before: Position = 0;
  for (const [index, first] of firsts.entries()) {
    const path = join(folder, segmentName(first));
    const file = await storage.open(path, 'read');
    try {
      const parsed = await readHeader(file);
      const fault = (facts: Partial<SegmentFacts>, why: string): Inspection => ({
        facts: { ...SOUND, ...facts },
        firsts,
        fault: `${path}: ${why}`,
      });
      const isLast = index === firsts.length - 1;
      if (parsed.type === 'newer') return fault({ segments: 'newer-version' }, `format version ${parsed.version}`);
      if (parsed.type !== 'valid') {
        if (isLast && (await endOfBytes(file, HEADER_BYTES)) === HEADER_BYTES) {
          return {
            ...fault({ header: 'torn' }, 'its header is not whole, and nothing stands behind it'),
            last: torn(path, first, await file.size()),
          };
        }
        return fault({ header: 'bad' }, parsed.type === 'bad' ? parsed.why : 'its header is short');
      }
      const { header } = parsed;
      if (header.group !== group || header.first !== first) {
        return fault({ segments: 'other-group' }, `it says position ${header.first} of group ${header.group}`);
      }
      const isBeginning = index === 0 && first > 1 && (await begins(header.before));
      if (header.segmentBefore !== before && !isBeginning) {
        const missing = segmentName(header.segmentBefore);
        return fault({ segments: 'missing' }, `the segment before it, ${missing}, is not there`);
      }
      if (isLast) return await inspectLast(file, path, header, firsts);
      before = first;
    } finally {
      await file.close();
    }
  }
  return { facts: { ...SOUND, segments: 'none' }, firsts };
}

function torn(path: string, first: Position, fileBytes: number): LastSegment {
  return { path, first, fileBytes, head: EMPTY_HEAD, end: 0 };
}

async function inspectLast(
  file: StorageFile,
  path: string,
  header: SegmentHeader,
  firsts: readonly Position[],
): Promise<Inspection> {
  const walk = new Walk(header.group, header, header.first);
  let last: PlacedFrame | undefined;
  let durable: Position = 0;
  let end = HEADER_BYTES;
  let why = 'bytes stand behind a gap of zeros';
  for await (const { frames, stop } of walkFrames(file, header.salt)) {
    for (const frame of frames) {
      try {
        durable = Math.max(durable, walk.take(frame)?.durable ?? walk.position);
      } catch (error) {
        const chain = classify(error, frame, walk.position);
        return { facts: { ...SOUND, chain }, firsts, fault: `${path}: ${(error as Error).message}` };
      }
      last = frame;
      end = frame.offset + frame.size;
    }
    if (stop?.type === 'bad') why = stop.why;
  }
  const found: LastSegment = {
    path,
    first: header.first,
    header,
    fileBytes: await file.size(),
    head: walk.head ?? header.before,
    end,
    ...(last && { lastFrame: { offset: last.offset, size: last.size, kind: last.kind } }),
  };
  const tailEnd = await endOfBytes(file, end);
  if (tailEnd === end) return { facts: SOUND, firsts, last: found };
  const proven = durable > found.head.position || (await hasFrameBehind(file, header.salt, end, tailEnd));
  const fault = `${path}: the frame of position ${found.head.position + 1} at byte ${end}: ${why}`;
  return {
    facts: { ...SOUND, tail: proven ? 'bad-at-or-below-mark' : 'bad-above-mark' },
    firsts,
    last: { ...found, tail: { offset: end, end: tailEnd, why } },
    fault,
  };
}

/** A frame is written only when all before it are durable, so a valid one behind a bad one is a mark for it. */
async function hasFrameBehind(file: StorageFile, salt: number, from: number, end: number): Promise<boolean> {
  const bytes = Buffer.alloc(end - from + 7);
  await file.read(bytes, from);
  for (let at = 8; at + FRAME_HEAD_BYTES <= bytes.length; at += 8) {
    if (bytes.readUInt32LE(at + 12) === salt && parseFrame(bytes, at, salt).type === 'valid') return true;
  }
  return false;
}

function classify(error: unknown, frame: PlacedFrame, position: Position): Facts['chain'] {
  if (error instanceof LedgerError && error.code === 'newer-version') return 'newer-version';
  if (!(error instanceof LedgerError)) throw error;
  if (frame.kind !== FRAME_ENTRY) return 'mismatch';
  try {
    return decodeEntry(frame.payload).position === position + 1 ? 'mismatch' : 'gap';
  } catch {
    return 'unreadable';
  }
}

/** What kind of disk answers like this; anything else is not about the disk and is thrown on. */
export function diskFact(error: unknown): Facts['disk'] {
  const number = errorNumber(error);
  if (number === 'EROFS') return 'read-only';
  if (number === 'ENOSPC' || number === 'EDQUOT') return 'full';
  if (number === 'EIO') return 'failing';
  throw error;
}
