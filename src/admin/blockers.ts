/** Whom a waiter stands behind: the locks of others that are in its way. */

import { EXCLUSIVE, L_FILE, L_ID, L_OWNER } from '../core/lock-rows.js';
import { clientOf, F_BY_START, isDead, O_SVID, W_FLAGS, type NlmFiles } from '../core/state.js';
import { waiterRange } from '../core/waiters.js';
import type { Blocker } from './messages.js';
import { rangeTexts, type Found } from './rows.js';
import { textOfBytes } from './text.js';

const BLOCKERS_MAX = 8;
/** Steps of the search in the tree of the file. */
const STEPS_MAX = 4096;

export function blockersOf(state: NlmFiles, waiter: Found): readonly Blocker[] {
  const { owner, file, slot } = waiter;
  const blockers: Blocker[] = [];
  const search = {
    budget: STEPS_MAX,
    accept: (lock: number): boolean => {
      if (isLive(state, lock)) blockers.push(blockerOf(state, lock));
      return blockers.length === BLOCKERS_MAX;
    },
  };
  const exclusive = (state.waiters.get(slot, W_FLAGS) & EXCLUSIVE) !== 0;
  state.byStart.conflict(state.files.get(file, F_BY_START), owner, waiterRange(state, slot), exclusive, search);
  return blockers;
}

function isLive(state: NlmFiles, slot: number): boolean {
  const { locks } = state;
  return !isDead(state, locks.get(slot, L_OWNER), locks.get(slot, L_FILE), locks.getWide(slot, L_ID));
}

function blockerOf(state: NlmFiles, slot: number): Blocker {
  const { locks } = state;
  const owner = locks.get(slot, L_OWNER);
  const { name, address } = clientOf(state, owner);
  return {
    lock: locks.getWide(slot, L_ID),
    client: textOfBytes(name),
    clientAddress: address,
    svid: state.owners.get(owner, O_SVID) | 0,
    exclusive: locks.isExclusive(slot),
    ...rangeTexts(locks.rangeOf(slot)),
  };
}
