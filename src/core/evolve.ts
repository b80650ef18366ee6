/**
 * `evolve`: one event into the projection. Total and deterministic, in place; a recorded event is a fact, so nothing is
 * refused here, and an event about something that is not there changes nothing.
 */

import { unreachable } from '../base/assert.js';
import type {
  At,
  Event,
  GrantUndone,
  LockGranted,
  LockReleased,
  ShareGranted,
  ShareReleased,
  WaiterGranted,
  WaiterQueued,
} from './event.js';
import { hold, letGo, missLock, ownWithin } from './held.js';
import { voidReplies } from './late-copy.js';
import { EXCLUSIVE, HANDLE_SHIFT, RECLAIMED, UNMONITORED } from './lock-rows.js';
import { markAddress, markClient, markFileSystem } from './marks.js';
import {
  forgetClient,
  forgetFile,
  forgetOwner,
  handleNumber,
  meetClient,
  meetFile,
  meetOwner,
  settleClient,
} from './names.js';
import { acknowledgeThere, addPending, dropPending, findPending, keepUndoable, undoGrant } from './pending.js';
import type { CallIdentity, LockId, Selector } from './command.js';
import type { OwnerId } from './event.js';
import { evolveLife } from './evolve-life.js';
import { evolveNsm } from './evolve-nsm.js';
import { beginMisses, endMisses, expectHeld, openGrace } from './expect.js';
import { closeGrace } from './grace.js';
import { EXPIRED_REPLIES_MAX } from './limits.js';
import type { Counts } from './outcome.js';
import { covers } from './range.js';
import { countRecorded, countTold } from './refusals.js';
import type { Procedure } from './replies.js';
import { clientsOf } from './select.js';
import { addShare, dropShare, findOwnShare } from './shares.js';
import { clientOf, O_WAITER, W_FILE, W_FLAGS, W_OWNER, W_OWNER_NEXT, type Client, type NlmFiles } from './state.js';
import { sweep } from './sweep.js';
import {
  addWaiter,
  dropWaiter,
  findWaiter,
  findWaiterById,
  FORM_SHIFT,
  waiterCallback,
  waiterLength,
  waiterRange,
} from './waiters.js';
import { queueAllWakes } from './wake-queue.js';

