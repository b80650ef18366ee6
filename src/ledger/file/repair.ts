/**
 * The two repairs that recovery may do, each after the bytes in question are safe in `aside/`. Under open.ts; neither
 * ever touches a byte of an entry that was acknowledged.
 */

import { basename, join } from 'node:path';
import type { LastSegment, Tail } from './inspect.js';
import { sha256 } from '../chain.js';
import { segmentFirsts, segmentName, type GroupFolders } from './layout.js';
import { readWhole, writeAll, type Storage } from './storage.js';

/** Moves a half-made segment, in which nothing ever stood. Returns the note for it. */
export async function setSegmentAside(storage: Storage, folders: GroupFolders, last: LastSegment): Promise<string> {
  const target = await freeName(storage, folders.aside, basename(last.path));
  const hash = hashText(await readWhole(storage, last.path));
  await storage.rename(last.path, target);
  await storage.syncFolder(folders.aside);
  await storage.syncFolder(folders.segments);
  return `a segment that was being made when the last run ended (${basename(last.path)}) was moved to ${target}: nothing stood in it, SHA-256 ${hash}`;
}

/** Moves the one segment of a ledger aside in which nothing stands yet: the ledger begins anew, elsewhere. */
export async function setEmptyAside(storage: Storage, folders: GroupFolders): Promise<void> {
  for (const first of segmentFirsts(await storage.list(folders.segments))) {
    const name = segmentName(first);
    await storage.rename(join(folders.segments, name), await freeName(storage, folders.aside, name));
  }
  await storage.syncFolder(folders.aside);
  await storage.syncFolder(folders.segments);
}

/** Copies a torn tail aside, then writes zeros over it. Returns the note for it. */
export async function cutTail(storage: Storage, folders: GroupFolders, last: LastSegment, tail: Tail): Promise<string> {
  const file = await storage.open(last.path, 'durable');
  try {
    const bytes = Buffer.alloc(tail.end - tail.offset);
    await file.read(bytes, tail.offset);
    const target = await freeName(storage, folders.aside, `${basename(last.path)}.${tail.offset}.torn`);
    const copy = await storage.open(target, 'write');
    try {
      await writeAll(copy, bytes, 0);
      await copy.sync();
    } finally {
      await copy.close();
    }
    await storage.syncFolder(folders.aside);
    await writeAll(file, Buffer.alloc(bytes.length), tail.offset);
    await file.sync();
    return (
      `the last write was torn behind position ${last.head.position} (${tail.why}), so nothing of it was acknowledged: ` +
      `${bytes.length} bytes were copied to ${target} and cut, SHA-256 ${hashText(bytes)}`
    );
  } finally {
    await file.close();
  }
}

/** In the note, and so in the ledger: what was set aside can be told from what was put there later. */
function hashText(bytes: Uint8Array): string {
  return Buffer.from(sha256(bytes)).toString('hex');
}

/** Nothing set aside earlier is overwritten. */
export async function freeName(storage: Storage, folder: string, name: string): Promise<string> {
  const taken = new Set(await storage.list(folder));
  let candidate = name;
  for (let i = 1; taken.has(candidate); i++) candidate = `${name}.${i}`;
  return join(folder, candidate);
}
