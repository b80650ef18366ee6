/** Takes entries of others into the archive: checked against the chain, synced, then handed on. Under follow.ts. */

import { LedgerError } from '../../base/errors.js';
import { Chain } from '../chain.js';
import type { Entry, SealedEntry } from '../port.js';
import type { LogObserver } from '../replicated.js';
import type { Archive } from './archive.js';
import { TAKEN_BYTES_MAX, TAKEN_ENTRIES_MAX } from './limits.js';

/**
 * The next entries behind the archive's head. What each of them knew to be agreed is, the last ones themselves are not
 * yet: a server that was cut off may show one that the others never took.
 * @throws LedgerError 'damaged' where they do not connect
 */
export async function takeEntries(
  archive: Archive,
  group: string,
  batch: readonly Uint8Array[],
  observer: LogObserver | undefined,
): Promise<void> {
  const { position: before } = archive.head();
  const chain = new Chain(group, archive.head());
  const entries: Entry[] = [];
  const sealed: SealedEntry[] = [];
  let broken: unknown;
  try {
    for (const bytes of batch) {
      const entry = chain.check(bytes);
      entries.push(entry);
      sealed.push({ position: entry.position, epoch: entry.epoch, bytes, hash: chain.head.hash });
    }
  } catch (error) {
    // Those before it are sound.
    broken = error;
  }
  try {
    const authors = entries.map(({ node }) => node);
    const outcome = await archive.appendCopies(sealed, authors);
    if (outcome.type !== 'durable') {
      const at = archive.head().position + 1;
      throw new LedgerError('damaged', `the archive of group ${group} does not take position ${at}: ${outcome.type}`);
    }
  } finally {
    // What was synced is handed on, also where the rest was not.
    const synced = entries.slice(0, archive.head().position - before);
    const durable = synced.reduce((most, entry) => Math.max(most, entry.durable), 0);
    if (archive.generation !== undefined) archive.agree(durable, archive.generation);
    if (synced.length > 0) observer?.onEntries(synced);
  }
  if (broken !== undefined) throw broken;
}

/** The same for as many as come, many at once. */
export async function takeAll(
  archive: Archive,
  group: string,
  entries: AsyncIterable<Uint8Array>,
  observer: LogObserver | undefined,
): Promise<void> {
  const taken = new Taken();
  for await (const bytes of entries) {
    if (taken.add(bytes)) await takeEntries(archive, group, taken.empty(), observer);
  }
  await takeEntries(archive, group, taken.empty(), observer);
}

/** Entries that are to be synced together, up to a limit of their number and bytes. */
export class Taken {
  #entries: Uint8Array[] = [];
  #bytes = 0;

  /** True where no more should join. */
  add(entry: Uint8Array): boolean {
    this.#entries.push(entry);
    this.#bytes += entry.length;
    return this.#entries.length >= TAKEN_ENTRIES_MAX || this.#bytes >= TAKEN_BYTES_MAX;
  }

  empty(): readonly Uint8Array[] {
    const entries = this.#entries;
    this.#entries = [];
    this.#bytes = 0;
    return entries;
  }
}
