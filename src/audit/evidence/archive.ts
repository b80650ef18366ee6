/**
 * Retention: segments that are older than a limit go to an archive, and are removed here once they are there and a
 * signed checkpoint vouches for them. Nothing is rewritten. What is left begins at that checkpoint: its projection, its
 * chain hash and the frontier of its tree say all that a start, a replay and a proof need of what is gone.
 *
 * The order makes every interruption harmless: (1) what goes is verified, every byte of it, (2) projection and checkpoint
 * at the last position that goes are written and durable, (3) the segments are copied and read back, (4) the copy is
 * verified against the checkpoint, (5) the segments are removed, oldest first. It may be repeated from anywhere. What
 * stays here, and what the archive has of earlier, is not read: it costs as much as what goes.
 */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { CHECKPOINT_VERSION, serialize } from '../../core/checkpoint.js';
import { fold } from '../../engine/replay.js';
import { copyFile } from '../../ledger/file/backup.js';
import { FileCheckpoints } from '../../ledger/file/checkpoints.js';
import { readHeader } from '../../ledger/file/frames.js';
import { groupFolders, segmentFirsts, segmentName } from '../../ledger/file/layout.js';
import { FileReader, type SegmentSize } from '../../ledger/file/reader.js';
import { headAt } from '../../ledger/file/replay.js';
import { durableHead } from '../../ledger/file/raw.js';
import { readWhole } from '../../ledger/file/storage.js';
import type { Position } from '../../ledger/port.js';
import type { SigningKey } from '../../signing/nkey.js';
import { noteName, notePositions, readNote, writeNote } from './note-files.js';
import { takeCheckpoint } from './take.js';
import { verifyEvidence, type EvidenceOptions, type Fault } from './verify.js';

export interface ArchiveOptions {
  readonly reader: FileReader;
  /** A folder like a data folder; what is there already stays. */
  readonly to: string;
  /** Segments whose last entry is older go. Milliseconds since 1970. */
  readonly before: number;
  readonly origin: string;
  readonly key: SigningKey;
  /** Says what would go, and changes nothing. */
  readonly dryRun: boolean;
  readonly pace?: (position: Position) => Promise<void> | void;
}

export interface Archived {
  readonly group: string;
  readonly segments: number;
  readonly bytes: number;
  /** The last position that went; what is kept begins behind it. 0 where nothing is old enough. */
  readonly upTo: Position;
  readonly to: string;
}

/** @throws LedgerError 'damaged' where something is wrong in the folder or in the archive: then nothing is removed */
export async function archiveSegments(options: ArchiveOptions): Promise<Archived> {
  const { reader, to, dryRun } = options;
  const { storage, folders, group } = reader;
  const { old, upTo } = await oldSegments(reader, options.before);
  const archived = {
    group,
    segments: old.length,
    bytes: old.reduce((sum, { fileBytes }) => sum + fileBytes, 0),
    upTo,
    to,
  };
  const first = old[0]?.first;
  if (first === undefined || dryRun) return archived;
  await mustBeSound(reader, folders.root, { running: true, upTo, against: [] }, options);
  await writeProjection(reader, upTo);
  const head = (await durableHead(reader)).position;
  const { origin, key } = options;
  const { note } = await takeCheckpoint({ reader, position: upTo, head, origin, key });
  const archive = new FileReader(storage, groupFolders(to, group), group);
  await beginArchive(reader, archive, first);
  await copySegments(reader, archive, old);
  await copyNotes(reader, archive, first - 1, upTo);
  // The copy in place of what it is a copy of: it goes on from what the folder says of the position before it.
  const copy = new FileReader(storage, { ...folders, segments: archive.folders.segments }, group);
  const against = [{ name: noteName(upTo), note }];
  await mustBeSound(copy, archive.folders.root, { running: false, from: first, upTo, against }, options);
  for (const { path } of old) await storage.remove(path);
  await storage.syncFolder(folders.segments);
  return archived;
}

