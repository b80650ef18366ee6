/**
 * Backup and restore of ledgers. A backup is a folder like a data folder, with `backup.json`: each group's segments up
 * to its head, its checkpoints and the signed ones, verified after copying. It is taken beside a running node. A restore fills an
 * empty data folder, verifies, and leaves `restored.json`: a restored backup forgets grants, so the node's start
 * turns that file into an event and opens grace.
 */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import type { Position } from '../port.js';
import { FileCheckpoints } from './checkpoints.js';
import { groupFolders, segmentName } from './layout.js';
import { nodeStorage } from './node-storage.js';
import { listGroups, openForReading } from './reader.js';
import { diskError, readWhole, writeAll, writeWhole, type Storage } from './storage.js';
import { verify } from './verify.js';

const RESTORED_FILE = 'restored.json';
const BACKUP_FILE = 'backup.json';
const COPY_BYTES = 1024 * 1024;

export interface CopiedGroup {
  readonly group: string;
  readonly position: Position;
  readonly epoch: number;
  /** Chain hash at `position`, hex. */
  readonly hash: string;
}

export interface BackupOptions {
  readonly data: string;
  /** An empty or missing folder. */
  readonly target: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly storage?: Storage;
}

export async function backup(options: BackupOptions): Promise<readonly CopiedGroup[]> {
  const storage = options.storage ?? nodeStorage;
  await mustBeEmpty(storage, options.target, 'a backup is written to an empty folder alone');
  const groups = await copyGroups(storage, options.data, options.target);
  const manifest = { version: 1, time: options.now, groups };
  await writeWhole(storage, options.target, BACKUP_FILE, Buffer.from(JSON.stringify(manifest, undefined, 2)));
  return groups;
}

export interface RestoreOptions {
  /** The folder of the backup. */
  readonly source: string;
  /** The data folder: empty or missing. */
  readonly data: string;
  readonly now: number;
  readonly storage?: Storage;
}

export async function restore(options: RestoreOptions): Promise<readonly CopiedGroup[]> {
  const storage = options.storage ?? nodeStorage;
  await mustBeEmpty(
    storage,
    options.data,
    'a backup is restored into an empty data folder alone: move the old one away',
  );
  const manifest = await readManifest(storage, options.source);
  // First, so that a start on half a copy sees it for what it is.
  await writeMarker(storage, options.data, {
    version: 1,
    complete: false,
    time: options.now,
    backup: manifest,
    groups: [],
  });
  const groups = await copyGroups(storage, options.source, options.data);
  await writeMarker(storage, options.data, { version: 1, complete: true, time: options.now, backup: manifest, groups });
  return groups;
}

export interface RestoredMarker {
  readonly version: 1;
  /** False where the restore did not come to its end: the folder must not be served. */
  readonly complete: boolean;
  /** When it was restored, milliseconds since 1970. */
  readonly time: number;
  /** What `backup.json` said. */
  readonly backup: unknown;
  readonly groups: readonly CopiedGroup[];
}

/** What a restore left in a data folder; the start that turned it into an event and grace removes it. */
export async function restoredMarker(
  data: string,
  storage: Storage = nodeStorage,
): Promise<RestoredMarker | undefined> {
  if (!(await storage.list(data)).includes(RESTORED_FILE)) return undefined;
  // Written by `restore` alone; the start reads `complete` and prints the rest.
  const marker = JSON.parse((await readWhole(storage, join(data, RESTORED_FILE))).toString('utf8')) as RestoredMarker;
  if (!marker.complete) {
    throw new LedgerError(
      'damaged',
      `a restore into ${data} did not come to its end: empty the folder and run nlm-ledger ledger restore again`,
    );
  }
  return marker;
}

export async function removeRestoredMarker(data: string, storage: Storage = nodeStorage): Promise<void> {
  await storage.remove(join(data, RESTORED_FILE));
  await storage.syncFolder(data);
}

function writeMarker(storage: Storage, data: string, marker: RestoredMarker): Promise<void> {
  return writeWhole(storage, data, RESTORED_FILE, Buffer.from(JSON.stringify(marker, undefined, 2)));
}

