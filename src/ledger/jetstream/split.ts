/**
 * What is done where archive and stream hold different entries. Above what is agreed nobody was ever told of the
 * archive's: they lost the race to a claim, are set aside, and one line says so. At or below it, it is a fork: both were
 * acknowledged. Nothing is changed then, the stream's entries are kept beside the archive, and people decide.
 */

import { LedgerError } from '../../base/errors.js';
import { sha256 } from '../chain.js';
import { readEnvelope } from '../envelope.js';
import type { Position } from '../port.js';
import type { Archive } from './archive.js';

/** Entries of the other history that are kept: enough to see where it comes from. */
const KEPT_MAX = 64;

/** Resolves once the archive ends at `at`. @throws LedgerError 'damaged' for a fork */
export async function settleSplit(
  archive: Archive,
  group: string,
  at: Position,
  other: { readonly where: string; readonly entries: AsyncIterable<Uint8Array> },
  log: (line: string) => void,
): Promise<void> {
  const lost = archive.head().position - at;
  if (at >= archive.agreed) {
    const paths = await archive.cutAbove(at);
    log(
      `group ${group}: ${lost === 1 ? 'an entry' : `${lost} entries`} above position ${at} lost the race to a claim, unacknowledged: set aside in ${paths.join(', ')}`,
    );
    return;
  }
  throw await reportFork(archive, group, at, other);
}

/** Keeps the other history beside the archive. The same fork is kept once. */
export async function reportFork(
  archive: Archive,
  group: string,
  at: Position,
  { where, entries }: { readonly where: string; readonly entries: AsyncIterable<Uint8Array> },
): Promise<LedgerError> {
  const kept: Uint8Array[] = [];
  for await (const entry of entries) {
    kept.push(entry);
    if (kept.length === KEPT_MAX) break;
  }
  const [first] = kept;
  const own = await archive.hashAt(at + 1);
  const hash = first === undefined ? 'none' : hex(sha256(first));
  const report = {
    group,
    position: at + 1,
    ours: { hash: own === undefined ? undefined : hex(own), head: archive.head().position, agreed: archive.agreed },
    theirs: { where, hash, epoch: first === undefined ? undefined : readEnvelope(first).epoch, entries: kept.length },
    entries: 'each behind its length, u32 little-endian',
  };
  const folder = await archive.keepFork(`${at + 1}-${hash.slice(0, 16)}`, report, kept);
  return new LedgerError(
    'damaged',
    `FORK in group ${group}: ${where} and this node's archive have different entries at position ${at + 1}, and both may have been acknowledged. ` +
      `Nothing was changed, and this node does not follow the group any more; the other history lies in ${folder}. ` +
      `Decide which one stands (ops/runbooks/fork-reported.md)`,
    { details: { group, position: at + 1, folder } },
  );
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
