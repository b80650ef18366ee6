/** LOCK and NM_LOCK. */

import type { Context, LockCommand } from './command.js';
import { findConflict, findEarlierWaiter, holderOfLock, holderOfWaiter, UNSURE } from './conflict.js';
import { countsOf } from './decide-client.js';
import { wouldDeadlock } from './deadlock.js';
import { AGAIN, answer, GRANTED, type Decision } from './decision.js';
import type { Event, FileId, OwnerId } from './event.js';
import { gracePolicy } from './grace.js';
import { endOfMany, expectsWithin, holdsCovering, ownsAll } from './held.js';
import { introduce, withOtherHandle } from './introduce.js';
import { tookBefore } from './late-copy.js';
import { LOCK_REPLACES_MAX, WAITERS_PER_OWNER_MAX } from './limits.js';
import { L_ID, L_OWNER } from './lock-rows.js';
import { findClient, type Parties } from './names.js';
import { isNewerState, isOlderState } from './nsm-state.js';
import type { Holder } from './outcome.js';
import { pendingOf } from './pending.js';
import type { Range } from './range.js';
import { reclaimFacts } from './reclaim.js';
import { F_WAITERS, isSweeping, O_WAITERS, W_ID, type Client, type NlmFiles } from './state.js';
import { findWaiter } from './waiters.js';
import { yieldLocks } from './yield.js';

export function decideLock(state: NlmFiles, command: LockCommand, context: Context, parties: Parties): Decision {
  const { client, owner, file } = parties;
  const learned: Event[] = [];
  if (client !== undefined && command.state !== 0) {
    const nsmState = command.state >>> 0;
    if (client.state !== 0) {
      const older = isOlderState(nsmState, client.state);
      if (older && !command.presentLife) return answer({ type: 'silence' });
      if (tellsOfReboot(state, command)) return missedReboot(state, client, nsmState);
    }
    if (client.state === 0 || isNewerState(nsmState, client.state)) {
      learned.push({ type: 'client-state-learned', client: client.id, state: nsmState });
    }
  }

  const { range, exclusive, reclaim } = command;
  if (owner !== 0 && file !== 0 && holdsCovering(state, owner, file, range, exclusive)) {
    for (const grant of pendingOf(state, owner, file, range)) {
      learned.push({ type: 'grant-acknowledged', lock: grant.lock, by: 'lock' });
    }
    return answer(GRANTED, learned);
  }

  // A copy of a LOCK that was given up since: nobody waits for an answer, and it must not be taken again (hazard 5).
  const took = tookBefore(state, 'lock', owner, file, command.call, context);
  if (took !== undefined && findWaiter(state, owner, file, range, exclusive) === 0) {
    return answer({ type: 'silence' }, learned);
  }

  const covered = owner !== 0 && file !== 0 && coveredByOwn(state, command, owner, file);
  if (!covered) {
    const decision = inGraceOrOut(state, command, owner, file, learned);
    if (decision !== undefined) return decision;
  }
  const refusal = refuse(state, context, client, covered) ?? refuseLong(state, owner, file, range);
  if (refusal !== undefined) return answer(refusal, learned);

  const slot = findConflict(state, file, owner, range, exclusive);
  if (slot === UNSURE) return AGAIN;
  const yielded = slot !== 0 && reclaim ? yieldLocks(state, command, file, owner, range, exclusive) : undefined;
  if (slot !== 0 && yielded === undefined) {
    if (reclaim) learned.push(conflictEvent(state, command, slot));
    return conflicting(state, command, owner, file, learned, holderOfLock(state, slot), true);
  }
  const earlier = reclaim || covered ? 0 : findEarlierWaiter(state, file, owner, range, exclusive);
  if (earlier !== 0) {
    return conflicting(state, command, owner, file, learned, holderOfWaiter(state, earlier), false);
  }

  const ids = introduce(state, command, owner, file, learned);
  if (yielded !== undefined) learned.push(...yielded);
  const granted = {
    type: 'lock-granted',
    owner: ids.owner,
    file: ids.file,
    range,
    exclusive,
    reclaim,
    monitored: command.monitored,
    call: command.call,
  } as const;
  learned.push(withOtherHandle(granted, state, command.file, file));
  return answer(GRANTED, learned);
}

/** Whether this LOCK tells of a reboot of its client that no notice told of: its older locks go before it is decided. */
export function tellsOfReboot(state: NlmFiles, command: LockCommand): boolean {
  if (command.state === 0) return false;
  const client = findClient(state, command.owner.client);
  if (client === undefined || client.state === 0) return false;
  return isNewerState(command.state >>> 0, client.state) && holdsAnything(client);
}

function holdsAnything(client: Client): boolean {
  return client.locks + client.waiters + client.shares + client.expected + client.expectedShares > 0;
}

/** The client has come back without a notice: what its older incarnation held goes first, then the LOCK is asked again. */
function missedReboot(state: NlmFiles, client: Client, nsmState: number): Decision {
  if (isSweeping(state)) return AGAIN;
  return answer({ type: 'again' }, [
    { type: 'client-rebooted', client: client.id, state: nsmState, counts: countsOf(client) },
  ]);
}

