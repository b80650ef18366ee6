/**
 * Could a decision have made this event? Each one is asked of the same `decide` that makes them, before `evolve` takes
 * it: the call that it came from is put together again from what it says. A lock that another one stands in the way of,
 * a grant in grace, counts that were not there: no decision gives them. Between the files and the fold of an audit.
 *
 * What is not recorded cannot be asked: why nothing happened, what a door refused, the free space at that moment.
 */

import { unreachable } from '../../base/assert.js';
import { U64_ZERO } from '../../base/u64.js';
import type { CallbackForm } from '../../core/callback-form.js';
import type { Command, FileName, GraceScope, OwnerName, Selector } from '../../core/command.js';
import { findConflict } from '../../core/conflict.js';
import { decide } from '../../core/decide.js';
import type { Decision } from '../../core/decision.js';
import type { At, Event, FileId, OwnerId } from '../../core/event.js';
import { evolve } from '../../core/evolve.js';
import { gracePolicy, inGrace, sameScope } from '../../core/grace.js';
import { ownWithin } from '../../core/held.js';
import { grants } from '../../core/life.js';
import { findClient, findFile, findOwner } from '../../core/names.js';
import { isNewerState } from '../../core/nsm-state.js';
import { findPending, findUnacknowledged } from '../../core/pending.js';
import { overlaps } from '../../core/range.js';
import {
  addressOf,
  clientOf,
  F_BY_START,
  F_SHARES,
  F_USED,
  F_WAITER,
  fileSystemOf,
  isSweeping,
  O_LOCK,
  O_SHARES,
  O_SVID,
  O_USED,
  O_WAITER,
  W_FILE,
  W_NEXT,
  W_OWNER,
  type NlmFiles,
} from '../../core/state.js';
import { sweep } from '../../core/sweep.js';
import { queueWake, WHOLE_FILE } from '../../core/wake-queue.js';
import { findWaiterById, waiterRange, waitsExclusively } from '../../core/waiters.js';
import { sameEvent } from './same-event.js';

/** Waiters before one that was granted that are looked at: whether it was its turn. */
const TURNS_MAX = 64;

/** Folds the event. The answer is why no decision can have made it; undefined where one can. */
export function foldChecked(state: NlmFiles, event: Event, at: At, next: Event | undefined): string | undefined {
  // `evolve` passes it over as well (hazard 10).
  if (at.epoch < state.epoch) {
    evolve(state, event, at);
    return undefined;
  }
  const unknown = namesUnknown(state, event);
  // The fold of such an event is not defined.
  if (unknown !== undefined) return unknown;
  const why = whyNot(state, event, at, next);
  evolve(state, event, at);
  if (isSweeping(state)) sweep(state, Number.POSITIVE_INFINITY);
  // What was woken is in the events that follow.
  if (state.freed.size > 0) state.freed.clear();
  return why;
}

function namesUnknown(state: NlmFiles, event: Event): string | undefined {
  // Nearly all events are of these kinds, and a look at one should not cost what a look at any kind costs.
  if (event.type === 'lock-granted' || event.type === 'lock-released' || event.type === 'waiter-queued') {
    if (!isOwner(state, event.owner)) return `owner ${event.owner} was never met`;
    return isFile(state, event.file) ? undefined : `file ${event.file} was never met`;
  }
  if ('owner' in event && event.type !== 'owner-met' && !isOwner(state, event.owner))
    return `owner ${event.owner} was never met`;
  if ('file' in event && event.type !== 'file-met' && !isFile(state, event.file))
    return `file ${event.file} was never met`;
  if ('to' in event && !isOwner(state, event.to)) return `owner ${event.to} was never met`;
  if (
    'client' in event &&
    event.type !== 'client-met' &&
    typeof event.client === 'number' &&
    state.clients[event.client] === undefined
  ) {
    return `client ${event.client} was never met`;
  }
  if (event.type !== 'names-forgotten') return undefined;
  const owner = event.owners.find((one) => !isOwner(state, one) || isUsed(state, one));
  const file = event.files.find((one) => !isFile(state, one) || holdsFile(state, one));
  const client = event.clients.find((one) => state.clients[one] === undefined);
  if (owner !== undefined) return `owner ${owner} is not there to forget, or holds something`;
  if (file !== undefined) return `file ${file} is not there to forget, or has locks`;
  return client === undefined ? undefined : `client ${client} is not there to forget`;
}

