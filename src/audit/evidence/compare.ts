/** Archives of one group on several nodes, entry by entry: where they are the same, and the first place where they are not. */

import { decodeEntry } from '../../ledger/entry.js';
import { rawEntries, type RawEntry } from '../../ledger/file/raw.js';
import type { FileReader } from '../../ledger/file/reader.js';
import type { Position } from '../../ledger/port.js';

export interface Compared {
  readonly group: string;
  readonly places: readonly [string, string];
  /** What both have; `to` is below `from` where that is nothing. */
  readonly from: Position;
  readonly to: Position;
  readonly heads: readonly [Position, Position];
  /** The first entry that is another one there. */
  readonly differs?: { readonly position: Position; readonly entries: readonly [ComparedEntry, ComparedEntry] };
}

interface ComparedEntry {
  readonly epoch: number;
  readonly node: string;
  readonly time: number;
}

export async function compareLedgers(
  a: FileReader,
  b: FileReader,
  pace?: (position: Position) => Promise<void> | void,
): Promise<Compared> {
  const from = Math.max(await a.first(), await b.first());
  const heads = [(await a.quickHead()).position, (await b.quickHead()).position] as const;
  const to = Math.min(...heads);
  const found = { group: a.group, places: [a.folders.root, b.folders.root] as const, from, to, heads };
  if (to < from) return found;
  const theirs = oneByOne(rawEntries(b, from, to));
  for await (const entries of rawEntries(a, from, to)) {
    for (const { position, payload } of entries) {
      const other = (await theirs.next()).value;
      if (other !== undefined && Buffer.compare(payload, other.payload) === 0) continue;
      return { ...found, differs: { position, entries: [shown(payload), shown(other?.payload ?? payload)] } };
    }
    await pace?.(entries.at(-1)!.position);
  }
  return found;
}

async function* oneByOne(groups: AsyncIterable<readonly RawEntry[]>): AsyncGenerator<RawEntry, undefined> {
  for await (const group of groups) yield* group;
  return undefined;
}

function shown(payload: Uint8Array): ComparedEntry {
  const { epoch, node, time } = decodeEntry(payload);
  return { epoch, node, time };
}
