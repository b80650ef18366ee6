/**
 * Finds the ledgers in a folder that somebody hands over: a node's data folder, the folder of one group, or a folder
 * with nothing but archived segments. Under audit; reads only.
 */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { readHeader } from './frames.js';
import { groupFolders, groupsFolder, segmentFirsts, segmentName, type GroupFolders } from './layout.js';
import { nodeStorage } from './node-storage.js';
import { FileReader } from './reader.js';
import { diskError, type Storage } from './storage.js';

/** One reader a group. Throws `not-found` where the folder holds no ledger, or none of the group that was asked for. */
export async function openLedgersIn(folder: string, wanted?: string, storage = nodeStorage): Promise<FileReader[]> {
  const found = await foldersIn(folder, storage).catch((error: unknown) => {
    throw diskError(error, `${folder} could not be read`);
  });
  const readers = found
    .filter(({ group }) => wanted === undefined || group === wanted)
    .map(({ group, folders }) => new FileReader(storage, folders, group));
  if (readers.length > 0) return readers;
  const there = found.map(({ group }) => group).join(', ');
  throw new LedgerError(
    'not-found',
    wanted === undefined || found.length === 0
      ? `there is no ledger in ${folder}: neither groups/ of a data folder nor segments (*.seg)`
      : `there is no ledger of group ${wanted} in ${folder}; there is ${there}`,
    { details: { next: 'name the data folder of a node, or a folder of archived segments: --data DIR' } },
  );
}

interface Found {
  readonly group: string;
  readonly folders: GroupFolders;
}

async function foldersIn(folder: string, storage: Storage): Promise<Found[]> {
  const found: Found[] = [];
  for (const group of await storage.list(groupsFolder(folder))) {
    const folders = groupFolders(folder, group);
    if (segmentFirsts(await storage.list(folders.segments)).length > 0) found.push({ group, folders });
  }
  if (found.length > 0) return found;
  for (const segments of [join(folder, 'segments'), folder]) {
    const group = await groupOfSegments(segments, storage);
    if (group === undefined) continue;
    const root = folder;
    return [{ group, folders: { root, segments, checkpoints: join(root, 'checkpoints'), aside: join(root, 'aside') } }];
  }
  return [];
}

async function groupOfSegments(segments: string, storage: Storage): Promise<string | undefined> {
  for (const first of segmentFirsts(await storage.list(segments))) {
    const file = await storage.open(join(segments, segmentName(first)), 'read');
    try {
      const parsed = await readHeader(file);
      if (parsed.type === 'valid') return parsed.header.group;
    } finally {
      await file.close();
    }
  }
  return undefined;
}