function whyNot(state: NlmFiles, event: Event, at: At, next: Event | undefined): string | undefined {
  switch (event.type) {
    case 'node-started':
    case 'rules-set':
    case 'call-refused':
    case 'refusals-counted':
    case 'grace-opened':
    case 'host-monitored':
    case 'host-unmonitored':
    case 'client-monitored':
    case 'notify-ordered':
    case 'reclaim-refused':
    case 'reclaim-conflict':
    case 'call-noted':
    case 'names-forgotten':
      return undefined;
    case 'client-met':
      if (state.clients[event.client] !== undefined || event.client > state.clients.length)
        return `client ${event.client} is another one already, or skips a number`;
      return findClient(state, event) === undefined ? undefined : 'the client has a number already';
    case 'owner-met': {
      const client = state.clients[event.client];
      if (client === undefined) return `client ${event.client} was never met`;
      if (isOwner(state, event.owner) || event.owner > state.ownerNext)
        return `owner ${event.owner} is another one already, or skips a number`;
      return findOwner(state, { ...event, client }) === 0 ? undefined : 'the owner has a number already';
    }
    case 'file-met':
      if (isFile(state, event.file) || event.file > state.fileNext)
        return `file ${event.file} is another one already, or skips a number`;
      return findFile(state, event) === 0 ? undefined : 'the file has a number already';
    case 'lock-granted': {
      const { owner, file, range, exclusive, reclaim, monitored, call, handle } = event;
      return asked(state, event, at, {
        type: 'lock',
        owner: ownerNamed(state, owner),
        file: fileNamed(state, file, handle),
        range,
        length: U64_ZERO,
        exclusive,
        block: false,
        reclaim,
        monitored,
        state: 0,
        presentLife: true,
        callback: NO_CALLBACK,
        call,
      });
    }
    case 'waiter-queued':
      return whyNotQueued(state, event, at);
    case 'waiter-granted':
      return whyNotWoken(state, event.waiter, next);
    case 'waiter-cancelled': {
      const slot = findWaiterById(state, event.waiter);
      if (slot === 0) return `waiter ${event.waiter} is not there`;
      if (event.call === undefined) return undefined;
      return asked(state, event, at, {
        type: 'cancel',
        owner: ownerNamed(state, state.waiters.get(slot, W_OWNER)),
        file: fileNamed(state, state.waiters.get(slot, W_FILE)),
        range: waiterRange(state, slot),
        exclusive: waitsExclusively(state, slot),
        block: true,
        call: event.call,
      });
    }
    case 'lock-released': {
      const { range, call } = event;
      const owner = ownerNamed(state, event.owner);
      return asked(state, event, at, { type: 'unlock', owner, file: fileNamed(state, event.file), range, call });
    }
    case 'locks-released':
      // A step of an UNLOCK: how far it reaches in all, its last step says.
      return ownWithin(state, event.owner, event.file, event.range).length > 0
        ? undefined
        : 'its owner holds nothing there';
    case 'share-granted': {
      const { mode, access, reclaim, call } = event;
      const owner = ownerNamed(state, event.owner);
      const file = fileNamed(state, event.file, event.handle);
      return asked(state, event, at, { type: 'share', owner, file, mode, access, reclaim, call });
    }
    case 'share-released': {
      const { mode, access, call } = event;
      const owner = ownerNamed(state, event.owner);
      return asked(state, event, at, {
        type: 'unshare',
        owner,
        file: fileNamed(state, event.file),
        mode,
        access,
        call,
      });
    }
    case 'grant-acknowledged': {
      const grant = event.by === 'lock' ? findPending(state, event.lock) : findUnacknowledged(state, event.lock);
      return grant === undefined ? `lock ${event.lock} waits for no acknowledgement` : undefined;
    }
    case 'grant-undone': {
      const grant = event.by === 'cancel' ? findPending(state, event.lock) : findUnacknowledged(state, event.lock);
      return grant === undefined ? `lock ${event.lock} is no grant that can be undone` : undefined;
    }
    case 'client-state-learned': {
      const known = state.clients[event.client]!.state;
      return known === 0 || isNewerState(event.state, known)
        ? undefined
        : `state ${event.state} is not newer than ${known}`;
    }
    case 'client-rebooted': {
      const { name, address, state: known } = state.clients[event.client]!;
      if (known !== 0 && !isNewerState(event.state, known)) return `state ${event.state} is not newer than ${known}`;
      return asked(state, event, at, { type: 'reboot', client: { name, address }, state: event.state });
    }
    case 'client-freed': {
      const { name, address } = state.clients[event.client]!;
      return asked(state, event, at, { type: 'free-all', client: { name, address } });
    }
    case 'address-unlocked':
      return purged(state, event, at, { type: 'address', address: event.address });
    case 'file-system-unlocked':
      return purged(state, event, at, { type: 'file-system', fileSystem: event.fileSystem });
    case 'client-unlocked': {
      const { name, address } = event;
      const which = { ...(name === undefined ? {} : { name }), ...(address === undefined ? {} : { address }) };
      return purged(state, event, at, { type: 'client', ...which });
    }
    case 'lock-unlocked':
      return purged(state, event, at, { type: 'lock', lock: event.lock });
    case 'share-unlocked':
      return purged(state, event, at, { type: 'lock', lock: event.share });
    case 'waiter-unlocked':
      return purged(state, event, at, { type: 'lock', lock: event.waiter });
    case 'locks-expected':
      return event.scope.type === 'all'
        ? 'nothing makes all locks expected'
        : purged(state, event, at, event.scope, true);
    case 'grace-ended': {
      const { scope, why, order } = event;
      return asked(state, event, at, { type: 'end-grace', scope, why, order });
    }
    case 'reclaim-missed':
    case 'share-missed':
      return whyNotMissed(state, event.owner, event.file);
    case 'expected-yielded':
    case 'share-yielded': {
      const policy = gracePolicy(state, fileSystemOf(state, event.file).name, addressOf(state, event.to).address);
      return policy === 'lenient' ? undefined : 'what is expected yields in a lenient grace alone';
    }
    case 'reclaims-settled':
      return isMissing(state, event.scope) ? undefined : 'no grace of this scope has ended';
    case 'server-state-advanced': {
      const known = state.serverStates.get(event.serverAddress) ?? 0;
      return known === 0 || isNewerState(event.state, known)
        ? undefined
        : `state ${event.state} is not newer than ${known}`;
    }
    case 'client-notified': {
      const open = [...state.nsm.notices.values()].some(
        (notice) => notice.client === event.client && notice.serverAddress === event.serverAddress,
      );
      return open ? undefined : 'no notice was ordered for it';
    }
    case 'group-claimed': {
      const { node, way, lossAccepted, order } = event;
      // Its owner may turn to the other way before it serves.
      const isTurn = state.life.status === 'claimed' && state.life.node === node;
      if (at.epoch === state.epoch && state.epoch > 0 && !isTurn) return `epoch ${at.epoch} was claimed before`;
      return asked(state, event, at, { type: 'claim-group', node, way, lossAccepted, order });
    }
    case 'group-serving':
      return asked(state, event, at, { type: 'serve-group', handles: event.handles });
    case 'group-releasing':
      return asked(state, event, at, { type: 'begin-release', way: event.way, order: event.order });
    case 'group-released':
      return asked(state, event, at, { type: 'finish-release' });
    case 'release-abandoned':
      return asked(state, event, at, { type: 'abandon-release', order: event.order });
    case 'takeover-step': {
      const { node, step, outcome, detail, milliseconds } = event;
      return asked(state, event, at, { type: 'record-step', node, step, outcome, detail, milliseconds });
    }
    default:
      return unreachable(event);
  }
}

