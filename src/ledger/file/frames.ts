/**
 * Walks the frames of one segment in large reads. Between the storage port and whoever reads a segment: recovery,
 * replay, verify, the live reader.
 */

import { HEADER_BYTES, parseFrame, parseHeader, type Frame, type ParsedHeader } from './format.js';
import type { StorageFile } from './storage.js';

/** Bytes of one read: large enough that reading costs little beside checking. */
const READ_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(READ_BYTES);

export interface PlacedFrame extends Frame {
  /** Offset in the file. */
  readonly offset: number;
}

type Stop =
  /** The next frame's head is zero: the end of what was written. */
  | { readonly type: 'zero'; readonly offset: number }
  | { readonly type: 'end-of-file'; readonly offset: number }
  | { readonly type: 'bad'; readonly offset: number; readonly why: string };

export interface FrameGroup {
  readonly frames: readonly PlacedFrame[];
  /** Set in the last group. */
  readonly stop?: Stop;
}

export async function readHeader(file: StorageFile): Promise<ParsedHeader> {
  const bytes = Buffer.alloc(HEADER_BYTES);
  const read = await file.read(bytes, 0);
  return parseHeader(bytes.subarray(0, read));
}

/** Groups of frames in order; the payloads are views into a buffer that is used for one group alone. */
export async function* walkFrames(file: StorageFile, salt: number, from = HEADER_BYTES): AsyncGenerator<FrameGroup> {
  let offset = from;
  let wanted = READ_BYTES;
  for (;;) {
    const chunk = Buffer.allocUnsafeSlow(Math.min(wanted, await beyondEnd(file, offset)));
    const bytes = chunk.subarray(0, await file.read(chunk, offset));
    const atEnd = bytes.length < chunk.length;
    const frames: PlacedFrame[] = [];
    let at = 0;
    let stop: Stop | undefined;
    wanted = READ_BYTES;
    for (;;) {
      const parsed = parseFrame(bytes, at, salt);
      if (parsed.type === 'valid') {
        frames.push({ ...parsed.frame, offset: offset + at });
        at += parsed.frame.size;
        continue;
      }
      if (parsed.type === 'partial') {
        if (atEnd) stop = cutByEnd(offset + at, bytes.length - at);
        else wanted = Math.max(READ_BYTES, parsed.need);
      } else if (parsed.type === 'zero') stop = { type: 'zero', offset: offset + at };
      else stop = { type: 'bad', offset: offset + at, why: parsed.why };
      break;
    }
    offset += at;
    if (stop !== undefined) {
      yield { frames, stop };
      return;
    }
    if (frames.length > 0) yield { frames };
  }
}

/** Bytes that are left, and one more: a read that does not fill it has met the end. */
async function beyondEnd(file: StorageFile, offset: number): Promise<number> {
  return Math.max(0, (await file.size()) - offset) + 1;
}

function cutByEnd(offset: number, left: number): Stop {
  if (left === 0) return { type: 'end-of-file', offset };
  return { type: 'bad', offset, why: 'the file ends within it' };
}

/** Offset behind the last byte that is not zero at or after `from`; `from` where there is none. */
export async function endOfBytes(file: StorageFile, from: number): Promise<number> {
  const chunk = Buffer.allocUnsafe(Math.min(READ_BYTES, await beyondEnd(file, from)));
  let end = from;
  for (let offset = from; ; offset += chunk.length) {
    const bytes = chunk.subarray(0, await file.read(chunk, offset));
    if (!bytes.equals(ZEROS.subarray(0, bytes.length))) {
      let last = bytes.length - 1;
      while (bytes[last] === 0) last--;
      end = offset + last + 1;
    }
    if (bytes.length < chunk.length) return end;
  }
}
