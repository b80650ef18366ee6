/**
 * Proofs for somebody who has nothing but a checkpoint: that an entry is in the ledger, that one checkpoint's ledger is
 * the beginning of another's. A proof is a JSON file (schemas/proof.json); check.ts reads it without any ledger.
 */

import { assert } from '../../base/assert.js';
import { LedgerError } from '../../base/errors.js';
import type { FileReader } from '../../ledger/file/reader.js';
import type { Position } from '../../ledger/port.js';
import { base64 } from './checkpoint.js';
import { provesConsistency, provesInclusion } from './check-proof.js';
import { consistencyRanges, GrowingTree, inclusionRanges, RangeRoots, rootOf, type Hash } from './merkle.js';
import { beginning, eachLeaf } from './tree.js';

type Pace = (position: Position) => Promise<void> | void;

export interface InclusionProof {
  readonly type: 'inclusion';
  readonly group: string;
  readonly position: Position;
  /** Entries of the tree. */
  readonly size: Position;
  /** The entry's bytes, base64. */
  readonly entry: string;
  /** Base64, from the leaf up. */
  readonly path: readonly string[];
}

export interface ConsistencyProof {
  readonly type: 'consistency';
  readonly group: string;
  readonly first: Position;
  readonly second: Position;
  readonly path: readonly string[];
}

export type Proof = InclusionProof | ConsistencyProof;

export async function proveInclusion(
  reader: FileReader,
  position: Position,
  size: Position,
  pace?: Pace,
): Promise<InclusionProof> {
  if (position < 1 || position > size) {
    throw new LedgerError(
      'not-found',
      `position ${position} is not among the ${size} entries of the checkpoint: take a newer one, nlm-ledger audit checkpoint`,
    );
  }
  const start = await beginning(reader, position - 1);
  const ranges = inclusionRanges(position - 1, size);
  const roots = new RangeRoots(ranges, start);
  const tree = new GrowingTree(start);
  let entry: Uint8Array | undefined;
  await eachLeaf(
    reader,
    start.size,
    size,
    (leaf, at, payload) => {
      roots.append(leaf);
      tree.append(leaf);
      if (at === position) entry = Buffer.from(payload);
    },
    pace,
  );
  assert(entry !== undefined, 'the entry went by');
  const path = roots.roots();
  assert(provesInclusion(entry, position, size, path, tree.root()), 'the proof holds');
  return { type: 'inclusion', group: reader.group, position, size, entry: base64(entry), path: path.map(base64) };
}

export async function proveConsistency(
  reader: FileReader,
  first: Position,
  second: Position,
  pace?: Pace,
): Promise<ConsistencyProof> {
  if (first < 1 || first > second) {
    throw new LedgerError(
      'bad-request',
      `a ledger of ${first} entries is not the beginning of one of ${second}: the smaller one comes first`,
    );
  }
  const start = await beginning(reader, first);
  const roots = new RangeRoots(consistencyRanges(first, second), start);
  const tree = new GrowingTree(start);
  let before: Hash | undefined = start.size === first ? rootOf(start.hashes) : undefined;
  await eachLeaf(
    reader,
    start.size,
    second,
    (leaf, at) => {
      roots.append(leaf);
      tree.append(leaf);
      if (at === first) before = tree.root();
    },
    pace,
  );
  assert(before !== undefined, 'the first tree went by');
  const path = roots.roots();
  assert(provesConsistency(first, before, second, tree.root(), path), 'the proof holds');
  return { type: 'consistency', group: reader.group, first, second, path: path.map(base64) };
}