export function evolve(state: NlmFiles, event: Event, at: At): void {
  if (at.epoch < state.epoch) {
    state.violations += 1;
    return;
  }
  state.epoch = at.epoch;
  state.position = at.position;
  state.time = at.time;
  switch (event.type) {
    case 'node-started':
      return;
    case 'rules-set':
      state.rules = event.rules;
      return;
    case 'client-met':
      return meetClient(state, event);
    case 'owner-met':
      return meetOwner(state, event);
    case 'file-met':
      return meetFile(state, event);
    case 'names-forgotten':
      // Only a replay gets here with the dead still in the tables.
      sweep(state, Number.POSITIVE_INFINITY);
      for (const file of event.files) forgetFile(state, file);
      for (const owner of event.owners) forgetOwner(state, owner);
      for (const client of event.clients) forgetClient(state, client);
      return;
    case 'lock-granted':
      return lockGranted(state, event, at);
    case 'lock-released':
      return lockReleased(state, event, at);
    case 'locks-released':
      acknowledgeThere(state, event.owner, event.file, event.range);
      return letGo(state, event.owner, event.file, event.range);
    case 'waiter-queued':
      return waiterQueued(state, event, at);
    case 'waiter-granted':
      return waiterGranted(state, event, at);
    case 'waiter-cancelled': {
      const slot = findWaiterById(state, event.waiter);
      if (slot === 0) return;
      const owner = state.waiters.get(slot, W_OWNER);
      dropWaiter(state, slot);
      return remember(state, owner, 'cancel', event.call, 0, at);
    }
    case 'grant-acknowledged': {
      const grant = findPending(state, event.lock);
      if (grant === undefined) return;
      return event.by === 'lock' ? dropPending(state, grant) : keepUndoable(state, grant);
    }
    case 'grant-undone':
      return grantUndone(state, event, at);
    case 'client-state-learned':
      state.clients[event.client]!.state = event.state;
      return;
    case 'client-rebooted':
      dropAll(state, state.clients[event.client], markClient, event.counts);
      state.clients[event.client]!.state = event.state;
      return;
    case 'client-freed':
      return dropAll(state, state.clients[event.client], markClient, event.counts);
    case 'address-unlocked':
      dropAll(state, state.addressByName.get(event.address), markAddress, event.counts);
      return done(state, { type: 'address', address: event.address }, event, at);
    case 'file-system-unlocked':
      dropAll(state, state.fileSystemByName.get(event.fileSystem), markFileSystem, event.counts);
      return done(state, { type: 'file-system', fileSystem: event.fileSystem }, event, at);
    case 'client-unlocked': {
      const selector: Selector = {
        type: 'client',
        ...(event.name === undefined ? {} : { name: event.name }),
        ...(event.address === undefined ? {} : { address: event.address }),
      };
      for (const client of clientsOf(state, selector)) markClient(state, client);
      subtract(state, event.counts);
      return done(state, selector, event, at);
    }
    case 'lock-unlocked': {
      const grant = findPending(state, event.lock);
      if (grant !== undefined) dropPending(state, grant);
      letGo(state, event.owner, event.file, event.range);
      voidReplies(state, event.owner);
      return done(state, { type: 'lock', lock: event.lock }, event, at);
    }
    case 'share-unlocked': {
      const share = state.shares.get(event.share);
      if (share !== undefined) dropShare(state, share);
      voidReplies(state, event.owner);
      return done(state, { type: 'lock', lock: event.share }, event, at);
    }
    case 'waiter-unlocked': {
      const slot = findWaiterById(state, event.waiter);
      if (slot !== 0) dropWaiter(state, slot);
      voidReplies(state, event.owner);
      return done(state, { type: 'lock', lock: event.waiter }, event, at);
    }
    case 'grace-opened':
      return openGrace(state, event.scope, event.until, event.policy, event.expect);
    case 'grace-ended':
      closeGrace(state, event.scope);
      beginMisses(state, event.scope);
      return queueAllWakes(state);
    case 'locks-expected':
      expectHeld(state, event.scope);
      if (event.scope.type !== 'all') done(state, event.scope, event, at);
      return;
    case 'reclaim-missed':
      state.reclaims = { ...state.reclaims, missed: state.reclaims.missed + 1 };
      missLock(state, event.owner, event.file, event.range);
      return voidReplies(state, event.owner);
    case 'expected-yielded':
      letGo(state, event.owner, event.file, event.range);
      return voidReplies(state, event.owner);
    case 'share-yielded':
    case 'share-missed': {
      const share = state.shares.get(event.share);
      if (share !== undefined) dropShare(state, share);
      state.reclaims = { ...state.reclaims, missed: state.reclaims.missed + 1 };
      return voidReplies(state, event.owner);
    }
    case 'reclaims-settled':
      return endMisses(state, event.scope);
    case 'reclaim-refused':
    case 'reclaim-conflict':
    case 'call-refused':
      return countRecorded(state, event, at.time);
    case 'refusals-counted':
      return countTold(state, event);
    case 'share-granted':
      return shareGranted(state, event, at);
    case 'share-released':
      return shareReleased(state, event, at);
    case 'call-noted':
      return rememberOf(state, state.clients[event.client]!, event.procedure, event.call, 0, at);
    case 'server-state-advanced':
      state.serverStates.set(event.serverAddress, event.state);
      return;
    case 'host-monitored':
    case 'host-unmonitored':
    case 'client-monitored':
    case 'client-notified':
    case 'notify-ordered':
      return evolveNsm(state, event, at);
    case 'group-claimed':
    case 'group-serving':
    case 'group-releasing':
    case 'group-released':
    case 'release-abandoned':
    case 'takeover-step':
      return evolveLife(state, event, at);
    default:
      return unreachable(event);
  }
}

function lockGranted(state: NlmFiles, event: LockGranted, at: At): void {
  const { owner, file, range, exclusive } = event;
  acknowledgeThere(state, owner, file, range);
  // It has what it waited for.
  const waiter = findWaiter(state, owner, file, range, exclusive);
  if (waiter !== 0) dropWaiter(state, waiter);
  const flags =
    (exclusive ? EXCLUSIVE : 0) |
    (event.reclaim ? RECLAIMED : 0) |
    (event.monitored ? 0 : UNMONITORED) |
    (handleNumber(state, file, event.handle) << HANDLE_SHIFT);
  if (event.reclaim) countReclaim(state);
  const lock = hold(state, owner, file, range, flags, at.time);
  rememberLock(state, owner, event.call, lock, at);
}

function lockReleased(state: NlmFiles, event: LockReleased, at: At): void {
  const { owner, file, range } = event;
  acknowledgeThere(state, owner, file, range);
  const { waiters } = state;
  for (let slot = state.owners.get(owner, O_WAITER); slot !== 0;) {
    const next = waiters.get(slot, W_OWNER_NEXT);
    if (waiters.get(slot, W_FILE) === file && covers(range, waiterRange(state, slot))) dropWaiter(state, slot);
    slot = next;
  }
  letGo(state, owner, file, range);
  remember(state, owner, 'unlock', event.call, 0, at);
}

function waiterQueued(state: NlmFiles, event: WaiterQueued, at: At): void {
  const { owner, file, range, length } = event;
  const flags =
    (event.exclusive ? EXCLUSIVE : 0) |
    (event.callback << FORM_SHIFT) |
    (handleNumber(state, file, event.handle) << HANDLE_SHIFT);
  const id = state.nextId++;
  addWaiter(state, { owner, file, range, length, flags, id, time: at.time });
  rememberLock(state, owner, event.call, id, at);
}

