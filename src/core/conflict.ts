/** Who stands in the way of a lock: holders, and in a wake window the waiters that came before (hazard 13). */

import type { FileId, OwnerId } from './event.js';
import { SWEEPING_SEARCH_MAX, WINDOW_STEPS_MAX } from './limits.js';
import { grants } from './life.js';
import { L_FILE, L_ID, L_OWNER } from './lock-rows.js';
import type { Holder } from './outcome.js';
import { equalRange, overlaps, type Range } from './range.js';
import {
  addressOf,
  F_BY_START,
  F_WAITER,
  fileSystemOf,
  isDead,
  O_SVID,
  W_FILE,
  W_ID,
  W_NEXT,
  W_OWNER,
  type NlmFiles,
} from './state.js';
import { inGrace } from './grace.js';
import { waiterRange, waitsExclusively } from './waiters.js';

/** The search ran into too many dead locks: the sweep has to go on first. */
export const UNSURE = -1;

const ACCEPT_ALL = (): boolean => true;

/** The slot of a live lock in the way, 0 for none, or UNSURE (only where `bounded`, and only during a sweep). */
export function findConflict(
  state: NlmFiles,
  file: FileId,
  owner: OwnerId,
  range: Range,
  exclusive: boolean,
  bounded = true,
): number {
  if (file === 0) return 0;
  const root = state.files.get(file, F_BY_START);
  if (root === 0) return 0;
  if (state.sweeps.length === 0) {
    const search = { budget: Number.POSITIVE_INFINITY, accept: ACCEPT_ALL };
    return state.byStart.conflict(root, owner, range, exclusive, search);
  }
  const search = {
    budget: bounded ? SWEEPING_SEARCH_MAX : Number.POSITIVE_INFINITY,
    accept: (slot: number) =>
      !isDead(state, state.locks.get(slot, L_OWNER), state.locks.get(slot, L_FILE), state.locks.getWide(slot, L_ID)),
  };
  const found = state.byStart.conflict(root, owner, range, exclusive, search);
  return found === 0 && search.budget < 0 ? UNSURE : found;
}

/**
 * The slot of a waiter that a newcomer may not overtake: only while the file's wakes are not done. Too many of them
 * count as one in the way. A waiter whose scope is in grace is not about to be granted, and holds nobody up.
 */
export function findEarlierWaiter(
  state: NlmFiles,
  file: FileId,
  owner: OwnerId,
  range: Range,
  exclusive: boolean,
): number {
  if (file === 0) return 0;
  const { waiters } = state;
  const first = state.files.get(file, F_WAITER);
  // While nothing is granted nobody is about to be woken either.
  if (first === 0 || !grants(state.life) || (state.sweeps.length === 0 && !state.freed.has(file))) return 0;
  const fileSystem = fileSystemOf(state, file).name;
  let steps = 0;
  for (let slot = first; slot !== 0; slot = waiters.get(slot, W_NEXT)) {
    steps += 1;
    const theirs = waiters.get(slot, W_OWNER);
    if (theirs === owner) {
      // Its own waiter for the same comes up: what came later is behind it.
      if (waitsExclusively(state, slot) === exclusive && equalRange(waiterRange(state, slot), range)) return 0;
      continue;
    }
    if (isDead(state, theirs, waiters.get(slot, W_FILE), waiters.getWide(slot, W_ID))) continue;
    if (!exclusive && !waitsExclusively(state, slot)) continue;
    if (!overlaps(waiterRange(state, slot), range)) continue;
    if (steps > WINDOW_STEPS_MAX) return slot;
    if (inGrace(state, fileSystem, addressOf(state, theirs).address)) continue;
    return slot;
  }
  return 0;
}

export function holderOfLock(state: NlmFiles, slot: number): Holder {
  return holder(state, state.locks.get(slot, L_OWNER), state.locks.rangeOf(slot), state.locks.isExclusive(slot));
}

export function holderOfWaiter(state: NlmFiles, slot: number): Holder {
  return holder(state, state.waiters.get(slot, W_OWNER), waiterRange(state, slot), waitsExclusively(state, slot));
}

function holder(state: NlmFiles, owner: OwnerId, range: Range, exclusive: boolean): Holder {
  return { exclusive, svid: state.owners.get(owner, O_SVID) | 0, oh: state.ownerHandles[owner]!, range };
}
