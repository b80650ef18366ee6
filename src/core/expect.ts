/** What a grace does to the tables, at its opening and at its end. Part of `evolve`. */

import type { GracePolicy, GraceScope } from './command.js';
import { closeGrace, covers, sameScope, scopesOf } from './grace.js';
import { markExpected } from './marks.js';
import { dropPending, findPending, returnGrant } from './pending.js';
import type { NlmFiles } from './state.js';
import { sweep } from './sweep.js';

/** What the scope holds is expected from here on. */
export function expectHeld(state: NlmFiles, scope: GraceScope): void {
  prepare(state, scope);
  const kind = scope.type === 'file-system' ? 'file-system' : 'address';
  for (const each of scopesOf(state, scope)) markExpected(state, each, kind);
}

/** A grace of the same scope gets the new end, and the new policy. */
export function openGrace(
  state: NlmFiles,
  scope: GraceScope,
  until: number,
  policy: GracePolicy,
  expect: 'held' | 'none',
): void {
  if (expect === 'held') expectHeld(state, scope);
  else prepare(state, scope);
  closeGrace(state, scope);
  // Who is lenient because the ledger may not know all cannot know when all is in.
  state.graces.push({ scope, until, policy, endsEarly: policy === 'strict' });
}

/** What is still expected in the scope, and in no other grace, is to be missed. */
export function beginMisses(state: NlmFiles, scope: GraceScope): void {
  if (!state.missing.some((other) => sameScope(other, scope))) state.missing.push(scope);
  state.missAt = 1;
}

export function endMisses(state: NlmFiles, scope: GraceScope): void {
  const index = state.missing.findIndex((other) => sameScope(other, scope));
  if (index >= 0) state.missing.splice(index, 1);
  state.missAt = 1;
}

/** Grants that their clients never acknowledged are waits again: the last one first, so that they keep their order. */
function prepare(state: NlmFiles, scope: GraceScope): void {
  // Only a replay gets here with a sweep under way: the counts of the scopes are exact from here on.
  sweep(state, Number.POSITIVE_INFINITY);
  for (const lock of [...state.pending.keys()].toReversed()) {
    const grant = findPending(state, lock);
    if (grant === undefined || !covers(state, scope, grant.owner, grant.file)) continue;
    // Whoever cancels what it acknowledged does not reclaim it either.
    if (state.undoable.has(lock)) dropPending(state, grant);
    else returnGrant(state, grant);
  }
}
