/** Signed checkpoints beside a group's ledger: `<group>/notes/<position, 16 digits>.note`. All are kept: they are what a copy elsewhere is held against. */

import { join } from 'node:path';
import type { FileReader } from '../../ledger/file/reader.js';
import { readWhole, writeWhole } from '../../ledger/file/storage.js';
import type { Position } from '../../ledger/port.js';
import { readState, type SignedState } from './checkpoint.js';

export type GroupFiles = Pick<FileReader, 'storage' | 'folders'>;

function folderOf({ folders }: GroupFiles): string {
  return join(folders.root, 'notes');
}

/** Positions that have one, ascending. */
export async function notePositions(files: GroupFiles): Promise<Position[]> {
  return (await files.storage.list(folderOf(files)))
    .filter((name) => /^\d{16}\.note$/.test(name))
    .map((name) => Number(name.slice(0, 16)))
    .sort((a, b) => a - b);
}

export async function readNote(files: GroupFiles, position: Position): Promise<string> {
  return (await readWhole(files.storage, join(folderOf(files), noteName(position)))).toString('utf8');
}

export async function writeNote(files: GroupFiles, position: Position, note: string): Promise<string> {
  const folder = folderOf(files);
  await files.storage.makeFolder(folder);
  await writeWhole(files.storage, folder, noteName(position), Buffer.from(note));
  return join(folder, noteName(position));
}

/** The newest at or below a position that can be read; the tree grows on from it. */
export async function newestState(files: GroupFiles, limit: Position): Promise<SignedState | undefined> {
  for (const position of (await notePositions(files)).toReversed()) {
    if (position > limit) continue;
    try {
      const state = readState(await readNote(files, position));
      if (state.size === position && state.frontier !== undefined) return state;
    } catch {
      // A damaged one is for `audit verify`; an older one, or the entries, say the same.
    }
  }
  return undefined;
}

export function noteName(position: Position): string {
  return `${String(position).padStart(16, '0')}.note`;
}
