/**
 * Reclaims what a bulk drop has marked, and flags what a mark made expected, in slices: `evolve` only sets the mark. What a sweep finds is dead for every
 * reader already, so when it runs changes nothing that the fold says.
 */

import type { Bytes } from '../base/bytes.js';
import type { LockId, ShareBits } from './command.js';
import type { FileId, OwnerId } from './event.js';
import { dropLock } from './held.js';
import { EXPECTED, L_FILE, L_FLAGS, L_ID, L_NEXT, L_OWNER, L_START_HIGH, L_START_LOW } from './lock-rows.js';
import { settleFile, settleOwner } from './names.js';
import { dropPending } from './pending.js';
import type { Range } from './range.js';
import { recountExpected } from './counts.js';
import {
  addressOf,
  clientOf,
  F_BY_OWNER,
  F_NEXT,
  F_WAITER,
  fileSystemOf,
  isDead,
  isExpected,
  O_ADDRESS_NEXT,
  O_CLIENT_NEXT,
  O_LOCK,
  O_SVID,
  O_WAITER,
  W_FILE,
  W_ID,
  W_NEXT,
  W_OWNER,
  W_OWNER_NEXT,
  type NlmFiles,
  type SweepTask,
} from './state.js';
import { dropWaiter, waiterRange, waitsExclusively } from './waiters.js';
import { dropShare, isExpectedShare } from './shares.js';
import { queueWake, WHOLE_FILE } from './wake-queue.js';

/** A row that a sweep reclaims, for the report of a purge. */
export interface DroppedRow {
  readonly type: 'lock' | 'waiter' | 'share';
  readonly id: LockId;
  readonly clientName: Bytes;
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: Bytes;
  readonly file: FileId;
  readonly fileSystem: string;
  readonly handle: Bytes;
  readonly range: Range;
  readonly exclusive: boolean;
  /** Of a share; its range is the whole file. */
  readonly mode?: ShareBits;
  readonly access?: ShareBits;
}

/**
 * Looks at up to `budget` rows and reclaims the dead among them. True once nothing is left to do. `dropped` sees each
 * dead row just before it goes, and each row that is expected from a mark on.
 */
export function sweep(state: NlmFiles, budget: number, dropped?: (row: DroppedRow) => void): boolean {
  let left = budget;
  while (state.sweeps.length > 0) {
    if (left <= 0) return false;
    const task = state.sweeps[0]!;
    if (!task.pendingDone) left -= sweepPending(state, task, left);
    else if (!task.sharesDone) left -= sweepShares(state, task, left, dropped);
    else left -= sweepRows(state, task, left, dropped);
    if (task.sharesDone && task.at === 0) state.sweeps.shift();
  }
  return true;
}

function sweepPending(state: NlmFiles, task: SweepTask, budget: number): number {
  let steps = 0;
  for (; steps < budget; steps += 1) {
    const { value: grant } = task.pending.next();
    if (grant === undefined) {
      task.pendingDone = true;
      break;
    }
    if (isDead(state, grant.owner, grant.file, grant.lock)) dropPending(state, grant);
  }
  return steps + 1;
}

function sweepShares(
  state: NlmFiles,
  task: SweepTask,
  budget: number,
  dropped: ((row: DroppedRow) => void) | undefined,
): number {
  let steps = 0;
  for (; steps < budget; steps += 1) {
    const { value: share } = task.shares.next();
    if (share === undefined) {
      task.sharesDone = true;
      break;
    }
    const { owner, file, id, mode, access } = share;
    if (isDead(state, owner, file, id)) {
      dropped?.({ ...describe(state, 'share', owner, file, id, WHOLE_FILE, false), mode, access });
      dropShare(state, share);
    } else if (!share.expected && isExpectedShare(state, share)) {
      dropped?.({ ...describe(state, 'share', owner, file, id, WHOLE_FILE, false), mode, access });
      recountExpected(state, owner, file, id, 'shares');
      share.expected = true;
    }
  }
  return steps + 1;
}

