/**
 * Reads a group's file ledger without its lock and without writing: for the checkpoint worker, dump, stat, backup and
 * audit, also beside a running node, whose last frame may be half written at that moment.
 */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { EMPTY_HEAD, sha256 } from '../chain.js';
import { readEnvelope } from '../envelope.js';
import type { Entry, Head, Position } from '../port.js';
import { FRAME_ENTRY } from './format.js';
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

  /** First position that is kept; 1 where nothing was archived away. */
  async first(): Promise<Position> {
    return segmentFirsts(await this.storage.list(this.folders.segments))[0] ?? 1;
  }

  /** The head at this moment, told by CRCs alone: nothing is decoded and the chain is not followed. */
  async quickHead(): Promise<Head> {
    const first = segmentFirsts(await this.storage.list(this.folders.segments)).at(-1) ?? 1;
    let head = EMPTY_HEAD;
    await this.#eachEnvelope(
      first,
      (before) => (head = before),
      (payload) => {
        const { position, epoch, time } = readEnvelope(payload);
        head = { position, epoch, time, hash: payload };
        return true;
      },
    );
    return head.position >= first ? { ...head, hash: sha256(head.hash) } : head;
  }

  /** The last position that was written at `time` (milliseconds since 1970) or before; the one before `first()` for none. */
  async positionAt(time: number): Promise<Position> {
    const firsts = segmentFirsts(await this.storage.list(this.folders.segments));
    for (const first of firsts.toReversed()) {
      let found: Position | undefined;
      await this.#eachEnvelope(
        first,
        (before) => {
          if (before.time <= time || first === firsts[0]) found = first - 1;
          return found !== undefined;
        },
        (payload) => {
          const entry = readEnvelope(payload);
          if (entry.time <= time) found = entry.position;
          return entry.time <= time;
        },
      );
      if (found !== undefined) return found;
    }
    return 0;
  }

  /** The entries of one segment, undecoded, until `visit` answers false; `begin` is told what stood before it. */
  async #eachEnvelope(
    first: Position,
    begin: (before: Head) => unknown,
    visit: (payload: Buffer) => boolean,
  ): Promise<void> {
    const path = join(this.folders.segments, segmentName(first));
    try {
      const file = await this.storage.open(path, 'read');
      try {
        const header = await validHeader(file, this.group, first);
        if (begin(header.before) === false) return;
        for await (const { frames } of walkFrames(file, header.salt)) {
          for (const { kind, payload } of frames) if (kind === FRAME_ENTRY && !visit(payload)) return;
        }
      } finally {
        await file.close();
      }
    } catch (error) {
      throw diskError(error, `${path} could not be read`);
    }
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
