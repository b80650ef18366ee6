/** What a client answers to a callback. */

import type { AcknowledgeGrantCommand, DenyGrantCommand } from './command.js';
import { findConflict, UNSURE } from './conflict.js';
import { AGAIN, answer, type Decision } from './decision.js';
import type { Outcome } from './outcome.js';
import { findUnacknowledged } from './pending.js';
import { isDead, W_FILE, W_OWNER, type NlmFiles } from './state.js';
import { findWaiterById, waiterRange, waitsExclusively } from './waiters.js';

const DONE: Outcome = { type: 'done', more: false };

export function decideAcknowledge(state: NlmFiles, command: AcknowledgeGrantCommand): Decision {
  const { lock } = command;
  if (findUnacknowledged(state, lock) !== undefined)
    return answer(DONE, [{ type: 'grant-acknowledged', lock, by: 'answer' }]);
  // Returned to the queue while the callback was under way (a grace began): the client holds it, if nothing is in the way.
  const slot = findWaiterById(state, lock);
  if (slot === 0) return answer(DONE);
  const owner = state.waiters.get(slot, W_OWNER);
  const file = state.waiters.get(slot, W_FILE);
  if (isDead(state, owner, file, lock)) return answer(DONE);
  const inTheWay = findConflict(state, file, owner, waiterRange(state, slot), waitsExclusively(state, slot));
  if (inTheWay === UNSURE) return AGAIN;
  if (inTheWay !== 0) return answer(DONE);
  return answer(DONE, [
    { type: 'waiter-granted', waiter: lock },
    { type: 'grant-acknowledged', lock: state.nextId, by: 'answer' },
  ]);
}

/** Only a DENIED to the only copy ever sent undoes a grant (hazard 1): to a repeated one it may mean that it is held. */
export function decideDeny(state: NlmFiles, command: DenyGrantCommand): Decision {
  const { lock, onlyCopy } = command;
  if (findUnacknowledged(state, lock) === undefined) return answer(DONE);
  return answer(DONE, [
    onlyCopy ? { type: 'grant-undone', lock, by: 'denial' } : { type: 'grant-acknowledged', lock, by: 'answer' },
  ]);
}