function sweepRows(
  state: NlmFiles,
  task: SweepTask,
  budget: number,
  dropped: ((row: DroppedRow) => void) | undefined,
): number {
  let steps = 0;
  while (task.at !== 0 && steps < budget) {
    steps += 1;
    if (!task.begun) begin(state, task);
    if (!task.locksDone) {
      const slot = nextLock(state, task);
      if (slot === 0) task.locksDone = true;
      else sweepLock(state, slot, dropped);
    } else if (task.waiter !== 0) {
      const slot = task.waiter;
      task.waiter = state.waiters.get(slot, task.kind === 'file-system' ? W_NEXT : W_OWNER_NEXT);
      sweepWaiter(state, slot, dropped);
    } else {
      task.begun = false;
      task.at =
        task.kind === 'file-system'
          ? state.files.get(task.at, F_NEXT)
          : state.owners.get(task.at, task.kind === 'address' ? O_ADDRESS_NEXT : O_CLIENT_NEXT);
    }
  }
  return steps;
}

function begin(state: NlmFiles, task: SweepTask): void {
  const byFile = task.kind === 'file-system';
  task.begun = true;
  task.locksDone = false;
  task.lock = byFile ? 0 : state.owners.get(task.at, O_LOCK);
  task.waiter = byFile ? state.files.get(task.at, F_WAITER) : state.owners.get(task.at, O_WAITER);
  task.owner = 0;
  task.startHigh = 0;
  task.startLow = 0;
}

function nextLock(state: NlmFiles, task: SweepTask): number {
  const { locks } = state;
  if (task.kind !== 'file-system') {
    const slot = task.lock;
    if (slot !== 0) task.lock = locks.get(slot, L_NEXT);
    return slot;
  }
  const slot = state.byOwner.next(state.files.get(task.at, F_BY_OWNER), task.owner, {
    high: task.startHigh,
    low: task.startLow,
  });
  if (slot !== 0) {
    task.owner = locks.get(slot, L_OWNER);
    task.startHigh = locks.get(slot, L_START_HIGH);
    task.startLow = locks.get(slot, L_START_LOW);
  }
  return slot;
}

function sweepLock(state: NlmFiles, slot: number, dropped: ((row: DroppedRow) => void) | undefined): void {
  const { locks } = state;
  const owner = locks.get(slot, L_OWNER);
  const file = locks.get(slot, L_FILE);
  const id = locks.getWide(slot, L_ID);
  if (!isDead(state, owner, file, id)) {
    const flags = locks.get(slot, L_FLAGS);
    if ((flags & EXPECTED) !== 0 || !isExpected(state, owner, file, id, false)) return;
    dropped?.(describe(state, 'lock', owner, file, id, locks.rangeOf(slot), locks.isExclusive(slot)));
    recountExpected(state, owner, file, id, 'locks');
    locks.set(slot, L_FLAGS, flags | EXPECTED);
    return;
  }
  const range = locks.rangeOf(slot);
  dropped?.(describe(state, 'lock', owner, file, id, range, locks.isExclusive(slot)));
  dropLock(state, slot);
  settleOwner(state, owner);
  settleFile(state, file);
  queueWake(state, file, range);
}

function sweepWaiter(state: NlmFiles, slot: number, dropped: ((row: DroppedRow) => void) | undefined): void {
  const { waiters } = state;
  const owner = waiters.get(slot, W_OWNER);
  const file = waiters.get(slot, W_FILE);
  const id = waiters.getWide(slot, W_ID);
  if (!isDead(state, owner, file, id)) return;
  dropped?.(describe(state, 'waiter', owner, file, id, waiterRange(state, slot), waitsExclusively(state, slot)));
  dropWaiter(state, slot);
}

function describe(
  state: NlmFiles,
  type: DroppedRow['type'],
  owner: OwnerId,
  file: FileId,
  id: LockId,
  range: Range,
  exclusive: boolean,
): DroppedRow {
  const client = clientOf(state, owner);
  const names = state.fileNames[file]!;
  return {
    type,
    id,
    clientName: client.name,
    clientAddress: client.address,
    serverAddress: addressOf(state, owner).address,
    svid: state.owners.get(owner, O_SVID) | 0,
    oh: state.ownerHandles[owner]!,
    file,
    fileSystem: fileSystemOf(state, file).name,
    handle: names.handles[0]!,
    range,
    exclusive,
  };
}