/**
 * Whether the range is the owner's already, to hold or to reclaim: a reclaim of it is granted at any time, since its
 * late copy may come after the grace, and a plain LOCK says in grace what a reclaim says (hazard 15). Outside of a
 * grace only a reclaim needs to ask.
 */
function coveredByOwn(state: NlmFiles, command: LockCommand, owner: OwnerId, file: FileId): boolean {
  const { range, exclusive, reclaim } = command;
  if (!reclaim && state.graces.length === 0) return false;
  return (reclaim || expectsWithin(state, owner, file, range)) && ownsAll(state, owner, file, range, exclusive);
}

/** What a grace, or the lack of one, refuses. */
function inGraceOrOut(
  state: NlmFiles,
  command: LockCommand,
  owner: OwnerId,
  file: FileId,
  learned: Event[],
): Decision | undefined {
  const { reclaim, range, exclusive } = command;
  const policy = gracePolicy(state, command.file.fileSystem, command.owner.serverAddress);
  if (!reclaim) return policy === undefined ? undefined : answer({ type: 'denied-grace-period' }, learned);
  if (policy === 'lenient') return undefined;
  // A grant out of a wait that was never acknowledged waits again, and the client may know of it.
  if (policy === 'strict' && owner !== 0 && findWaiter(state, owner, file, range, exclusive) !== 0) return undefined;
  const why = policy === undefined ? 'no-grace-period' : 'not-expected';
  learned.push({ type: 'reclaim-refused', why, ...reclaimFacts(command, { range, exclusive }) });
  return answer({ type: policy === undefined ? 'denied-grace-period' : 'denied' }, learned);
}

function refuse(
  state: NlmFiles,
  context: Context,
  client: Client | undefined,
  covered: boolean,
): Decision['outcome'] | undefined {
  const { rules, lockCount, shareCount } = state;
  if (!context.mayGrant) return { type: 'denied-no-locks', why: 'the ledger takes only releases' };
  if (lockCount + shareCount >= rules.locksMax) return { type: 'denied-no-locks', why: 'locksMax' };
  if (client === undefined) return undefined;
  // What is reclaimed takes the place of what was expected.
  const theirs = client.locks + client.shares + (covered ? 0 : client.expected);
  return theirs >= rules.locksPerClientMax ? { type: 'denied-no-locks', why: 'locksPerClientMax' } : undefined;
}

/** What it would replace of its owner's own locks goes in one turn. */
function refuseLong(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): Decision['outcome'] | undefined {
  if (owner === 0 || file === 0 || endOfMany(state, owner, file, range, LOCK_REPLACES_MAX) === undefined)
    return undefined;
  return { type: 'denied-no-locks', why: 'it would replace too many locks of its owner: unlock them first' };
}

function conflictEvent(state: NlmFiles, command: LockCommand, slot: number): Event {
  const { range, exclusive } = command;
  const holder = state.locks.get(slot, L_OWNER);
  const held = state.locks.getWide(slot, L_ID);
  return { type: 'reclaim-conflict', holder, held, ...reclaimFacts(command, { range, exclusive }) };
}

function conflicting(
  state: NlmFiles,
  command: LockCommand,
  owner: OwnerId,
  file: FileId,
  learned: Event[],
  holder: Holder,
  byLock: boolean,
): Decision {
  const { range, exclusive, length, callback, call } = command;
  if (!command.block || command.reclaim || !command.monitored) return answer({ type: 'denied', holder }, learned);
  const waiter = owner === 0 ? 0 : findWaiter(state, owner, file, range, exclusive);
  // A cycle may have closed since it began to wait: the repeated LOCK is when it can be told.
  const deadlock = byLock && owner !== 0 && wouldDeadlock(state, owner, file, range, exclusive);
  if (waiter !== 0) {
    if (!deadlock) return answer({ type: 'blocked' }, learned);
    learned.push({ type: 'waiter-cancelled', waiter: state.waiters.getWide(waiter, W_ID) });
    return answer({ type: 'deadlock' }, learned);
  }
  if (deadlock) return answer({ type: 'deadlock' }, learned);
  const { rules } = state;
  if (state.waiterCount >= rules.waitersMax) return answer({ type: 'denied-no-locks', why: 'waitersMax' }, learned);
  if (state.files.get(file, F_WAITERS) >= rules.waitersPerFileMax) {
    return answer({ type: 'denied-no-locks', why: 'waitersPerFileMax' }, learned);
  }
  if (owner !== 0 && state.owners.get(owner, O_WAITERS) >= WAITERS_PER_OWNER_MAX) {
    return answer({ type: 'denied-no-locks', why: 'too many waiters of one owner' }, learned);
  }
  const ids = introduce(state, command, owner, file, learned);
  const queued = {
    type: 'waiter-queued',
    owner: ids.owner,
    file: ids.file,
    range,
    length,
    exclusive,
    callback,
    call,
  } as const;
  learned.push(withOtherHandle(queued, state, command.file, file));
  return answer({ type: 'blocked' }, learned);
}