async function readManifest(storage: Storage, source: string): Promise<unknown> {
  try {
    return JSON.parse((await readWhole(storage, join(source, BACKUP_FILE))).toString('utf8'));
  } catch (cause) {
    throw new LedgerError('not-found', `${source} has no ${BACKUP_FILE} that can be read: it is not a whole backup`, {
      cause,
    });
  }
}

async function mustBeEmpty(storage: Storage, folder: string, rule: string): Promise<void> {
  if ((await storage.list(folder)).length > 0) throw new LedgerError('refused', `${folder} is not empty: ${rule}`);
  await storage.makeFolder(folder);
}

async function copyGroups(storage: Storage, from: string, to: string): Promise<CopiedGroup[]> {
  const names = await listGroups(from, storage);
  if (names.length === 0) throw new LedgerError('not-found', `there is no ledger in ${from}`);
  const copied: CopiedGroup[] = [];
  try {
    for (const group of names) copied.push(await copyGroup(storage, from, to, group));
  } catch (error) {
    throw diskError(error, `copying ${from} to ${to} failed`);
  }
  return copied;
}

async function copyGroup(storage: Storage, from: string, to: string, group: string): Promise<CopiedGroup> {
  const reader = await openForReading({ data: from, group, storage });
  // The end is fixed first: what a running node appends meanwhile is left out.
  const tail = await reader.tail();
  const target = groupFolders(to, group);
  await storage.makeFolder(target.segments);
  for (const { first, path, fileBytes } of await reader.segments()) {
    if (first > tail.first) continue;
    await copyFile(storage, path, target.segments, segmentName(first), first === tail.first ? tail.end : fileBytes);
  }
  await copyCheckpoints(storage, from, to, group, tail.head.position);
  await copyNotes(storage, from, to, group, tail.head.position);
  const found = await verify(await openForReading({ data: to, group, storage }));
  if (found.fault !== undefined || found.head.position !== tail.head.position) {
    throw new LedgerError('damaged', `the copy of group ${group} is not sound: ${found.fault ?? 'it ends too early'}`);
  }
  const { position, epoch, hash } = found.head;
  return { group, position, epoch, hash: Buffer.from(hash).toString('hex') };
}

/** All of them: a backup answers what was when as quickly as the ledger that it is of. */
async function copyCheckpoints(
  storage: Storage,
  from: string,
  to: string,
  group: string,
  limit: Position,
): Promise<void> {
  const source = new FileCheckpoints({ data: from, group, storage, log: () => undefined });
  const target = new FileCheckpoints({ data: to, group, storage, log: () => undefined });
  for (const position of await source.positions()) {
    const checkpoint = position > limit ? undefined : await source.newest(position);
    if (checkpoint?.position === position) await target.write(checkpoint);
  }
}

/** Signed checkpoints: what vouches for the ledger must not be lost with its disk. */
async function copyNotes(storage: Storage, from: string, to: string, group: string, limit: Position): Promise<void> {
  const [source, target] = [from, to].map((data) => join(groupFolders(data, group).root, 'notes'));
  for (const name of await storage.list(source!)) {
    if (!/^\d{16}\.note$/.test(name) || Number(name.slice(0, 16)) > limit) continue;
    await storage.makeFolder(target!);
    await writeWhole(storage, target!, name, await readWhole(storage, join(source!, name)));
  }
}

/** The bytes and the name are durable when it returns. */
export async function copyFile(
  storage: Storage,
  path: string,
  folder: string,
  name: string,
  bytes: number,
): Promise<void> {
  const source = await storage.open(path, 'read');
  try {
    const target = await storage.open(join(folder, name), 'write');
    try {
      const chunk = Buffer.alloc(COPY_BYTES);
      for (let at = 0; at < bytes;) {
        const read = await source.read(chunk.subarray(0, Math.min(COPY_BYTES, bytes - at)), at);
        if (read === 0) break;
        await writeAll(target, chunk.subarray(0, read), at);
        at += read;
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
  await storage.syncFolder(folder);
}
