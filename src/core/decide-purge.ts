/** Unlock by address, file system, client or single lock: idempotent by command id, counted, and possibly only tried. */

import { unreachable } from '../base/assert.js';
import { countsOf } from './decide-client.js';
import type { LockId, PurgeCommand, Selector } from './command.js';
import { AGAIN, answer, type Decision } from './decision.js';
import type { Event } from './event.js';
import { findLock } from './find-lock.js';
import { L_FILE, L_OWNER } from './lock-rows.js';
import { isExpectedLock } from './held.js';
import { countsWith, type Counts } from './outcome.js';
import { clientsOf } from './select.js';
import { findShare, isExpectedShare } from './shares.js';
import { isDead, isSweeping, W_FILE, W_OWNER, type NlmFiles } from './state.js';
import { findWaiterById } from './waiters.js';

export function decidePurge(state: NlmFiles, command: PurgeCommand): Decision {
  const { selector, order, dryRun } = command;
  const known = state.commands.get(order.commandId);
  if (known !== undefined && !dryRun) {
    if (!sameSelector(known.selector, selector)) {
      return answer({ type: 'refused', why: 'this command id was used for another selector' });
    }
    const { counts, position } = known;
    return answer({ type: 'purged', selector, counts, dryRun, repeated: true, position });
  }
  if (selector.type === 'client' && selector.name === undefined && selector.address === undefined) {
    return answer({ type: 'refused', why: 'a client is selected by name, by address or by both' });
  }
  if (command.reclaimable === true && selector.type !== 'address' && selector.type !== 'file-system') {
    return answer({ type: 'refused', why: 'only what an address or a file system holds can be reclaimed' });
  }
  // The counts of one scope are exact only once the dead of the others are gone.
  if (isSweeping(state)) return AGAIN;
  const found = command.reclaimable === true ? findHeld(state, selector, order) : find(state, selector, order);
  if (found === undefined)
    return answer({ type: 'not-found', what: `lock, share or waiter ${(selector as { lock?: number }).lock}` });
  const { counts, event } = found;
  return answer({ type: 'purged', selector, counts, dryRun, repeated: false }, dryRun ? [] : [event]);
}

interface Found {
  readonly counts: Counts;
  readonly event: Event;
}

/** What becomes expected: the waiters stay, and what is expected already stays so. */
function findHeld(state: NlmFiles, scope: Selector, order: PurgeCommand['order']): Found | undefined {
  if (scope.type !== 'address' && scope.type !== 'file-system') return undefined;
  const held =
    scope.type === 'address' ? state.addressByName.get(scope.address) : state.fileSystemByName.get(scope.fileSystem);
  const counts = { locks: held?.locks ?? 0, waiters: 0, shares: held?.shares ?? 0 };
  return { counts, event: { type: 'locks-expected', scope, counts, order } };
}

function find(state: NlmFiles, selector: Selector, order: PurgeCommand['order']): Found | undefined {
  switch (selector.type) {
    case 'address': {
      const { address } = selector;
      const counts = countsOf(state.addressByName.get(address));
      return { counts, event: { type: 'address-unlocked', address, counts, order } };
    }
    case 'file-system': {
      const { fileSystem } = selector;
      const counts = countsOf(state.fileSystemByName.get(fileSystem));
      return { counts, event: { type: 'file-system-unlocked', fileSystem, counts, order } };
    }
    case 'client': {
      const { type: _, ...which } = selector;
      const sum = { locks: 0, waiters: 0, shares: 0, expected: 0, expectedShares: 0 };
      for (const client of clientsOf(state, selector)) {
        sum.locks += client.locks;
        sum.waiters += client.waiters;
        sum.shares += client.shares;
        sum.expected += client.expected;
        sum.expectedShares += client.expectedShares;
      }
      const counts = countsOf(sum);
      return { counts, event: { type: 'client-unlocked', ...which, counts, order } };
    }
    case 'lock': {
      const other = findShareOrWaiter(state, selector.lock, order);
      if (other !== undefined) return other;
      const slot = findLock(state, selector.lock);
      if (slot === 0) return undefined;
      const counts = countsWith({ locks: 1, waiters: 0, shares: 0 }, isExpectedLock(state, slot) ? 1 : 0, 0);
      const owner = state.locks.get(slot, L_OWNER);
      const file = state.locks.get(slot, L_FILE);
      const range = state.locks.rangeOf(slot);
      return { counts, event: { type: 'lock-unlocked', lock: selector.lock, owner, file, range, counts, order } };
    }
    default:
      return unreachable(selector);
  }
}

/** One counter numbers locks, shares and waiters. */
function findShareOrWaiter(state: NlmFiles, id: LockId, order: PurgeCommand['order']): Found | undefined {
  const share = findShare(state, id);
  if (share !== undefined) {
    const counts = countsWith({ locks: 0, waiters: 0, shares: 1 }, 0, isExpectedShare(state, share) ? 1 : 0);
    return { counts, event: { type: 'share-unlocked', share: id, owner: share.owner, counts, order } };
  }
  const slot = findWaiterById(state, id);
  if (slot === 0) return undefined;
  const owner = state.waiters.get(slot, W_OWNER);
  if (isDead(state, owner, state.waiters.get(slot, W_FILE), id)) return undefined;
  const counts = { locks: 0, waiters: 1, shares: 0 };
  return { counts, event: { type: 'waiter-unlocked', waiter: id, owner, counts, order } };
}

function sameSelector(a: Selector, b: Selector): boolean {
  switch (a.type) {
    case 'address':
      return b.type === a.type && a.address === b.address;
    case 'file-system':
      return b.type === a.type && a.fileSystem === b.fileSystem;
    case 'client':
      return b.type === a.type && a.name === b.name && a.address === b.address;
    case 'lock':
      return b.type === a.type && a.lock === b.lock;
    default:
      return unreachable(a);
  }
}
