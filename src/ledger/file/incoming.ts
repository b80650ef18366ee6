/**
 * Many entries of another log, made durable together: a whole segment of them is written beside the others, synced once,
 * and then gets its name. A frame is written only once all before it are durable (format.ts), so that frames in one write
 * behind others would look like damage after a crash; a segment that has no name yet looks like nothing. Under FileLedger.
 */

import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { Head, SealedEntry } from '../port.js';
import { encodeFrame, encodeHeader, FRAME_ENTRY, frameBytes, HEADER_BYTES } from './format.js';
import { INCOMING, segmentName } from './layout.js';
import { KEPT_FREE_BYTES, type ActiveSegment } from './segment.js';
import { writeAll, type Storage } from './storage.js';

/** Bytes that are written at once. */
const PIECE_BYTES = 1024 * 1024;

/** The entries stand behind `before`, in order. Resolves once they are durable; where it throws, none of them is there. */
export async function writeSegment(
  storage: Storage,
  folder: string,
  group: string,
  before: Head,
  segmentBefore: number,
  entries: readonly SealedEntry[],
): Promise<ActiveSegment> {
  const first = before.position + 1;
  const salt = randomInt(1, 2 ** 32);
  const path = join(folder, INCOMING);
  const file = await storage.open(path, 'write');
  let end = 0;
  let bytes = 0;
  try {
    for (const piece of pieces(encodeHeader({ salt, first, segmentBefore, group, before }), entries, salt)) {
      await writeAll(file, piece, end);
      end += piece.length;
    }
    bytes = end + KEPT_FREE_BYTES;
    await file.truncate(bytes);
    await file.sync();
  } catch (error) {
    await file.truncate(0).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  const durable = await storage.open(path, 'durable');
  try {
    await storage.rename(path, join(folder, segmentName(first)));
    await storage.syncFolder(folder);
  } catch (error) {
    await durable.close();
    throw error;
  }
  return { file: durable, first, salt, bytes, end };
}

function* pieces(header: Buffer, entries: readonly SealedEntry[], salt: number): Generator<Buffer> {
  let piece: Buffer[] = [header];
  let length = HEADER_BYTES;
  for (const { bytes } of entries) {
    const frame = Buffer.allocUnsafe(frameBytes(bytes.length));
    encodeFrame(frame, FRAME_ENTRY, salt, bytes);
    piece.push(frame);
    length += frame.length;
    if (length < PIECE_BYTES) continue;
    yield Buffer.concat(piece, length);
    piece = [];
    length = 0;
  }
  yield Buffer.concat(piece, length);
}
