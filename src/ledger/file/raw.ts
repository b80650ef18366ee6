/**
 * Entries as bytes, in order, their CRC checked and nothing decoded: what hashes are taken over. For evidence; reads
 * beside a running node.
 */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { sha256 } from '../chain.js';
import { readEnvelope } from '../envelope.js';
import type { Head, Position } from '../port.js';
import { FRAME_ENTRY, parseMark } from './format.js';
import { walkFrames } from './frames.js';
import { segmentFirsts, segmentName } from './layout.js';
import type { FileReader } from './reader.js';
import { validHeader } from './replay.js';

export interface RawEntry {
  readonly position: Position;
  /** A view, good until the next group. */
  readonly payload: Uint8Array;
}

/** From `from` to `upTo`, which are there, in groups. @throws LedgerError 'not-found', 'damaged' */
export async function* rawEntries(
  reader: FileReader,
  from: Position,
  upTo: Position,
): AsyncGenerator<readonly RawEntry[]> {
  const { storage, folders, group } = reader;
  const firsts = segmentFirsts(await storage.list(folders.segments));
  let index = firsts.findLastIndex((first) => first <= from);
  if (index < 0)
    throw new LedgerError(
      'not-found',
      `position ${from} is not kept: the ledger of ${group} begins at ${firsts[0] ?? 1}`,
    );
  let position = 0;
  for (; index < firsts.length && position < upTo; index += 1) {
    const first = firsts[index]!;
    const file = await storage.open(join(folders.segments, segmentName(first)), 'read');
    try {
      const header = await validHeader(file, group, first);
      position = first - 1;
      for await (const { frames } of walkFrames(file, header.salt)) {
        const entries: RawEntry[] = [];
        for (const { kind, payload } of frames) {
          if (kind !== FRAME_ENTRY || position >= upTo) continue;
          position += 1;
          if (position >= from) entries.push({ position, payload });
        }
        if (entries.length > 0) yield entries;
      }
    } finally {
      await file.close();
    }
  }
  if (position < upTo) {
    throw new LedgerError(
      'damaged',
      `the ledger of group ${group} can be read up to position ${position}, not to ${upTo}: nlm-ledger audit verify says what is wrong`,
    );
  }
}

/**
 * The last entry that is known durable from the files alone: the next one, or a mark, says so. What stands behind it
 * may be in flight, and lost yet; nobody signs that.
 */
export async function durableHead(reader: FileReader): Promise<Head> {
  const { storage, folders, group } = reader;
  const first = segmentFirsts(await storage.list(folders.segments)).at(-1) ?? 1;
  const file = await storage.open(join(folders.segments, segmentName(first)), 'read');
  try {
    const header = await validHeader(file, group, first);
    let before: Uint8Array | undefined;
    let last: Uint8Array | undefined;
    let isMarked = false;
    for await (const { frames } of walkFrames(file, header.salt)) {
      for (const { kind, payload } of frames) {
        isMarked = kind !== FRAME_ENTRY && parseMark(payload) !== undefined;
        if (kind === FRAME_ENTRY) [before, last] = [last, payload];
      }
    }
    const durable = isMarked ? last : before;
    if (durable === undefined) return header.before;
    const { position, epoch, time } = readEnvelope(durable);
    return { position, epoch, time, hash: sha256(durable) };
  } finally {
    await file.close();
  }
}
