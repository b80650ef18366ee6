/** Where an audit has a group's entries from: the port, and the folder that stands behind it. Reads only. */

import { FileCheckpoints } from '../ledger/file/checkpoints.js';
import { openLedgersIn } from '../ledger/file/archive.js';
import type { FileReader } from '../ledger/file/reader.js';
import { headAt } from '../ledger/file/replay.js';
import type { Checkpoint, Entry, Head, Position } from '../ledger/port.js';

/** The ledger of one group, as far as an audit reads it. */
export interface EntrySource {
  readonly group: string;
  /** For people: where it lies. */
  readonly place: string;
  /** First position that is kept. */
  first(): Promise<Position>;
  head(): Promise<Pick<Head, 'position' | 'time'>>;
  /** Entries from `from` to `upTo`, in order, chain checked. */
  read(from: Position, upTo: Position): AsyncIterable<readonly Entry[]>;
  /** The newest checkpoint that is not above `limit`. */
  checkpoint(limit: Position): Promise<Checkpoint | undefined>;
  /** Chain hash (SHA-256) of the entry at a position, in hex. */
  hashAt(position: Position): Promise<string | undefined>;
  /** The last position that was written at `time` or before; the one before `first()` for none. */
  positionAt(time: number): Promise<Position>;
}

/** One a group that the folder has; `log` hears of checkpoints that are passed over. */
export async function openSources(
  folder: string,
  group: string | undefined,
  log: (line: string) => void,
): Promise<EntrySource[]> {
  return (await openLedgersIn(folder, group)).map((reader) => sourceOf(reader, log));
}

function sourceOf(reader: FileReader, log: (line: string) => void): EntrySource {
  const { group, folders, storage } = reader;
  const checkpoints = new FileCheckpoints({ data: '', group, folders, storage, log });
  return {
    group,
    place: folders.root,
    first: () => reader.first(),
    head: () => reader.quickHead(),
    read: (from, upTo) => reader.read(from, upTo),
    checkpoint: (limit) => checkpoints.newest(limit),
    hashAt: async (position) => {
      const head = await headAt({ storage, folder: folders.segments, group }, position);
      return head === undefined ? undefined : Buffer.from(head.hash).toString('hex');
    },
    positionAt: (time) => reader.positionAt(time),
  };
}
