/** Takes entries of others into the archive: checked against the chain, synced, then handed on. Under follow.ts. */

import { LedgerError } from '../../base/errors.js';
import { Chain } from '../chain.js';
import type { Entry } from '../port.js';
import type { LogObserver } from '../replicated.js';
import type { Archive } from './archive.js';

/** The next entries behind the archive's head. @throws LedgerError 'damaged' where they do not connect */
export async function takeEntries(
  archive: Archive,
  group: string,
  batch: readonly Uint8Array[],
  observer: LogObserver | undefined,
): Promise<void> {
  const chain = new Chain(group, archive.head());
  const entries: Entry[] = [];
  try {
    for (const bytes of batch) {
      const entry = chain.check(bytes);
      const { position, epoch } = entry;
      const sealed = { position, epoch, bytes, hash: chain.head.hash };
      const outcome = await archive.append(sealed, entry.node, { urgent: true, isCopy: true });
      if (outcome.type !== 'durable') {
        throw new LedgerError(
          'damaged',
          `the archive of group ${group} does not take position ${position}: ${outcome.type}`,
        );
      }
      entries.push(entry);
    }
  } finally {
    // What was synced is handed on, also where the rest was not.
    if (entries.length > 0) observer?.onEntries(entries);
  }
}
