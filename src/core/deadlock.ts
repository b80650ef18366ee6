/**
 * Deadlock: following waiters to holders, does the asker wait for itself? Bounded by `deadlockStepsMax`; past it the
 * answer is no, so BLOCKED (hazard 25). Owners of one client are different owners: its kernel asks us about them.
 */

import type { FileId, OwnerId } from './event.js';
import { L_FILE, L_ID, L_OWNER } from './lock-rows.js';
import type { Range } from './range.js';
import { F_BY_START, isDead, O_WAITER, W_FILE, W_ID, W_OWNER_NEXT, type NlmFiles } from './state.js';
import { waiterRange, waitsExclusively } from './waiters.js';

export function wouldDeadlock(
  state: NlmFiles,
  asker: OwnerId,
  file: FileId,
  range: Range,
  exclusive: boolean,
): boolean {
  const { locks, waiters } = state;
  const seen = new Set<OwnerId>();
  const found: OwnerId[] = [];
  const search = {
    budget: state.rules.deadlockStepsMax,
    accept: (slot: number): boolean => {
      const owner = locks.get(slot, L_OWNER);
      if (seen.has(owner) || isDead(state, owner, locks.get(slot, L_FILE), locks.getWide(slot, L_ID))) return false;
      // Who waits for nothing ends the way; the asker itself closes the circle.
      if (owner === asker) return true;
      seen.add(owner);
      if (state.owners.get(owner, O_WAITER) !== 0) found.push(owner);
      return false;
    },
  };
  state.byStart.conflict(state.files.get(file, F_BY_START), asker, range, exclusive, search);
  for (let owner = found.pop(); owner !== undefined; owner = found.pop()) {
    for (let waiter = state.owners.get(owner, O_WAITER); waiter !== 0; waiter = waiters.get(waiter, W_OWNER_NEXT)) {
      search.budget -= 1;
      if (search.budget < 0) return false;
      const where = waiters.get(waiter, W_FILE);
      if (isDead(state, owner, where, waiters.getWide(waiter, W_ID))) continue;
      const root = state.files.get(where, F_BY_START);
      const theirs = waiterRange(state, waiter);
      if (state.byStart.conflict(root, owner, theirs, waitsExclusively(state, waiter), search) !== 0) return true;
    }
  }
  return false;
}
