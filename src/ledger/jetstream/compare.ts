/** How this node's archive and the stream stand to each other. Under following and claiming; changes nothing. */

import { LedgerError } from '../../base/errors.js';
import { equalBytes, sha256 } from '../chain.js';
import type { Position } from '../port.js';
import type { Archive } from './archive.js';
import type { Generation, GroupStream } from './stream.js';

export type Comparison =
  /** The archive is where the stream is, or has less, or has more: one is the beginning of the other. */
  | { readonly type: 'level' | 'archive-behind' | 'stream-behind'; readonly last: Position }
  /** They agree up to `at`, and have different entries behind it. */
  | { readonly type: 'split'; readonly at: Position; readonly last: Position }
  /** The archive ends before this generation of the stream begins. */
  | { readonly type: 'apart'; readonly begins: Position; readonly last: Position };

/** @throws LedgerError 'unavailable' where the stream does not answer, or not out of one view */
export async function compare(archive: Archive, stream: GroupStream, generation: Generation): Promise<Comparison> {
  const state = await stream.state(generation);
  if (state === undefined)
    throw new LedgerError('unavailable', `the stream ${generation.stream} is not there any more`);
  const { last } = state;
  const head = archive.head().position;
  const begins = generation.base + 1;
  // A first generation has nothing before it; a later one begins with an entry that the archive must have too.
  if (generation.number > 1 && head < begins) return { type: 'apart', begins, last };
  const common = Math.min(head, last);
  if (common >= begins && !(await isSame(archive, stream, generation, common))) {
    return { type: 'split', at: await lastSame(archive, stream, generation, common), last };
  }
  return { type: head === last ? 'level' : head < last ? 'archive-behind' : 'stream-behind', last };
}

async function isSame(
  archive: Archive,
  stream: GroupStream,
  generation: Generation,
  position: Position,
): Promise<boolean> {
  const [bytes, hash] = await Promise.all([stream.entryAt(generation, position), archive.hashAt(position)]);
  if (bytes === undefined) {
    throw new LedgerError(
      'unavailable',
      `${generation.stream} does not show position ${position}, which it says to have`,
    );
  }
  // Below where an archive began there is nothing to compare: it began at an entry of the stream.
  return hash === undefined || equalBytes(sha256(bytes), hash);
}

/** The chain makes it a search by halves: where two entries are the same, so is all before them. */
async function lastSame(
  archive: Archive,
  stream: GroupStream,
  generation: Generation,
  differs: Position,
): Promise<Position> {
  let same = generation.base;
  let different = differs;
  while (different - same > 1) {
    const middle = Math.floor((same + different) / 2);
    if (await isSame(archive, stream, generation, middle)) same = middle;
    else different = middle;
  }
  return same;
}
