/** The ledgers of a question as files, byte by byte: evidence is about them. */

import type { EntrySource } from '../../../../audit/source.js';
import { LedgerError } from '../../../../base/errors.js';
import { openLedgersIn } from '../../../../ledger/file/archive.js';
import type { FileReader } from '../../../../ledger/file/reader.js';
import { usage, type Audit } from '../session.js';

interface Opened {
  readonly source: EntrySource;
  readonly reader: FileReader;
}

export async function readersOf({ sources }: Audit): Promise<Opened[]> {
  return Promise.all(
    sources.map(async (source) => ({ source, reader: (await openLedgersIn(source.place, source.group))[0]! })),
  );
}

export async function oneReader(run: Audit): Promise<[Opened]> {
  const [only, ...more] = await readersOf(run);
  if (only === undefined || more.length > 0) throw oneGroup(run);
  return [only];
}

export function oneGroup({ sources }: Audit): LedgerError {
  return usage(`there are several groups: choose one with --group (${sources.map(({ group }) => group).join(', ')})`);
}
