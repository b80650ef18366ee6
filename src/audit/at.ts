/** `nlm_files` as it was at a position: who held, shared and waited for what. Rows are made one by one, never all at once. */

import { blockersOf } from '../admin/blockers.js';
import type { Blocker, LockRow } from '../admin/messages.js';
import { describe, scan, type Found } from '../admin/rows.js';
import type { GracePolicy, GraceScope } from '../core/command.js';
import { isExpectedLock } from '../core/held.js';
import { L_FLAGS, RECLAIMED, UNMONITORED } from '../core/lock-rows.js';
import { findUnacknowledged } from '../core/pending.js';
import { isExpectedShare } from '../core/shares.js';
import { isDead, type NlmFiles } from '../core/state.js';
import type { Entry, Position } from '../ledger/port.js';
import { passes, type Filter } from './filter.js';
import { fileNames, ownerNames, type FileNames, type OwnerNames } from './names.js';
import type { EntrySource } from './source.js';

/** The group as a whole at the moment; counts are without filters. */
export interface StateHead {
  readonly group: string;
  readonly position: Position;
  /** Of the entry at the position; undefined before the first. */
  readonly time?: number;
  readonly epoch: number;
  /** Who appended the entry at the position: the owner then. */
  readonly node?: string;
  readonly locks: number;
  readonly waiters: number;
  readonly shares: number;
  readonly graces: readonly { readonly scope: GraceScope; readonly until: number; readonly policy: GracePolicy }[];
}

export interface LockAt extends LockRow {
  readonly kind: 'lock';
  /** Not held: its owner is expected to reclaim it. */
  readonly expected: boolean;
  readonly reclaimed: boolean;
  readonly monitored: boolean;
  /** False for a grant out of a wait that its client has not acknowledged. */
  readonly acknowledged: boolean;
}

export interface WaiterAt extends LockRow {
  readonly kind: 'waiter';
  readonly waitingMs: number;
  readonly behind: readonly Blocker[];
}

export interface ShareAt extends OwnerNames, FileNames {
  readonly kind: 'share';
  readonly group: string;
  readonly lock: number;
  readonly mode: number;
  readonly access: number;
  readonly since: number;
  readonly expected: boolean;
}

export type RowAt = LockAt | WaiterAt | ShareAt;

/** The entry that stands at a position. */
export async function entryAt(source: EntrySource, position: Position): Promise<Entry | undefined> {
  if (position < (await source.first())) return undefined;
  for await (const [entry] of source.read(position, position)) return entry;
  return undefined;
}

export function headOf(state: NlmFiles, group: string, position: Position, entry: Entry | undefined): StateHead {
  return {
    group,
    position,
    ...(entry === undefined ? {} : { time: entry.time, node: entry.node }),
    epoch: state.epoch,
    locks: state.lockCount,
    waiters: state.waiterCount,
    shares: state.shareCount,
    graces: state.graces.map(({ scope, until, policy }) => ({ scope, until, policy })),
  };
}

/** Locks, then waiters, then shares. `time` is that of the moment: since when somebody waits is told from it. */
export async function* rowsOf(state: NlmFiles, group: string, time: number, filter: Filter): AsyncGenerator<RowAt> {
  for await (const found of scan(state, 'lock', {})) {
    if (passes(filter, state, found.owner, found.file)) yield lockAt(state, group, found);
  }
  for await (const found of scan(state, 'waiter', {})) {
    if (!passes(filter, state, found.owner, found.file)) continue;
    const row = describe(state, found, group);
    const waits = { waitingMs: Math.max(0, time - row.since), behind: blockersOf(state, found) };
    yield Object.assign(row, { kind: 'waiter' } as const, waits);
  }
  for (const share of state.shares.values()) {
    const { id, owner, file, mode, access } = share;
    if (isDead(state, owner, file, id) || !passes(filter, state, owner, file)) continue;
    yield {
      kind: 'share',
      group,
      lock: id,
      ...ownerNames(state, owner),
      ...fileNames(state, file, state.fileNames[file]?.handles[share.handle]),
      mode,
      access,
      since: share.time,
      expected: isExpectedShare(state, share),
    };
  }
}

function lockAt(state: NlmFiles, group: string, found: Found): LockAt {
  const flags = state.locks.get(found.slot, L_FLAGS);
  // Assigned, as in names.ts.
  return Object.assign(describe(state, found, group), {
    kind: 'lock',
    expected: isExpectedLock(state, found.slot),
    reclaimed: (flags & RECLAIMED) !== 0,
    monitored: (flags & UNMONITORED) === 0,
    acknowledged: findUnacknowledged(state, found.id) === undefined,
  } as const);
}
