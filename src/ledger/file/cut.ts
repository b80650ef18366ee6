/**
 * Cuts a closed ledger above a position: entries that lost the race to another claim, and were never acknowledged. The
 * bytes are in `aside/`, synced, before one of them goes. Beside recovery; the replicated log alone asks for it.
 *
 * The power may fail at any moment of it, and what stands then is a sound ledger that ends at the position or above
 * it: later segments are moved away from the last one back, and in the segment that stays the frames are ended from the
 * last one back, each by one small synced write over its head, so that no valid frame ever stands behind a broken one.
 */

import { basename, join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import type { Position } from '../port.js';
import { FRAME_ENTRY, FRAME_HEAD_BYTES, HEADER_BYTES } from './format.js';
import { endOfBytes, walkFrames } from './frames.js';
import { groupFolders, segmentFirsts, segmentName } from './layout.js';
import { nodeStorage } from './node-storage.js';
import { freeName } from './repair.js';
import { validHeader } from './replay.js';
import { diskError, writeAll, type Storage, type StorageFile } from './storage.js';

export interface CutOptions {
  readonly data: string;
  readonly group: string;
  /** The last position that stays. */
  readonly above: Position;
  readonly storage?: Storage;
}

/** Paths of what was set aside, oldest first; empty where nothing stood above. The ledger's folder is the caller's alone. */
export async function cutAbove(options: CutOptions): Promise<readonly string[]> {
  const storage = options.storage ?? nodeStorage;
  try {
    return await cut(storage, options);
  } catch (error) {
    throw diskError(error, `the ledger of group ${options.group} could not be cut above ${options.above}`);
  }
}

async function cut(storage: Storage, { data, group, above }: CutOptions): Promise<readonly string[]> {
  const { segments, aside } = groupFolders(data, group);
  const firsts = segmentFirsts(await storage.list(segments));
  const index = firsts.findLastIndex((first, at) => first <= above + 1 && (first <= above || at === 0));
  const first = firsts[index];
  if (first === undefined) {
    throw new LedgerError('not-found', `position ${above} of group ${group} is not kept here: nothing was cut`);
  }
  await storage.makeFolder(aside);
  const paths: string[] = [];
  for (const later of firsts.slice(index + 1).toReversed()) {
    const target = await freeName(storage, aside, segmentName(later));
    await storage.rename(join(segments, segmentName(later)), target);
    await storage.syncFolder(aside);
    await storage.syncFolder(segments);
    paths.unshift(target);
  }
  const path = join(segments, segmentName(first));
  const file = await storage.open(path, 'durable');
  try {
    const offsets = await framesAbove(file, group, first, above);
    const [from] = offsets;
    if (from === undefined) return paths;
    const end = await endOfBytes(file, from);
    const target = await freeName(storage, aside, `${basename(path)}.${from}.cut`);
    await copy(storage, file, from, end, target);
    await storage.syncFolder(aside);
    for (const offset of offsets.toReversed()) await writeAll(file, Buffer.alloc(FRAME_HEAD_BYTES), offset);
    await writeAll(file, Buffer.alloc(end - from), from);
    return [target, ...paths];
  } finally {
    await file.close();
  }
}

/** Offsets of the frames behind the entry at `above`: entries, marks and seals. */
async function framesAbove(file: StorageFile, group: string, first: Position, above: Position): Promise<number[]> {
  const header = await validHeader(file, group, first);
  const offsets: number[] = [];
  let position = first - 1;
  for await (const { frames } of walkFrames(file, header.salt, HEADER_BYTES)) {
    for (const { kind, offset } of frames) {
      if (kind === FRAME_ENTRY) position += 1;
      if (position > above) offsets.push(offset);
    }
  }
  return offsets;
}

async function copy(storage: Storage, file: StorageFile, from: number, end: number, target: string): Promise<void> {
  const bytes = Buffer.alloc(end - from);
  await file.read(bytes, from);
  const to = await storage.open(target, 'write');
  try {
    await writeAll(to, bytes, 0);
    await to.sync();
  } finally {
    await to.close();
  }
}