/** How the client is called back is not in a grant, and no decision looks at it. */
const NO_CALLBACK = 0 as CallbackForm;

/** Asks `decide`; undefined where this event is its answer. */
function asked(state: NlmFiles, event: Event, { time }: At, command: Command): string | undefined {
  const first = decide(state, command, { now: time, mayGrant: true });
  if (gives(first, event)) return undefined;
  // The batch was filled for a while behind its time: a reply may have grown too old to count in between.
  const later = decide(state, command, { now: time + state.rules.replyAgeMsMax + 1, mayGrant: true });
  return gives(later, event) ? undefined : refusal(first, event);
}

function gives({ events }: Decision, event: Event): boolean {
  for (const made of events) {
    if (sameEvent(made, event)) return true;
    // Releases before this one let go of very many locks in one step.
    if (made.type === 'locks-released' && event.type === 'lock-released') return true;
  }
  return false;
}

function refusal({ events, outcome }: Decision, event: Event): string {
  const same = events.find(({ type }) => type === event.type);
  if (same !== undefined && 'counts' in same && 'counts' in event) {
    const text = ({ locks, waiters, shares }: typeof same.counts): string =>
      `${locks} locks, ${waiters} waiters, ${shares} shares`;
    return `it counts ${text(event.counts)}, and there were ${text(same.counts)}`;
  }
  if (same !== undefined) return 'the decision gives the same kind of event with other facts';
  if (outcome.type === 'denied') return 'it stands against what another owner holds: two holders';
  if (outcome.type === 'denied-grace-period') return 'it was granted in a grace period, or reclaimed outside of one';
  if (outcome.type === 'denied-no-locks' || outcome.type === 'refused') return `the rules refuse it: ${outcome.why}`;
  if (outcome.type === 'purged' && outcome.repeated)
    return `the command id was carried out at position ${outcome.position} already`;
  if (outcome.type === 'silence') return 'the call was carried out before';
  return outcome.type === 'granted'
    ? 'it was so already: nothing was to be recorded'
    : `the rules answer "${outcome.type}"`;
}

function purged(
  state: NlmFiles,
  event: Event & { order: { commandId: string } },
  at: At,
  selector: Selector,
  reclaimable = false,
): string | undefined {
  // The cast states what every event of a purge has.
  const { order } = event as Extract<Event, { type: 'address-unlocked' }>;
  return asked(state, event, at, { type: 'purge', selector, order, dryRun: false, reclaimable });
}

