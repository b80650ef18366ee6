/** The segment that is being written: makes one out of an empty file, and knows what still fits. Under FileLedger. */

import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import type { Head, Position } from '../port.js';
import { encodeHeader, HEADER_BYTES, MARK_FRAME_BYTES, type SegmentHeader } from './format.js';
import { segmentName } from './layout.js';
import { writeAll, type Storage, type StorageFile } from './storage.js';
import type { EmptySegment } from './supply.js';

/** A mark and a seal must always fit behind the last entry. */
export const KEPT_FREE_BYTES = 2 * MARK_FRAME_BYTES;

export interface ActiveSegment {
  /** Opened as `durable`. */
  readonly file: StorageFile;
  readonly first: Position;
  readonly salt: number;
  readonly bytes: number;
  /** Offset of the next frame. */
  end: number;
}

/** Bytes that a segment needs for one frame of this size. */
export function segmentBytesFor(frameBytes: number): number {
  return HEADER_BYTES + frameBytes + KEPT_FREE_BYTES;
}

export function fits(segment: ActiveSegment, frameBytes: number): boolean {
  return segment.end + frameBytes + KEPT_FREE_BYTES <= segment.bytes;
}

/** The header is durable before the file gets its name: a named segment is a whole one. */
export async function beginSegment(
  storage: Storage,
  folder: string,
  empty: EmptySegment,
  group: string,
  before: Head,
  segmentBefore: Position,
): Promise<ActiveSegment> {
  const first = before.position + 1;
  const header: SegmentHeader = { salt: randomInt(1, 2 ** 32), first, segmentBefore, group, before };
  const file = await storage.open(empty.path, 'durable');
  try {
    await writeAll(file, encodeHeader(header), 0);
    await storage.rename(empty.path, join(folder, segmentName(first)));
    await storage.syncFolder(folder);
  } catch (error) {
    await file.close();
    throw error;
  }
  return { file, first, salt: header.salt, bytes: empty.bytes, end: HEADER_BYTES };
}
