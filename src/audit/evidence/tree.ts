/** The tree of a group, grown from its newest checkpoint to a position. Under signing and proving; reads the files once. */

import { LedgerError } from '../../base/errors.js';
import { rawEntries } from '../../ledger/file/raw.js';
import type { FileReader } from '../../ledger/file/reader.js';
import type { Position } from '../../ledger/port.js';
import { EMPTY_FRONTIER, GrowingTree, leafHash, type Frontier, type Hash } from './merkle.js';
import { newestState } from './note-files.js';

/** Called between groups of entries: shows progress, and throws where the run is to end. */
type Pace = (position: Position) => Promise<void> | void;

/** A tree to begin with at or below `limit`: of a checkpoint, or the empty one. @throws LedgerError 'not-found' */
export async function beginning(reader: FileReader, limit: Position): Promise<Frontier> {
  const state = await newestState(reader, limit);
  if (state?.frontier !== undefined) return state.frontier;
  const first = await reader.first();
  if (first === 1) return EMPTY_FRONTIER;
  throw new LedgerError(
    'not-found',
    `the ledger of group ${reader.group} begins at position ${first}, and no checkpoint in notes/ says what stood before: give the folder with the archived segments`,
  );
}

/** Hands on each leaf behind `start` up to `upTo`. */
export async function eachLeaf(
  reader: FileReader,
  start: Position,
  upTo: Position,
  onLeaf: (leaf: Hash, position: Position, payload: Uint8Array) => void,
  pace?: Pace,
): Promise<void> {
  if (start >= upTo) return;
  for await (const entries of rawEntries(reader, start + 1, upTo)) {
    for (const { position, payload } of entries) onLeaf(leafHash(payload), position, payload);
    await pace?.(entries.at(-1)!.position);
  }
}

export async function frontierAt(reader: FileReader, position: Position, pace?: Pace): Promise<Frontier> {
  const tree = new GrowingTree(await beginning(reader, position));
  await eachLeaf(reader, tree.size, position, (leaf) => tree.append(leaf), pace);
  return tree.frontier();
}
