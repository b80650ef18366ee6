/**
 * Could a decision have made this event? One rule a kind: the call that it came from is put together again from what it
 * says, and `decide` is asked; where no call is behind it, what `decide` looks at is looked at. Under fold.ts.
 */

import { unreachable } from '../../../base/assert.js';
import { U64_ZERO } from '../../../base/u64.js';
import type { CallbackForm } from '../../../core/callback-form.js';
import type { Command } from '../../../core/command.js';
import type { Event } from '../../../core/event.js';
import { gracePolicy, sameScope } from '../../../core/grace.js';
import { ownWithin } from '../../../core/held.js';
import { findClient, findFile, findOwner } from '../../../core/names.js';
import { isNewerState } from '../../../core/nsm-state.js';
import { findPending, findUnacknowledged } from '../../../core/pending.js';
import { addressOf, fileSystemOf, W_OWNER, W_FILE } from '../../../core/state.js';
import { findWaiterById, waiterRange, waitsExclusively } from '../../../core/waiters.js';
import { asked, purged, type Before } from './asked.js';
import { isFile, isOwner } from './names-unknown.js';
import { whyNotMissed, whyNotQueued, whyNotWoken } from './waits.js';

export function whyNot(before: Before, event: Event, next: Event | undefined): string | undefined {
  const { state, names, at } = before;
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
      const command: Command = {
        type: 'lock',
        owner: names.owner(owner),
        file: names.file(file, handle),
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
      };
      return asked(before, event, command, names.parties(owner, file));
    }
    case 'waiter-queued':
      return whyNotQueued(before, event);
    case 'waiter-granted':
      return whyNotWoken(state, event.waiter, next);
    case 'waiter-cancelled': {
      const slot = findWaiterById(state, event.waiter);
      if (slot === 0) return `waiter ${event.waiter} is not there`;
      if (event.call === undefined) return undefined;
      return asked(before, event, {
        type: 'cancel',
        owner: names.owner(state.waiters.get(slot, W_OWNER)),
        file: names.file(state.waiters.get(slot, W_FILE)),
        range: waiterRange(state, slot),
        exclusive: waitsExclusively(state, slot),
        block: true,
        call: event.call,
      });
    }
    case 'lock-released': {
      const { owner, file, range, call } = event;
      const command: Command = { type: 'unlock', owner: names.owner(owner), file: names.file(file), range, call };
      return asked(before, event, command, names.parties(owner, file));
    }
    case 'locks-released':
      // A step of an UNLOCK: how far it reaches in all, its last step says.
      return ownWithin(state, event.owner, event.file, event.range).length > 0
        ? undefined
        : 'its owner holds nothing there';
    case 'share-granted': {
      const { mode, access, reclaim, call } = event;
      const owner = names.owner(event.owner);
      const file = names.file(event.file, event.handle);
      return asked(before, event, { type: 'share', owner, file, mode, access, reclaim, call });
    }
    case 'share-released': {
      const { mode, access, call } = event;
      const owner = names.owner(event.owner);
      return asked(before, event, {
        type: 'unshare',
        owner,
        file: names.file(event.file),
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
      return notNewer(event.state, state.clients[event.client]!.state);
    }
    case 'client-rebooted': {
      const { name, address, state: known } = state.clients[event.client]!;
      return (
        notNewer(event.state, known) ??
        asked(before, event, { type: 'reboot', client: { name, address }, state: event.state })
      );
    }
    case 'client-freed': {
      const { name, address } = state.clients[event.client]!;
      return asked(before, event, { type: 'free-all', client: { name, address } });
    }
    case 'address-unlocked':
      return purged(before, event, { type: 'address', address: event.address });
    case 'file-system-unlocked':
      return purged(before, event, { type: 'file-system', fileSystem: event.fileSystem });
    case 'client-unlocked': {
      const { name, address } = event;
      const which = { ...(name === undefined ? {} : { name }), ...(address === undefined ? {} : { address }) };
      return purged(before, event, { type: 'client', ...which });
    }
    case 'lock-unlocked':
      return purged(before, event, { type: 'lock', lock: event.lock });
    case 'share-unlocked':
      return purged(before, event, { type: 'lock', lock: event.share });
    case 'waiter-unlocked':
      return purged(before, event, { type: 'lock', lock: event.waiter });
    case 'locks-expected':
      return event.scope.type === 'all' ? 'nothing makes all locks expected' : purged(before, event, event.scope, true);
    case 'grace-ended': {
      const { scope, why, order } = event;
      return asked(before, event, { type: 'end-grace', scope, why, order });
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
      return state.missing.some((scope) => sameScope(scope, event.scope))
        ? undefined
        : 'no grace of this scope has ended';
    case 'server-state-advanced': {
      return notNewer(event.state, state.serverStates.get(event.serverAddress) ?? 0);
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
      return asked(before, event, { type: 'claim-group', node, way, lossAccepted, order });
    }
    case 'group-serving':
      return asked(before, event, { type: 'serve-group', handles: event.handles });
    case 'group-releasing':
      return asked(before, event, { type: 'begin-release', way: event.way, order: event.order });
    case 'group-released':
      return asked(before, event, { type: 'finish-release' });
    case 'release-abandoned':
      return asked(before, event, { type: 'abandon-release', order: event.order });
    case 'takeover-step': {
      const { node, step, outcome, detail, milliseconds } = event;
      return asked(before, event, { type: 'record-step', node, step, outcome, detail, milliseconds });
    }
    default:
      return unreachable(event);
  }
}

/** How the client is called back is not in a grant, and no decision looks at it. */
const NO_CALLBACK = 0 as CallbackForm;

function notNewer(state: number, known: number): string | undefined {
  return known === 0 || isNewerState(state, known) ? undefined : `state ${state} is not newer than ${known}`;
}
