/** The waiters of a file in the order of their coming, and those of an owner. Part of `evolve`, but for the finders. */

import { CALLBACK_FORM_BITS, type CallbackForm } from './callback-form.js';
import type { FileId, OwnerId, WaiterId } from './event.js';
import { mix } from './hash-index.js';
import { linkFront, unlink } from './links.js';
import { EXCLUSIVE } from './lock-rows.js';
import { settleFile, settleOwner } from './names.js';
import { equalRange, type Range } from './range.js';
import { count, uncount } from './counts.js';
import {
  F_WAITER,
  F_WAITER_LAST,
  F_WAITERS,
  isDead,
  O_WAITER,
  O_WAITERS,
  W_END_HIGH,
  W_END_LOW,
  W_FILE,
  W_FLAGS,
  W_ID,
  W_LENGTH_HIGH,
  W_LENGTH_LOW,
  W_NEXT,
  W_OWNER,
  W_OWNER_NEXT,
  W_OWNER_PREVIOUS,
  W_PREVIOUS,
  W_START_HIGH,
  W_START_LOW,
  W_TIME,
  type NlmFiles,
} from './state.js';
import { rowLeaves } from './marks.js';
import type { U64 } from '../base/u64.js';

/** In W_FLAGS. */
export const FORM_SHIFT = 1;
const FORM_MASK = (1 << CALLBACK_FORM_BITS) - 1;

export function addWaiter(
  state: NlmFiles,
  waiter: {
    readonly owner: OwnerId;
    readonly file: FileId;
    readonly range: Range;
    readonly length: U64;
    readonly flags: number;
    readonly id: WaiterId;
    readonly time: number;
  },
  place: 'first' | 'last' = 'last',
): number {
  const { waiters, files, owners } = state;
  const { owner, file } = waiter;
  const slot = waiters.take();
  waiters.set(slot, W_OWNER, owner);
  waiters.set(slot, W_FILE, file);
  waiters.set(slot, W_START_HIGH, waiter.range.start.high);
  waiters.set(slot, W_START_LOW, waiter.range.start.low);
  waiters.set(slot, W_END_HIGH, waiter.range.end.high);
  waiters.set(slot, W_END_LOW, waiter.range.end.low);
  waiters.set(slot, W_LENGTH_HIGH, waiter.length.high);
  waiters.set(slot, W_LENGTH_LOW, waiter.length.low);
  waiters.set(slot, W_FLAGS, waiter.flags);
  waiters.setWide(slot, W_ID, waiter.id);
  waiters.setWide(slot, W_TIME, waiter.time);
  const last = files.get(file, F_WAITER_LAST);
  if (place === 'last' && last !== 0) {
    waiters.set(slot, W_PREVIOUS, last);
    waiters.set(slot, W_NEXT, 0);
    waiters.set(last, W_NEXT, slot);
    files.set(file, F_WAITER_LAST, slot);
  } else {
    files.set(file, F_WAITER, linkFront(waiters, W_NEXT, W_PREVIOUS, files.get(file, F_WAITER), slot));
    if (last === 0) files.set(file, F_WAITER_LAST, slot);
  }
  files.set(file, F_WAITERS, files.get(file, F_WAITERS) + 1);
  owners.set(owner, O_WAITER, linkFront(waiters, W_OWNER_NEXT, W_OWNER_PREVIOUS, owners.get(owner, O_WAITER), slot));
  owners.set(owner, O_WAITERS, owners.get(owner, O_WAITERS) + 1);
  state.waiterIndex.add(idHash(waiter.id), slot);
  count(state, owner, file, 'waiters');
  settleOwner(state, owner);
  settleFile(state, file);
  return slot;
}

export function dropWaiter(state: NlmFiles, slot: number): void {
  const { waiters, files, owners } = state;
  const owner = waiters.get(slot, W_OWNER);
  const file = waiters.get(slot, W_FILE);
  const id = waiters.getWide(slot, W_ID);
  rowLeaves(state, slot, 'waiter');
  if (files.get(file, F_WAITER_LAST) === slot) files.set(file, F_WAITER_LAST, waiters.get(slot, W_PREVIOUS));
  files.set(file, F_WAITER, unlink(waiters, W_NEXT, W_PREVIOUS, files.get(file, F_WAITER), slot));
  files.set(file, F_WAITERS, files.get(file, F_WAITERS) - 1);
  owners.set(owner, O_WAITER, unlink(waiters, W_OWNER_NEXT, W_OWNER_PREVIOUS, owners.get(owner, O_WAITER), slot));
  owners.set(owner, O_WAITERS, owners.get(owner, O_WAITERS) - 1);
  state.waiterIndex.remove(idHash(id), slot);
  uncount(state, owner, file, id, 'waiters');
  // A free row is in no file: a page's cursor may still point at it.
  waiters.set(slot, W_FILE, 0);
  waiters.release(slot);
  settleOwner(state, owner);
  settleFile(state, file);
}

/** The slot of a waiter by its number, or 0. */
export function findWaiterById(state: NlmFiles, id: WaiterId): number {
  const hash = idHash(id);
  for (let place = state.waiterIndex.first(hash); ; place = state.waiterIndex.after(hash, place)) {
    const slot = state.waiterIndex.at(hash, place);
    if (slot === 0 || state.waiters.getWide(slot, W_ID) === id) return slot;
  }
}

/** The slot of the owner's live waiter for exactly this range and mode, or 0. */
export function findWaiter(state: NlmFiles, owner: OwnerId, file: FileId, range: Range, exclusive: boolean): number {
  const { waiters } = state;
  for (let slot = state.owners.get(owner, O_WAITER); slot !== 0; slot = waiters.get(slot, W_OWNER_NEXT)) {
    if (
      waiters.get(slot, W_FILE) === file &&
      waitsExclusively(state, slot) === exclusive &&
      equalRange(waiterRange(state, slot), range) &&
      !isDead(state, owner, file, waiters.getWide(slot, W_ID))
    ) {
      return slot;
    }
  }
  return 0;
}

export function waiterRange(state: NlmFiles, slot: number): Range {
  const { waiters } = state;
  return {
    start: { high: waiters.get(slot, W_START_HIGH), low: waiters.get(slot, W_START_LOW) },
    end: { high: waiters.get(slot, W_END_HIGH), low: waiters.get(slot, W_END_LOW) },
  };
}

export function waiterLength(state: NlmFiles, slot: number): U64 {
  return { high: state.waiters.get(slot, W_LENGTH_HIGH), low: state.waiters.get(slot, W_LENGTH_LOW) };
}

export function waitsExclusively(state: NlmFiles, slot: number): boolean {
  return (state.waiters.get(slot, W_FLAGS) & EXCLUSIVE) !== 0;
}

function idHash(id: number): number {
  return mix(id | 0, Math.floor(id / 0x1_0000_0000));
}

export function waiterCallback(state: NlmFiles, slot: number): CallbackForm {
  // The cast brands what `addWaiter` was given.
  return ((state.waiters.get(slot, W_FLAGS) >>> FORM_SHIFT) & FORM_MASK) as CallbackForm;
}
