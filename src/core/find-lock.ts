/** A lock by its id: a scan of the rows (about 10 ms a million), since an index would cost every LOCK and only one command asks. */

import type { LockId } from './command.js';
import { L_FILE, L_ID, L_OWNER } from './lock-rows.js';
import { isDead, type NlmFiles } from './state.js';

/** The slot of the live lock, or 0. */
export function findLock(state: NlmFiles, id: LockId): number {
  const { locks } = state;
  if (!Number.isSafeInteger(id) || id <= 0 || id >= state.nextId) return 0;
  for (let slot = 1; slot < locks.limit; slot += 1) {
    if (locks.getWide(slot, L_ID) !== id || locks.get(slot, L_OWNER) === 0) continue;
    const owner = locks.get(slot, L_OWNER);
    const file = locks.get(slot, L_FILE);
    if (!isDead(state, owner, file, id)) return slot;
  }
  return 0;
}
