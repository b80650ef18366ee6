/** A random history as a file ledger on a disk in memory, with what stands beside it, for tests of evidence. */

import { signState } from '../../src/audit/evidence/checkpoint.js';
import { GrowingTree, leafHash } from '../../src/audit/evidence/merkle.js';
import { CHECKPOINT_VERSION, serialize } from '../../src/core/checkpoint.js';
import { decodeEvents } from '../../src/core/event-codec.js';
import { evolve } from '../../src/core/evolve.js';
import { initialState } from '../../src/core/state.js';
import { decodeEntry } from '../../src/ledger/entry.js';
import { FileCheckpoints } from '../../src/ledger/file/checkpoints.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { FileReader } from '../../src/ledger/file/reader.js';
import { groupFolders } from '../../src/ledger/file/layout.js';
import type { Position, SealedEntry } from '../../src/ledger/port.js';
import type { SigningKey } from '../../src/signing/nkey.js';
import { FaultDisk } from '../ledger/fault-disk.js';

export const DATA = '/data';
export const FOLDERS = groupFolders(DATA, 'default');

export function readerOf(disk: FaultDisk): FileReader {
  return new FileReader(disk, FOLDERS, 'default');
}

/** Small segments, closed by a seal. */
export async function ledgerOnDisk(entries: readonly SealedEntry[], disk = new FaultDisk()): Promise<FaultDisk> {
  const { ledger } = await openFileLedger({
    data: DATA,
    group: 'default',
    storage: disk,
    acquire: async () => ({ release: () => undefined }),
    log: () => undefined,
    limits: { firstSegmentBytes: 4096, segmentBytesMax: 4096, reserveBytes: 4096, freeBytesMin: 4096 },
  });
  for (const entry of entries) await ledger.append(entry);
  await ledger.close();
  return disk;
}

/** The projection's checkpoint at a position, as the worker writes it. */
export async function addProjection(
  disk: FaultDisk,
  entries: readonly SealedEntry[],
  position: Position,
): Promise<void> {
  const state = initialState();
  for (const { bytes } of entries.slice(0, position)) {
    const entry = decodeEntry(bytes);
    decodeEvents(entry.events, (event) => evolve(state, event, entry));
  }
  const { epoch, time } = decodeEntry(entries[position - 1]!.bytes);
  const { hash } = entries[position - 1]!;
  const checkpoints = new FileCheckpoints({ data: DATA, group: 'default', storage: disk, log: () => undefined });
  await checkpoints.write({ position, epoch, time, hash, version: CHECKPOINT_VERSION, state: serialize(state) });
}

export function noteOf(entries: readonly SealedEntry[], position: Position, key: SigningKey): string {
  const tree = new GrowingTree();
  for (const { bytes } of entries.slice(0, position)) tree.append(leafHash(bytes));
  const { epoch, time } = decodeEntry(entries[position - 1]!.bytes);
  const chain = entries[position - 1]!.hash;
  return signState(
    { origin: 'nlm-ledger/default', size: position, epoch, time, chain, frontier: tree.frontier() },
    key,
  );
}
