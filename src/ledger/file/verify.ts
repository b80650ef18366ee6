/**
 * Reads every byte of a group's segments: headers, CRCs, chain, marks, and that the space written ahead is zero.
 * Behind `ledger verify`, and after each backup and restore. Without lock; writes nothing.
 */

import { LedgerError } from '../../base/errors.js';
import type { Head, Position } from '../port.js';
import { EMPTY_HEAD } from '../chain.js';
import { checkEvents } from '../entry.js';
import { endOfBytes, walkFrames } from './frames.js';
import type { FileReader } from './reader.js';
import { validHeader, Walk } from './replay.js';

export interface Verification {
  readonly segments: number;
  readonly entries: number;
  readonly events: number;
  readonly head: Head;
  /** The first thing that is not as it was written, in words with its place; `undefined` where all is sound. */
  readonly fault?: string;
}

/** `running`: a node may be writing, so the end of the last segment is not judged. */
export async function verify(reader: FileReader, options: { readonly running?: boolean } = {}): Promise<Verification> {
  const segments = await reader.segments();
  let walk: Walk | undefined;
  let before: Position = 0;
  let events = 0;
  let entries = 0;
  const report = (fault?: string): Verification => ({
    segments: segments.length,
    entries,
    events,
    head: walk?.head ?? EMPTY_HEAD,
    ...(fault !== undefined && { fault }),
  });
  for (const [index, { path, first }] of segments.entries()) {
    const file = await reader.storage.open(path, 'read');
    try {
      const header = await validHeader(file, reader.group, first);
      if (header.segmentBefore !== before) return report(`${path}: the segment before it is missing`);
      before = first;
      walk = walk === undefined ? new Walk(reader.group, header, first) : walk.into(header);
      for await (const { frames, stop } of walkFrames(file, header.salt)) {
        for (const frame of frames) {
          const entry = walk.take(frame);
          if (entry === undefined) continue;
          entries += 1;
          checkEvents(entry.events);
          events += entry.events.count;
        }
        if (stop === undefined || (options.running === true && index === segments.length - 1)) continue;
        if (stop.type === 'bad') return report(`${path}: the frame at byte ${stop.offset}: ${stop.why}`);
        if ((await endOfBytes(file, stop.offset)) !== stop.offset) {
          return report(`${path}: the space written ahead, from byte ${stop.offset}, is not zero`);
        }
      }
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'damaged') return report(`${path}: ${error.message}`);
      throw error;
    } finally {
      await file.close();
    }
  }
  return report();
}
