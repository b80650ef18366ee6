/** What a projection holds, row by row in the order of its files: what tests compare. */

import { U64_ZERO } from '../../src/base/u64.js';
import type { LockId, ShareBits } from '../../src/core/command.js';
import { findConflict, holderOfLock } from '../../src/core/conflict.js';
import { isExpectedLock } from '../../src/core/held.js';
import {
  HANDLE_SHIFT,
  L_FILE,
  L_FLAGS,
  L_ID,
  L_OWNER,
  L_TIME,
  RECLAIMED,
  UNMONITORED,
} from '../../src/core/lock-rows.js';
import type { Holder } from '../../src/core/outcome.js';
import { rowOf, type Row } from '../../src/core/queries.js';
import type { Range } from '../../src/core/range.js';
import { isExpectedShare } from '../../src/core/shares.js';
import {
  F_BY_OWNER,
  F_USED,
  F_WAITER,
  isDead,
  W_FILE,
  W_FLAGS,
  W_ID,
  W_NEXT,
  W_OWNER,
  W_TIME,
  type NlmFiles,
  type Share,
} from '../../src/core/state.js';
import { waiterRange, waitsExclusively } from '../../src/core/waiters.js';

export interface HeldRow extends Row {
  readonly lock: LockId;
  readonly reclaimed: boolean;
  /** Not held: its owner is expected to reclaim it. */
  readonly expected: boolean;
  readonly monitored: boolean;
  /** The client has not acknowledged it yet. */
  readonly pending: boolean;
}

export interface WaitingRow extends Row {
  readonly waiter: number;
  /** One of those in the way; absent where it is about to be granted. */
  readonly holder?: Holder;
}

interface SharedRow extends Omit<Row, 'range' | 'exclusive'> {
  readonly share: LockId;
  readonly mode: ShareBits;
  readonly access: ShareBits;
  readonly reclaimed: boolean;
  readonly expected: boolean;
}

/** File by file, there by owner and start. */
export function heldIn(state: NlmFiles): HeldRow[] {
  const { files, locks, byOwner } = state;
  const found: HeldRow[] = [];
  for (let file = 1; file < state.fileNext; file += 1) {
    if (files.get(file, F_USED) === 0) continue;
    const root = files.get(file, F_BY_OWNER);
    for (let slot = byOwner.next(root, 0, U64_ZERO); slot !== 0;) {
      const owner = locks.get(slot, L_OWNER);
      if (!isDead(state, owner, file, locks.getWide(slot, L_ID))) found.push(heldRow(state, slot));
      slot = byOwner.next(root, owner, locks.rangeOf(slot).start);
    }
  }
  return found;
}

/** File by file, there in the order in which they came. */
export function waitingIn(state: NlmFiles): WaitingRow[] {
  const { files, waiters } = state;
  const found: WaitingRow[] = [];
  for (let file = 1; file < state.fileNext; file += 1) {
    if (files.get(file, F_USED) === 0) continue;
    for (let slot = files.get(file, F_WAITER); slot !== 0; slot = waiters.get(slot, W_NEXT)) {
      const owner = waiters.get(slot, W_OWNER);
      if (!isDead(state, owner, file, waiters.getWide(slot, W_ID))) found.push(waitingRow(state, slot));
    }
  }
  return found;
}

/** In the order of their coming. */
export function sharedIn(state: NlmFiles): SharedRow[] {
  return [...state.shares.values()]
    .filter(({ id, owner, file }) => !isDead(state, owner, file, id))
    .map((share) => sharedRow(state, share));
}

function heldRow(state: NlmFiles, slot: number): HeldRow {
  const { locks } = state;
  const flags = locks.get(slot, L_FLAGS);
  const lock = locks.getWide(slot, L_ID);
  return {
    lock,
    ...rowOf(
      state,
      locks.get(slot, L_OWNER),
      locks.get(slot, L_FILE),
      flags >>> HANDLE_SHIFT,
      locks.rangeOf(slot),
      locks.isExclusive(slot),
      locks.getWide(slot, L_TIME),
    ),
    reclaimed: (flags & RECLAIMED) !== 0,
    expected: isExpectedLock(state, slot),
    monitored: (flags & UNMONITORED) === 0,
    pending: state.pending.has(lock) && !state.undoable.has(lock),
  };
}

function waitingRow(state: NlmFiles, slot: number): WaitingRow {
  const { waiters } = state;
  const owner = waiters.get(slot, W_OWNER);
  const file = waiters.get(slot, W_FILE);
  const range = waiterRange(state, slot);
  const exclusive = waitsExclusively(state, slot);
  const handle = waiters.get(slot, W_FLAGS) >>> HANDLE_SHIFT;
  const inTheWay = findConflict(state, file, owner, range, exclusive);
  return {
    waiter: waiters.getWide(slot, W_ID),
    ...rowOf(state, owner, file, handle, range, exclusive, waiters.getWide(slot, W_TIME)),
    ...(inTheWay > 0 ? { holder: holderOfLock(state, inTheWay) } : {}),
  };
}

const NO_RANGE: Range = { start: U64_ZERO, end: U64_ZERO };

function sharedRow(state: NlmFiles, share: Share): SharedRow {
  const { id, owner, file, handle, mode, access, reclaimed, time } = share;
  const { range: _range, exclusive: _exclusive, ...names } = rowOf(state, owner, file, handle, NO_RANGE, false, time);
  return { share: id, ...names, mode, access, reclaimed, expected: isExpectedShare(state, share) };
}
