/**
 * Who waits for whom: over a range, the files and owners that waited most and the longest holders; at its end, the
 * wait-for graph with the age of each wait.
 */

import { blockersOf } from '../admin/blockers.js';
import { describe, scan } from '../admin/rows.js';
import { L_TIME } from '../core/lock-rows.js';
import type { NlmFiles } from '../core/state.js';
import type { Position } from '../ledger/port.js';
import { passes, type Filter } from './filter.js';
import { stateAt, watchSlices, type Pace } from './fold.js';
import { HistoryObserver } from './history.js';
import type { HistoryRow } from './history-row.js';
import { lockNames, type FileNames, type LockNames, type OwnerNames } from './names.js';
import type { EntrySource } from './source.js';
import { Top, type TopEntry } from './top.js';

/** Waits of the graph; the oldest are shown. */
const EDGES_MAX = 500;

export interface Edge {
  readonly waiter: OwnerNames;
  readonly holder: { readonly client: string; readonly clientAddress: string; readonly svid: number };
  readonly file: FileNames;
  readonly lock: number;
  readonly ageMs: number;
}

export interface Hold extends LockNames {
  readonly heldMs: number;
  /** Held still at the end of the range. */
  readonly still: boolean;
}

export interface Contention {
  readonly group: string;
  readonly from: Position;
  readonly to: Position;
  /** False where there were more files or owners than are counted at a time: sums may be too low. */
  readonly exact: boolean;
  readonly files: readonly TopEntry<FileNames>[];
  readonly owners: readonly TopEntry<OwnerNames>[];
  readonly holders: readonly Hold[];
  readonly edges: readonly Edge[];
  /** Waits that are not in `edges`. */
  readonly moreEdges: number;
}

export async function contention(
  source: EntrySource,
  range: { readonly from: Position; readonly to: Position },
  filter: Filter,
  limit: number,
  pace: Pace,
): Promise<Contention> {
  const files = new Top<FileNames>();
  const owners = new Top<OwnerNames>();
  const holders = new Longest<Hold>(limit, ({ heldMs }) => heldMs);
  const waited = (names: OwnerNames & FileNames, ms: number): void => {
    files.add(`${names.fileSystem} ${names.handle}`, fileOf(names), ms);
    owners.add(ownerText(names), ownerOf(names), ms);
  };
  const observer = new HistoryObserver(source.group, filter, (row) => {
    if (!hasNames(row)) return;
    if (row.waitedMs !== undefined) waited(row, row.waitedMs);
    if (row.heldMs !== undefined && row.what !== 'expected')
      holders.add({ ...holdOf(row), heldMs: row.heldMs, still: false });
  });
  const state = await stateAt(source, range.from - 1, pace);
  for await (const position of watchSlices(source, state, range, observer)) await pace(position);
  const now = state.time;
  for await (const found of scan(state, 'lock', {})) {
    if (!passes(filter, state, found.owner, found.file)) continue;
    const { slot, owner, file } = found;
    const names = lockNames(state, owner, file, state.locks.rangeOf(slot), state.locks.isExclusive(slot));
    holders.add({ ...names, heldMs: now - state.locks.getWide(slot, L_TIME), still: true });
  }
  const { edges, more } = await graph(state, source.group, now, filter, waited);
  return {
    group: source.group,
    ...range,
    exact: files.exact && owners.exact,
    files: files.first(limit),
    owners: owners.first(limit),
    holders: holders.list(),
    edges,
    moreEdges: more,
  };
}

/** Those who wait still have waited too. */
async function graph(
  state: NlmFiles,
  group: string,
  now: number,
  filter: Filter,
  waited: (names: OwnerNames & FileNames, ms: number) => void,
): Promise<{ readonly edges: readonly Edge[]; readonly more: number }> {
  const edges = new Longest<Edge>(EDGES_MAX, ({ ageMs }) => ageMs);
  let count = 0;
  for await (const found of scan(state, 'waiter', {})) {
    if (!passes(filter, state, found.owner, found.file)) continue;
    const row = describe(state, found, group);
    const ageMs = Math.max(0, now - row.since);
    waited(row, ageMs);
    for (const { lock, client, clientAddress, svid } of blockersOf(state, found)) {
      count += 1;
      edges.add({ waiter: ownerOf(row), holder: { client, clientAddress, svid }, file: fileOf(row), lock, ageMs });
    }
  }
  return { edges: edges.list(), more: count - edges.list().length };
}

/** The greatest so many. */
class Longest<T> {
  readonly #limit: number;
  readonly #measure: (item: T) => number;
  #items: T[] = [];

  constructor(limit: number, measure: (item: T) => number) {
    this.#limit = limit;
    this.#measure = measure;
  }

  add(item: T): void {
    const least = this.#items.at(-1);
    if (this.#items.length >= this.#limit && least !== undefined && this.#measure(least) >= this.#measure(item)) return;
    const place = this.#items.findIndex((each) => this.#measure(each) < this.#measure(item));
    this.#items.splice(place < 0 ? this.#items.length : place, 0, item);
    if (this.#items.length > this.#limit) this.#items.pop();
  }

  list(): readonly T[] {
    return this.#items;
  }
}

function hasNames(row: HistoryRow): row is HistoryRow & OwnerNames & FileNames {
  return row.oh !== undefined && row.handle !== undefined;
}

function holdOf(row: HistoryRow & OwnerNames & FileNames): LockNames {
  const { start = '0', end = 'eof', exclusive = true } = row;
  return { ...ownerOf(row), ...fileOf(row), start, end, exclusive };
}

function ownerOf({ client, clientAddress, serverAddress, svid, oh }: OwnerNames): OwnerNames {
  return { client, clientAddress, serverAddress, svid, oh };
}

function fileOf({ fileSystem, handle }: FileNames): FileNames {
  return { fileSystem, handle };
}

function ownerText({ client, clientAddress, serverAddress, svid, oh }: OwnerNames): string {
  return `${client}@${clientAddress} svid ${svid} (${oh}) through ${serverAddress}`;
}
