/**
 * Grants out of a wait that can still be undone (hazard 2): those that the client has not acknowledged, and the last
 * that it has acknowledged by its answer to a callback. Part of `evolve`.
 */

import type { FileId, OwnerId } from './event.js';
import { findConflict } from './conflict.js';
import { hold, letGo } from './held.js';
import { EXCLUSIVE, HANDLE_SHIFT } from './lock-rows.js';
import { UNDOABLE_MAX } from './limits.js';
import { settleFile, settleOwner } from './names.js';
import { addWaiter, FORM_SHIFT } from './waiters.js';
import { overlaps, type Range } from './range.js';
import { queueWake } from './wake-queue.js';
import { F_PENDING, isDead, O_PENDING, type NlmFiles, type PendingGrant } from './state.js';

export function addPending(state: NlmFiles, grant: PendingGrant): void {
  state.pending.set(grant.lock, grant);
  const same = state.pendingByOwner.get(grant.owner);
  if (same === undefined) state.pendingByOwner.set(grant.owner, [grant]);
  else same.push(grant);
  state.owners.set(grant.owner, O_PENDING, state.owners.get(grant.owner, O_PENDING) + 1);
  state.files.set(grant.file, F_PENDING, state.files.get(grant.file, F_PENDING) + 1);
}

export function dropPending(state: NlmFiles, grant: PendingGrant): void {
  if (!state.pending.delete(grant.lock)) return;
  state.undoable.delete(grant.lock);
  const same = state.pendingByOwner.get(grant.owner)!;
  if (same.length === 1) state.pendingByOwner.delete(grant.owner);
  else same.splice(same.indexOf(grant), 1);
  state.owners.set(grant.owner, O_PENDING, state.owners.get(grant.owner, O_PENDING) - 1);
  state.files.set(grant.file, F_PENDING, state.files.get(grant.file, F_PENDING) - 1);
  settleOwner(state, grant.owner);
  settleFile(state, grant.file);
}

/** The live pending grant with this number. */
export function findPending(state: NlmFiles, lock: number): PendingGrant | undefined {
  const grant = state.pending.get(lock);
  return grant === undefined || isDead(state, grant.owner, grant.file, lock) ? undefined : grant;
}

/** The live pending grant with this number that its client has not acknowledged. */
export function findUnacknowledged(state: NlmFiles, lock: number): PendingGrant | undefined {
  return state.undoable.has(lock) ? undefined : findPending(state, lock);
}

/** Acknowledged by an answer: a CANCEL may have left the client before it. */
export function keepUndoable(state: NlmFiles, grant: PendingGrant): void {
  if (state.undoable.has(grant.lock)) return;
  state.undoable.add(grant.lock);
  // In the order of their acknowledgement, as a checkpoint keeps them.
  state.pending.delete(grant.lock);
  state.pending.set(grant.lock, grant);
  if (state.undoable.size <= UNDOABLE_MAX) return;
  for (const lock of state.undoable) return dropPending(state, state.pending.get(lock)!);
}

/** The owner's live pending grants that overlap the range. */
export function pendingOf(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): readonly PendingGrant[] {
  if (owner === 0 || state.owners.get(owner, O_PENDING) === 0) return [];
  return (state.pendingByOwner.get(owner) ?? []).filter(
    (grant) => grant.file === file && overlaps(grant.range, range) && !isDead(state, owner, file, grant.lock),
  );
}

/** Takes a grant back: the lock goes, and what it had replaced of the owner's own locks comes again (hazard 2). */
export function undoGrant(state: NlmFiles, grant: PendingGrant, time: number): void {
  const { owner, file, range } = grant;
  letGo(state, owner, file, range);
  for (const before of grant.replaced) {
    // A downgrade let others share; they are not turned out.
    const exclusive = before.exclusive && findConflict(state, file, owner, before.range, true, false) === 0;
    const flags = (exclusive ? EXCLUSIVE : 0) | (grant.handle << HANDLE_SHIFT);
    hold(state, owner, file, before.range, flags, time);
  }
  dropPending(state, grant);
}

/** It waits again, before the others, under the number of its lock: an answer to the callback still finds it. */
export function returnGrant(state: NlmFiles, grant: PendingGrant): void {
  const { lock: id, owner, file, range, length, time, exclusive, callback, handle } = grant;
  undoGrant(state, grant, time);
  const flags = (exclusive ? EXCLUSIVE : 0) | (callback << FORM_SHIFT) | (handle << HANDLE_SHIFT);
  addWaiter(state, { owner, file, range, length, flags, id, time }, 'first');
  // What it gave up is free, and where no grace holds it back it is its turn again.
  queueWake(state, file, range);
}

/** A LOCK or UNLOCK of the owner there shows that it knows. */
export function acknowledgeThere(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): void {
  for (const grant of pendingOf(state, owner, file, range)) dropPending(state, grant);
}
