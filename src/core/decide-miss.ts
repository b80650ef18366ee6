/** After a grace: what was not reclaimed is told, lock by lock, and given up, in bounded steps. */

import { answer, type Decision } from './decision.js';
import type { GraceScope } from './command.js';
import type { Event, FileId, OwnerId } from './event.js';
import { covers, expectedIn, inGrace } from './grace.js';
import { isExpectedLock } from './held.js';
import { MISS_STEPS_MAX, MISSES_MAX } from './limits.js';
import { L_FILE, L_ID, L_OWNER } from './lock-rows.js';
import { isExpectedShare } from './shares.js';
import { addressOf, fileSystemOf, isSweeping, type NlmFiles } from './state.js';

/** Whether `{type: 'miss'}` would do something now. */
export function hasMisses(state: NlmFiles): boolean {
  return state.missing.length > 0 && !isSweeping(state);
}

/** `more` asks for another step. Where the next one goes on is in `missAt`, for `markExamined`. */
export function decideMiss(state: NlmFiles): Decision {
  const scope = state.missing[0];
  if (scope === undefined || isSweeping(state)) return answer({ type: 'done', more: false });
  const events: Event[] = [];
  const missAt = expectedIn(state, scope) === 0 ? state.locks.limit : missLocks(state, scope, events);
  const passed = missAt >= state.locks.limit;
  if (passed) missShares(state, scope, events);
  if (!passed || events.length >= MISSES_MAX) return { events, outcome: { type: 'done', more: true }, missAt };
  events.push({ type: 'reclaims-settled', scope });
  return { events, outcome: { type: 'done', more: state.missing.length > 1 }, missAt: 1 };
}

/** The answer is the slot to go on from. */
function missLocks(state: NlmFiles, scope: GraceScope, events: Event[]): number {
  const { locks } = state;
  const end = Math.min(locks.limit, state.missAt + MISS_STEPS_MAX);
  let slot = state.missAt;
  for (; slot < end && events.length < MISSES_MAX; slot += 1) {
    const owner = locks.get(slot, L_OWNER);
    if (owner === 0 || !isExpectedLock(state, slot)) continue;
    const file = locks.get(slot, L_FILE);
    if (!isMissed(state, scope, owner, file)) continue;
    const range = locks.rangeOf(slot);
    const exclusive = locks.isExclusive(slot);
    events.push({ type: 'reclaim-missed', lock: locks.getWide(slot, L_ID), owner, file, range, exclusive });
  }
  return slot;
}

function missShares(state: NlmFiles, scope: GraceScope, events: Event[]): void {
  for (const share of state.shares.values()) {
    if (events.length >= MISSES_MAX) return;
    const { id, owner, file, mode, access } = share;
    if (!isExpectedShare(state, share) || !isMissed(state, scope, owner, file)) continue;
    events.push({ type: 'share-missed', share: id, owner, file, mode, access });
  }
}

/** Another grace may still expect it. */
function isMissed(state: NlmFiles, scope: GraceScope, owner: OwnerId, file: FileId): boolean {
  return (
    covers(state, scope, owner, file) &&
    !inGrace(state, fileSystemOf(state, file).name, addressOf(state, owner).address)
  );
}
