/** Bulk drops in constant time, and the cursors of the sweeps that follow them. Part of `evolve`. */

import { L_NEXT } from './lock-rows.js';
import {
  W_FILE,
  W_NEXT,
  W_OWNER_NEXT,
  type AddressScope,
  type Client,
  type FileSystemScope,
  type NlmFiles,
  type Scope,
  type SweepTask,
} from './state.js';

/** Part of `evolve`: everything that came in through the address so far is dead. */
export function markAddress(state: NlmFiles, address: AddressScope): void {
  address.pins.length = 0;
  mark(state, address, 'address');
}

/** Part of `evolve`: everything on the file system so far is dead. */
export function markFileSystem(state: NlmFiles, fileSystem: FileSystemScope): void {
  for (const { pins } of state.addresses) pins[fileSystem.id] = undefined;
  mark(state, fileSystem, 'file-system');
}

/** Part of `evolve`: everything of the client so far is dead. What of it pins a file system is counted until it is swept. */
export function markClient(state: NlmFiles, client: Client): void {
  mark(state, client, 'client');
}

function mark(state: NlmFiles, scope: Scope, kind: SweepTask['kind']): void {
  scope.mark = state.nextId;
  scope.locks = 0;
  scope.shares = 0;
  scope.waiters = 0;
  scope.expected = 0;
  scope.expectedShares = 0;
  beginSweep(state, scope, kind);
}

/**
 * Part of `evolve`: everything that the scope holds so far is expected to be reclaimed; its waiters wait on. No sweep
 * may be under way: the counts have to be exact.
 */
export function markExpected(state: NlmFiles, scope: Scope, kind: SweepTask['kind']): void {
  scope.expectMark = state.nextId;
  state.lockCount -= scope.locks;
  state.shareCount -= scope.shares;
  scope.expected += scope.locks;
  scope.expectedShares += scope.shares;
  scope.locks = 0;
  scope.shares = 0;
  beginSweep(state, scope, kind);
}

function beginSweep(state: NlmFiles, scope: Scope, kind: SweepTask['kind']): void {
  if (scope.head === 0) return;
  state.sweeps.push({
    kind,
    at: scope.head,
    lock: 0,
    waiter: 0,
    owner: 0,
    startHigh: 0,
    startLow: 0,
    locksDone: false,
    begun: false,
    pending: state.pending.values(),
    pendingDone: false,
    shares: state.shares.values(),
    sharesDone: false,
  });
}

/** A row is about to leave its lists: no cursor may stay on it. */
export function rowLeaves(state: NlmFiles, slot: number, type: 'lock' | 'waiter'): void {
  for (const task of state.sweeps) {
    if (type === 'lock') {
      if (task.lock === slot && task.kind !== 'file-system') task.lock = state.locks.get(slot, L_NEXT);
    } else if (task.waiter === slot) {
      task.waiter = state.waiters.get(slot, task.kind === 'file-system' ? W_NEXT : W_OWNER_NEXT);
    }
  }
  if (type === 'waiter') {
    const freed = state.freed.get(state.waiters.get(slot, W_FILE));
    if (freed?.next === slot) freed.next = state.waiters.get(slot, W_NEXT);
  }
}
