/** Takes a signed checkpoint of a group and writes it beside the ledger. For a command, and for the node at its intervals. */

import { LedgerError } from '../../base/errors.js';
import { headAt } from '../../ledger/file/replay.js';
import type { FileReader } from '../../ledger/file/reader.js';
import type { Position } from '../../ledger/port.js';
import type { SigningKey } from '../../signing/nkey.js';
import { signState } from './checkpoint.js';
import { newestState, notePositions, readNote, writeNote } from './note-files.js';
import { frontierAt } from './tree.js';

export interface TakenCheckpoint {
  readonly position: Position;
  readonly note: string;
  readonly path: string;
}

export interface TakeOptions {
  readonly reader: FileReader;
  /** Durable; the head, or a position before it. */
  readonly position: Position;
  /** The last durable position; default: `position`. */
  readonly head?: Position;
  readonly origin: string;
  readonly key: SigningKey;
  readonly pace?: (position: Position) => Promise<void> | void;
}

/** @throws LedgerError 'refused' where an earlier checkpoint knows a longer ledger, or another one. */
export async function takeCheckpoint({
  reader,
  position,
  head: end = position,
  origin,
  key,
  pace,
}: TakeOptions): Promise<TakenCheckpoint> {
  const { storage, folders, group } = reader;
  const signed = await notePositions(reader);
  const last = signed.at(-1) ?? 0;
  const isThere = signed.includes(position);
  if (last > end) {
    throw new LedgerError(
      'refused',
      `group ${group} ends at position ${end} and was signed up to ${last}: entries are missing, and nothing is signed. Run nlm-ledger audit verify`,
    );
  }
  const place = { storage, folder: folders.segments, group };
  const before = await newestState(reader, position);
  if (before !== undefined) {
    const found = await headAt(place, before.size);
    if (found !== undefined && Buffer.compare(found.hash, before.chain) !== 0) {
      throw new LedgerError(
        'refused',
        `group ${group} has another entry at position ${before.size} than was signed: nothing is signed. Run nlm-ledger audit verify`,
      );
    }
  }
  const head = await headAt(place, position);
  if (position === 0 || head === undefined)
    throw new LedgerError('not-found', `group ${group} has no entry at position ${position}`);
  const frontier = await frontierAt(reader, position, pace);
  const { epoch, time, hash: chain } = head;
  const note = signState({ origin: `${origin}/${group}`, size: position, epoch, time, chain, frontier }, key);
  const path = await writeNote(reader, position, isThere ? merged(await readNote(reader, position), note) : note);
  return { position, note, path };
}

/** The same text again: another key's signature stands beside the first. */
function merged(before: string, note: string): string {
  const text = note.slice(0, note.indexOf('\n\n') + 2);
  const line = note.slice(text.length);
  return before.startsWith(text) && !before.includes(line) ? before + line : before.startsWith(text) ? before : note;
}