/** A segment is as old as its last entry, and the next one's header says when that was. The last one is never old. */
async function oldSegments(reader: FileReader, before: number): Promise<{ old: SegmentSize[]; upTo: Position }> {
  const segments = await reader.segments();
  const old: SegmentSize[] = [];
  let upTo = 0;
  for (const [index, next] of segments.entries()) {
    if (index === 0) continue;
    const file = await reader.storage.open(next.path, 'read');
    try {
      const parsed = await readHeader(file);
      if (parsed.type !== 'valid' || parsed.header.before.time >= before) break;
      old.push(segments[index - 1]!);
      upTo = next.first - 1;
    } finally {
      await file.close();
    }
  }
  return { old, upTo };
}

/** Signatures are not judged: the key may have been another one when a checkpoint was taken, and what it says is held to. */
async function mustBeSound(
  reader: FileReader,
  place: string,
  part: Pick<EvidenceOptions, 'running' | 'from' | 'upTo' | 'against'>,
  { pace }: ArchiveOptions,
): Promise<void> {
  let first: Fault | undefined;
  await verifyEvidence(reader, {
    ...part,
    pastDamage: false,
    keys: [],
    onFault: (fault) => (first ??= fault),
    ...(pace === undefined ? {} : { pace }),
  });
  if (first === undefined) return;
  const { file, why } = first;
  throw new LedgerError(
    'damaged',
    `${place} is not sound, so nothing was removed: ${file}: ${why}. Run nlm-ledger audit verify`,
  );
}

/** The projection at the position, from which what is kept is replayed. It is never rotated away: a note stands there too. */
async function writeProjection(reader: FileReader, position: Position): Promise<void> {
  const { storage, folders, group } = reader;
  const checkpoints = checkpointsOf(reader);
  const head = await headAt({ storage, folder: folders.segments, group }, position);
  if (head === undefined) throw new LedgerError('not-found', `position ${position} of group ${group} is not there`);
  const { state } = await fold(await checkpoints.newest(position), (from) => reader.read(from, position));
  await checkpoints.keep({ ...head, version: CHECKPOINT_VERSION, state: serialize(state) });
}

function checkpointsOf({ storage, folders, group }: FileReader): FileCheckpoints {
  return new FileCheckpoints({ data: '', group, folders, storage, log: () => undefined });
}

/** An archive that does not have what went before begins at the same checkpoint as the ledger does. */
async function beginArchive(reader: FileReader, archive: FileReader, first: Position): Promise<void> {
  const there = segmentFirsts(await reader.storage.list(archive.folders.segments));
  if (first === 1 || there.some((segment) => segment < first)) return;
  const begin = await checkpointsOf(reader).at(first - 1);
  if (typeof begin === 'string') throw new LedgerError('damaged', `the checkpoint at position ${first - 1}: ${begin}`);
  await checkpointsOf(archive).keep(begin);
}

async function copySegments(reader: FileReader, archive: FileReader, segments: readonly SegmentSize[]): Promise<void> {
  const { storage } = reader;
  const target = archive.folders.segments;
  await storage.makeFolder(target);
  for (const { first, path, fileBytes } of segments) {
    const name = segmentName(first);
    const source = await readWhole(storage, path);
    const isThere = (await storage.list(target)).includes(name);
    if (isThere && (await readWhole(storage, join(target, name))).equals(source)) continue;
    if (isThere) {
      throw new LedgerError(
        'refused',
        `${join(target, name)} is there already, with other bytes: archive to another folder, and compare them (nlm-ledger audit compare)`,
      );
    }
    await copyFile(storage, path, target, `${name}.tmp`, fileBytes);
    await storage.rename(join(target, `${name}.tmp`), join(target, name));
    await storage.syncFolder(target);
    if (!(await readWhole(storage, join(target, name))).equals(source)) {
      throw new LedgerError(
        'io',
        `the copy ${join(target, name)} is not what was written: check that disk. Nothing was removed`,
      );
    }
  }
}

/** Of both ends and of all between: earlier ones are in the archive. */
async function copyNotes(reader: FileReader, archive: FileReader, from: Position, upTo: Position): Promise<void> {
  const there = new Set(await notePositions(archive));
  for (const position of await notePositions(reader)) {
    if (position < from || position > upTo) continue;
    const note = await readNote(reader, position);
    if (!there.has(position) || (await readNote(archive, position)) !== note) await writeNote(archive, position, note);
  }
}