function whyNotQueued(
  state: NlmFiles,
  event: Extract<Event, { type: 'waiter-queued' }>,
  { time }: At,
): string | undefined {
  const { range, length, exclusive, callback, call, file } = event;
  const command: Command = {
    type: 'lock',
    owner: ownerNamed(state, event.owner),
    file: fileNamed(state, file, event.handle),
    range,
    length,
    exclusive,
    block: true,
    reclaim: false,
    monitored: true,
    state: 0,
    presentLife: true,
    callback,
    call,
  };
  const context = { now: time, mayGrant: true };
  const first = decide(state, command, context);
  // A deadlock is looked for in bounded steps, and in the order of the rows (hazard 25).
  if (gives(first, event) || first.outcome.type === 'deadlock') return undefined;
  // It may have come while waiters before it were about to be woken (hazard 13).
  queueWake(state, file, WHOLE_FILE);
  const inWindow = decide(state, command, context);
  state.freed.clear();
  return gives(inWindow, event)
    ? undefined
    : first.outcome.type === 'granted'
      ? 'nothing was in its way'
      : refusal(first, event);
}

function whyNotWoken(state: NlmFiles, waiter: number, next: Event | undefined): string | undefined {
  const slot = findWaiterById(state, waiter);
  if (slot === 0) return `waiter ${waiter} is not there`;
  const { waiters } = state;
  const [owner, file] = [waiters.get(slot, W_OWNER), waiters.get(slot, W_FILE)];
  const [range, exclusive] = [waiterRange(state, slot), waitsExclusively(state, slot)];
  if (findConflict(state, file, owner, range, exclusive, false) !== 0)
    return 'another owner holds what it waits for: two holders';
  // Its client said that it holds it, in answer to a callback from before.
  if (next?.type === 'grant-acknowledged' && next.lock === state.nextId) return undefined;
  if (!grants(state.life)) return 'the group grants nothing now';
  if (waitsForGrace(state, owner, file)) return 'it was granted in a grace period';
  let turns = 0;
  for (
    let other = state.files.get(file, F_WAITER);
    other !== slot && other !== 0 && turns < TURNS_MAX;
    other = waiters.get(other, W_NEXT)
  ) {
    turns += 1;
    const theirs = waiters.get(other, W_OWNER);
    const conflicts =
      theirs !== owner && (exclusive || waitsExclusively(state, other)) && overlaps(waiterRange(state, other), range);
    if (!conflicts || waitsForGrace(state, theirs, file)) continue;
    const isFree =
      findConflict(state, file, theirs, waiterRange(state, other), waitsExclusively(state, other), false) === 0;
    if (isFree) return 'another one that came before it was free to be granted: out of turn';
  }
  return undefined;
}

function waitsForGrace(state: NlmFiles, owner: OwnerId, file: FileId): boolean {
  return inGrace(state, fileSystemOf(state, file).name, addressOf(state, owner).address);
}

function whyNotMissed(state: NlmFiles, owner: OwnerId, file: FileId): string | undefined {
  if (state.missing.length === 0) return 'no grace has ended';
  return waitsForGrace(state, owner, file) ? 'it may still be reclaimed: its grace goes on' : undefined;
}

function isMissing(state: NlmFiles, scope: GraceScope): boolean {
  return state.missing.some((other) => sameScope(other, scope));
}

function ownerNamed(state: NlmFiles, owner: OwnerId): OwnerName {
  const { name, address } = clientOf(state, owner);
  return {
    client: { name, address },
    serverAddress: addressOf(state, owner).address,
    svid: state.owners.get(owner, O_SVID) | 0,
    oh: state.ownerHandles[owner]!,
  };
}

function fileNamed(state: NlmFiles, file: FileId, handle?: FileName['handle']): FileName {
  const { key, handles } = state.fileNames[file]!;
  return { key, fileSystem: fileSystemOf(state, file).name, handle: handle ?? handles[0]! };
}

function isOwner(state: NlmFiles, owner: OwnerId): boolean {
  return owner > 0 && owner < state.ownerNext && state.owners.get(owner, O_USED) === 1;
}

function isFile(state: NlmFiles, file: FileId): boolean {
  return file > 0 && file < state.fileNext && state.files.get(file, F_USED) === 1;
}

function isUsed(state: NlmFiles, owner: OwnerId): boolean {
  return [O_LOCK, O_WAITER, O_SHARES].some((field) => state.owners.get(owner, field) !== 0);
}

function holdsFile(state: NlmFiles, file: FileId): boolean {
  return [F_BY_START, F_WAITER, F_SHARES].some((field) => state.files.get(file, field) !== 0);
}
