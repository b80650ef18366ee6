/** What each scope holds: counted as it is taken and given back. Part of `evolve`. */

import type { FileId, OwnerId } from './event.js';
import {
  addressOf,
  clientOf,
  fileSystemOf,
  type AddressScope,
  type Client,
  type FileSystemScope,
  type NlmFiles,
  type Pins,
  type Scope,
} from './state.js';

/** By name and not by key. */
function add(scope: Scope, what: 'waiters' | 'shares', expected: boolean, by: 1 | -1): void {
  if (what === 'waiters') scope.waiters += by;
  else if (expected) scope.expectedShares += by;
  else scope.shares += by;
}

function pinsOn({ pins }: AddressScope, { id }: FileSystemScope): Pins {
  return (pins[id] ??= { locks: 0, shares: 0, waiters: 0 });
}

/**
 * One lock more, in every scope. Scope by scope, here and in `uncountLock`: on the path of every lock and unlock, and V8 is
 * several times as fast where a line of code sees objects of one kind alone.
 */
export function countLock(state: NlmFiles, owner: OwnerId, file: FileId, flagged: boolean): void {
  const client = clientOf(state, owner);
  const address = addressOf(state, owner);
  const fileSystem = fileSystemOf(state, file);
  pinsOn(address, fileSystem).locks += 1;
  if (flagged) {
    client.expected += 1;
    address.expected += 1;
    fileSystem.expected += 1;
    return;
  }
  client.locks += 1;
  address.locks += 1;
  fileSystem.locks += 1;
  state.lockCount += 1;
}

/** One lock less, in every scope that still counts it. */
export function uncountLock(state: NlmFiles, owner: OwnerId, file: FileId, id: number, flagged: boolean): void {
  const client = clientOf(state, owner);
  const address = addressOf(state, owner);
  const fileSystem = fileSystemOf(state, file);
  const inAddress = id >= address.mark;
  const inFileSystem = id >= fileSystem.mark;
  const byAddress = flagged || id < address.expectMark;
  const byFileSystem = flagged || id < fileSystem.expectMark;
  const inClient = id >= client.mark;
  if (inClient) {
    if (flagged) client.expected -= 1;
    else client.locks -= 1;
  }
  if (inAddress) {
    if (byAddress) address.expected -= 1;
    else address.locks -= 1;
  }
  if (inFileSystem) {
    if (byFileSystem) fileSystem.expected -= 1;
    else fileSystem.locks -= 1;
  }
  if (!inAddress || !inFileSystem) return;
  pinsOn(address, fileSystem).locks -= 1;
  if (inClient && !byAddress && !byFileSystem) state.lockCount -= 1;
}

/** One share or waiter less, in every scope that still counts it. */
export function uncount(
  state: NlmFiles,
  owner: OwnerId,
  file: FileId,
  id: number,
  what: 'waiters' | 'shares',
  flagged = false,
): void {
  const client = clientOf(state, owner);
  const address = addressOf(state, owner);
  const fileSystem = fileSystemOf(state, file);
  const byAddress = flagged || id < address.expectMark;
  const byFileSystem = flagged || id < fileSystem.expectMark;
  if (id >= client.mark) add(client, what, flagged, -1);
  if (id >= address.mark) add(address, what, byAddress, -1);
  if (id >= fileSystem.mark) add(fileSystem, what, byFileSystem, -1);
  if (id < address.mark || id < fileSystem.mark) return;
  pinsOn(address, fileSystem)[what] -= 1;
  if (id < client.mark) return;
  if (what === 'waiters') state.waiterCount -= 1;
  else if (!byAddress && !byFileSystem) state.shareCount -= 1;
}

export function count(
  state: NlmFiles,
  owner: OwnerId,
  file: FileId,
  what: 'waiters' | 'shares',
  flagged = false,
): void {
  const address = addressOf(state, owner);
  const fileSystem = fileSystemOf(state, file);
  add(clientOf(state, owner), what, flagged, 1);
  add(address, what, flagged, 1);
  add(fileSystem, what, flagged, 1);
  pinsOn(address, fileSystem)[what] += 1;
  if (what === 'waiters') state.waiterCount += 1;
  else if (!flagged) state.shareCount += 1;
}

/** So many locks of an owner at once, none of them dead: from a checkpoint. */
export function countLocks(
  state: NlmFiles,
  client: Client,
  address: AddressScope,
  fileSystem: FileSystemScope,
  held: number,
  expected: number,
): void {
  for (const scope of [client, address, fileSystem]) {
    scope.locks += held;
    scope.expected += expected;
  }
  pinsOn(address, fileSystem).locks += held + expected;
  state.lockCount += held;
}

/** A sweep flags what a mark has made expected: the scopes that the mark did not name count it over. */
export function recountExpected(
  state: NlmFiles,
  owner: OwnerId,
  file: FileId,
  id: number,
  what: 'locks' | 'shares',
): void {
  for (const scope of [clientOf(state, owner), addressOf(state, owner), fileSystemOf(state, file)]) {
    if (id < scope.mark || id < scope.expectMark) continue;
    if (what === 'locks') {
      scope.locks -= 1;
      scope.expected += 1;
    } else {
      scope.shares -= 1;
      scope.expectedShares += 1;
    }
  }
}
