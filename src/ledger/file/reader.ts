/**
 * Reads a group's file ledger without its lock and without writing: for the checkpoint worker, dump, stat, backup and
 * audit, also beside a running node, whose last frame may be half written at that moment.
 */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { EMPTY_HEAD } from '../chain.js';
import type { Entry, Head, Position } from '../port.js';
import { walkFrames } from './frames.js';
import { groupFolders, groupsFolder, segmentFirsts, segmentName, type GroupFolders } from './layout.js';
import { nodeStorage } from './node-storage.js';
import { replay, validHeader, Walk } from './replay.js';
import { diskError, type Storage } from './storage.js';

export interface ReadingOptions {
  readonly data: string;
  readonly group: string;
  readonly storage?: Storage;
}

/** Throws `not-found` where the group has no ledger here. */
export async function openForReading(options: ReadingOptions): Promise<FileReader> {
  const storage = options.storage ?? nodeStorage;
  const folders = groupFolders(options.data, options.group);
  if (segmentFirsts(await storage.list(folders.segments)).length === 0) {
    throw new LedgerError('not-found', `there is no ledger of group ${options.group} in ${options.data}`);
  }
  return new FileReader(storage, folders, options.group);
}

/** Names of the groups that have a folder. */
export async function listGroups(data: string, storage: Storage = nodeStorage): Promise<string[]> {
  return storage.list(groupsFolder(data));
}

export interface SegmentSize {
  readonly first: Position;
  readonly path: string;
  /** Of the file, zeros written ahead included. */
  readonly fileBytes: number;
}

export class FileReader {
  readonly group: string;
  readonly folders: GroupFolders;
  readonly storage: Storage;

  constructor(storage: Storage, folders: GroupFolders, group: string) {
    this.storage = storage;
    this.folders = folders;
    this.group = group;
  }

  /** Entries from `from` on, to `upTo` or to the end of what is valid at the moment. Errors as `Ledger.read`. */
  read(from: Position, upTo?: Position): AsyncIterable<readonly Entry[]> {
    const place = { storage: this.storage, folder: this.folders.segments, group: this.group };
    return replay({ ...place, from: Math.max(from, 1), ...(upTo !== undefined && { upTo }) });
  }

  async segments(): Promise<SegmentSize[]> {
    const sizes: SegmentSize[] = [];
    for (const first of segmentFirsts(await this.storage.list(this.folders.segments))) {
      const path = join(this.folders.segments, segmentName(first));
      const file = await this.storage.open(path, 'read');
      try {
        sizes.push({ first, path, fileBytes: await file.size() });
      } finally {
        await file.close();
      }
    }
    return sizes;
  }

  /** The head at this moment, and where its last segment ends. */
  async tail(): Promise<{ readonly head: Head; readonly first: Position; readonly end: number }> {
    const first = segmentFirsts(await this.storage.list(this.folders.segments)).at(-1) ?? 0;
    const path = join(this.folders.segments, segmentName(first));
    try {
      const file = await this.storage.open(path, 'read');
      try {
        const header = await validHeader(file, this.group, first);
        const walk = new Walk(this.group, header, first);
        let end = 0;
        for await (const { frames, stop } of walkFrames(file, header.salt)) {
          for (const frame of frames) walk.take(frame);
          end = stop?.offset ?? end;
        }
        return { head: walk.head ?? EMPTY_HEAD, first, end };
      } finally {
        await file.close();
      }
    } catch (error) {
      throw diskError(error, `${path} could not be read`);
    }
  }
}