function waiterGranted(state: NlmFiles, event: WaiterGranted, at: At): void {
  const { waiters } = state;
  const slot = findWaiterById(state, event.waiter);
  if (slot === 0) return;
  const owner = waiters.get(slot, W_OWNER);
  const file = waiters.get(slot, W_FILE);
  const flags = waiters.get(slot, W_FLAGS);
  const range = waiterRange(state, slot);
  const length = waiterLength(state, slot);
  const replaced = ownWithin(state, owner, file, range);
  acknowledgeThere(state, owner, file, range);
  const exclusive = (flags & EXCLUSIVE) !== 0;
  const handle = flags >>> HANDLE_SHIFT;
  const callback = waiterCallback(state, slot);
  dropWaiter(state, slot);
  const lock = hold(state, owner, file, range, (exclusive ? EXCLUSIVE : 0) | (handle << HANDLE_SHIFT), at.time);
  addPending(state, { lock, owner, file, range, length, exclusive, callback, handle, time: at.time, replaced });
}

function grantUndone(state: NlmFiles, event: GrantUndone, at: At): void {
  const grant = findPending(state, event.lock);
  if (grant === undefined) return;
  undoGrant(state, grant, at.time);
  remember(state, grant.owner, 'cancel', event.call, 0, at);
}

function dropAll<T>(
  state: NlmFiles,
  scope: T | undefined,
  mark: (state: NlmFiles, scope: T) => void,
  counts: Counts,
): void {
  if (scope !== undefined) mark(state, scope);
  subtract(state, counts);
}

function subtract(state: NlmFiles, counts: Counts): void {
  state.lockCount -= counts.locks - (counts.expected ?? 0);
  state.shareCount -= counts.shares - (counts.expectedShares ?? 0);
  state.waiterCount -= counts.waiters;
}

function shareGranted(state: NlmFiles, event: ShareGranted, at: At): void {
  const { owner, file, mode, access } = event;
  const expected = findOwnShare(state, file, owner, mode, access, true);
  if (expected !== undefined) dropShare(state, expected);
  const id = state.nextId++;
  const handle = handleNumber(state, file, event.handle);
  const { reclaim: reclaimed, call } = event;
  if (reclaimed) countReclaim(state);
  addShare(state, { id, owner, file, mode, access, handle, reclaimed, time: at.time, expected: false });
  remember(state, owner, 'share', call, id, at);
}

function shareReleased(state: NlmFiles, event: ShareReleased, at: At): void {
  const { owner, file, mode, access } = event;
  const share =
    findOwnShare(state, file, owner, mode, access, false) ?? findOwnShare(state, file, owner, mode, access, true);
  if (share !== undefined) dropShare(state, share);
  remember(state, owner, 'unshare', event.call, 0, at);
}

function countReclaim(state: NlmFiles): void {
  state.reclaims = { ...state.reclaims, reclaimed: state.reclaims.reclaimed + 1 };
}

function rememberLock(state: NlmFiles, owner: OwnerId, call: CallIdentity, id: LockId, at: At): void {
  state.lockCalls.add(clientOf(state, owner).id, call, id, at.time, state.rules.repliesMax);
}

function remember(
  state: NlmFiles,
  owner: OwnerId,
  procedure: Procedure,
  call: CallIdentity | undefined,
  id: LockId,
  at: At,
): void {
  if (call !== undefined) rememberOf(state, clientOf(state, owner), procedure, call, id, at);
}

function rememberOf(
  state: NlmFiles,
  client: Client,
  procedure: Procedure,
  call: CallIdentity,
  id: LockId,
  at: At,
): void {
  client.replies += 1;
  state.replies.add(client.id, procedure, call, id, at.time);
  settleClient(state, client);
  const { repliesMax, replyAgeMsMax } = state.rules;
  const notBefore = at.time - replyAgeMsMax;
  for (let expired = 0; state.replies.isBeyond(repliesMax, notBefore); expired += 1) {
    // What is only old goes in bounded steps.
    if (expired >= EXPIRED_REPLIES_MAX && state.replies.count <= repliesMax) return;
    const theirs = state.clients[state.replies.dropOldest()]!;
    theirs.replies -= 1;
    settleClient(state, theirs);
  }
}

function done(
  state: NlmFiles,
  selector: Selector,
  event: { readonly counts: Counts; readonly order: { readonly commandId: string } },
  at: At,
): void {
  const { commands, rules } = state;
  const { commandId } = event.order;
  commands.delete(commandId);
  commands.set(commandId, { selector, counts: event.counts, position: at.position, time: at.time });
  for (const [id, known] of commands) {
    if (commands.size <= rules.commandsMax && known.time >= at.time - rules.commandAgeMsMax) break;
    commands.delete(id);
  }
}
