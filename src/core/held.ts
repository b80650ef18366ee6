/** Holding and letting go of ranges, by the rules of POSIX: replace, split, merge. Part of `evolve`. */

import { compareU64, decrementU64, equalU64, incrementU64, U64_MAX, U64_ZERO, type U64 } from '../base/u64.js';
import type { FileId, OwnerId } from './event.js';
import { linkFront, unlink } from './links.js';
import {
  EXCLUSIVE,
  EXPECTED,
  L_END_HIGH,
  L_END_LOW,
  L_FILE,
  L_FLAGS,
  L_ID,
  L_NEXT,
  L_OWN_LEFT,
  L_OWN_RIGHT,
  L_OWNER,
  L_PREVIOUS,
  L_START_HIGH,
  L_START_LOW,
  L_TIME,
} from './lock-rows.js';
import { settleFile, settleOwner } from './names.js';
import { covers, hull, intersection, isLongerThan, type Range } from './range.js';
import { countLock, uncountLock } from './counts.js';
import { clientOf, F_BY_OWNER, F_BY_START, isDead, isExpected, O_LOCK, type NlmFiles, type Replaced } from './state.js';
import { rowLeaves } from './marks.js';
import { queueWake } from './wake-queue.js';

function addLock(
  state: NlmFiles,
  owner: OwnerId,
  file: FileId,
  range: Range,
  flags: number,
  id: number,
  time: number,
): number {
  const { locks, owners, files } = state;
  const slot = locks.take();
  locks.fill(slot, owner, file, flags, range, id, time);
  const trees = files.page(file);
  const there = files.offset(file);
  trees[there + F_BY_START] = state.byStart.insert(trees[there + F_BY_START]!, slot);
  trees[there + F_BY_OWNER] = state.byOwner.insert(trees[there + F_BY_OWNER]!, slot);
  owners.set(owner, O_LOCK, linkFront(locks, L_NEXT, L_PREVIOUS, owners.get(owner, O_LOCK), slot));
  countLock(state, owner, file, (flags & EXPECTED) !== 0);
  return slot;
}

/** Takes a row out, dead or alive; the caller settles owner and file. */
export function dropLock(state: NlmFiles, slot: number): void {
  const { locks, owners, files } = state;
  const page = locks.page(slot);
  const at = locks.offset(slot);
  const owner = page[at + L_OWNER]!;
  const file = page[at + L_FILE]!;
  rowLeaves(state, slot, 'lock');
  const trees = files.page(file);
  const there = files.offset(file);
  trees[there + F_BY_START] = state.byStart.remove(trees[there + F_BY_START]!, slot);
  trees[there + F_BY_OWNER] = state.byOwner.remove(trees[there + F_BY_OWNER]!, slot);
  owners.set(owner, O_LOCK, unlink(locks, L_NEXT, L_PREVIOUS, owners.get(owner, O_LOCK), slot));
  uncountLock(state, owner, file, locks.getWide(slot, L_ID), (page[at + L_FLAGS]! & EXPECTED) !== 0);
  // A free row belongs to nobody: find-lock scans them, and a page's cursor may still point at it.
  page[at + L_OWNER] = 0;
  page[at + L_FILE] = 0;
  locks.release(slot);
}

/** The owner's live locks that overlap the range, in order, until `visit` answers false; it must not change the table. */
export function eachOwn(
  state: NlmFiles,
  owner: OwnerId,
  file: FileId,
  range: Range,
  visit: (slot: number) => boolean,
): void {
  const { locks, byOwner, files } = state;
  const root = files.get(file, F_BY_OWNER);
  let slot = byOwner.from(root, owner, range.start);
  while (slot !== 0 && compareU64(startOf(state, slot), range.end) <= 0) {
    if (!isDead(state, owner, file, locks.getWide(slot, L_ID)) && !visit(slot)) return;
    slot = byOwner.above(root, owner, startOf(state, slot));
  }
}

/** Whether the lock in a row waits for its owner to reclaim it. */
export function isExpectedLock(state: NlmFiles, slot: number): boolean {
  const { locks } = state;
  const flagged = (locks.get(slot, L_FLAGS) & EXPECTED) !== 0;
  if (flagged || state.sweeps.length === 0) return flagged;
  return isExpected(state, locks.get(slot, L_OWNER), locks.get(slot, L_FILE), locks.getWide(slot, L_ID), false);
}

/** Whether one live lock of the owner in this mode covers the range; equal neighbours that are held are always one lock. */
export function holdsCovering(
  state: NlmFiles,
  owner: OwnerId,
  file: FileId,
  range: Range,
  exclusive: boolean,
): boolean {
  const slot = state.byOwner.floor(state.files.get(file, F_BY_OWNER), owner, range.start);
  return (
    slot !== 0 &&
    state.locks.isExclusive(slot) === exclusive &&
    covers(state.locks.rangeOf(slot), range) &&
    !isDead(state, owner, file, state.locks.getWide(slot, L_ID)) &&
    !isExpectedLock(state, slot)
  );
}

/** Whether all of the range is the owner's already, held or expected, in this mode or exclusively. */
export function ownsAll(state: NlmFiles, owner: OwnerId, file: FileId, range: Range, exclusive: boolean): boolean {
  let next: U64 | undefined = range.start;
  eachOwn(state, owner, file, range, (slot) => {
    const { start, end } = state.locks.rangeOf(slot);
    if (next === undefined || compareU64(start, next) > 0 || (exclusive && !state.locks.isExclusive(slot)))
      return false;
    next = compareU64(end, range.end) >= 0 ? undefined : incrementU64(end);
    return next !== undefined;
  });
  return next === undefined;
}

/** Whether the owner is expected to reclaim something within the range. */
export function expectsWithin(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): boolean {
  let found = false;
  eachOwn(state, owner, file, range, (slot) => !(found = isExpectedLock(state, slot)));
  return found;
}

/** The end of the `count`th of the owner's live locks within the range; undefined where there are not more than so many. */
export function endOfMany(state: NlmFiles, owner: OwnerId, file: FileId, range: Range, count: number): U64 | undefined {
  const client = clientOf(state, owner);
  // So many need so many bytes, and the client's are counted: most calls are told by that alone.
  if (client.locks + client.expected <= count || !isLongerThan(range, count)) return undefined;
  let seen = 0;
  let end: U64 | undefined;
  eachOwn(state, owner, file, range, (slot) => {
    seen += 1;
    if (seen === count) end = state.locks.rangeOf(slot).end;
    return seen <= count;
  });
  return seen > count ? end : undefined;
}

/** What the owner holds within the range. */
export function ownWithin(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): Replaced[] {
  const found: Replaced[] = [];
  eachOwn(state, owner, file, range, (slot) => {
    found.push({
      range: intersection(state.locks.rangeOf(slot), range),
      exclusive: state.locks.isExclusive(slot),
    });
    return true;
  });
  return found;
}

/** The owner holds the range in this mode from now on, under a new number: that number is the answer. */
export function hold(state: NlmFiles, owner: OwnerId, file: FileId, range: Range, flags: number, time: number): number {
  const id = state.nextId++;
  const exclusive = (flags & EXCLUSIVE) !== 0;
  let merged = range;
  let downgraded = false;
  if (state.files.get(file, F_BY_OWNER) !== 0) {
    const { locks } = state;
    for (const slot of touching(state, owner, file, besides(range))) {
      const theirs = locks.rangeOf(slot);
      if (isDead(state, owner, file, locks.getWide(slot, L_ID))) {
        dropLock(state, slot);
        queueWake(state, file, theirs);
      } else if (locks.isExclusive(slot) === exclusive && !isExpectedLock(state, slot)) {
        merged = hull(merged, theirs);
        dropLock(state, slot);
      } else if (compareU64(theirs.start, range.end) <= 0 && compareU64(theirs.end, range.start) >= 0) {
        downgraded ||= !exclusive && locks.isExclusive(slot);
        cut(state, slot, theirs, range);
      }
    }
  }
  addLock(state, owner, file, merged, flags, id, time);
  state.idleOwners.remove(owner);
  state.idleFiles.remove(file);
  if (downgraded) queueWake(state, file, range);
  return id;
}

/** The owner holds nothing within the range any more. */
export function letGo(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): void {
  let freed = false;
  for (const slot of touching(state, owner, file, range)) {
    const theirs = state.locks.rangeOf(slot);
    if (isDead(state, owner, file, state.locks.getWide(slot, L_ID))) {
      dropLock(state, slot);
      queueWake(state, file, theirs);
    } else if (compareU64(theirs.start, range.end) <= 0 && compareU64(theirs.end, range.start) >= 0) {
      cut(state, slot, theirs, range);
      freed = true;
    }
  }
  settleOwner(state, owner);
  settleFile(state, file);
  if (freed) queueWake(state, file, range);
}

/** The owner's rows, dead ones too, that overlap the range. */
function touching(state: NlmFiles, owner: OwnerId, file: FileId, { start, end }: Range): readonly number[] {
  const { byOwner, files, locks } = state;
  const root = files.get(file, F_BY_OWNER);
  if (root === 0) return NOTHING;
  let slot = byOwner.from(root, owner, start);
  if (slot === 0 || startsAfter(state, slot, end)) return NOTHING;
  const found = [slot];
  // A root without anything below it is the file's only lock.
  if (slot === root && locks.get(root, L_OWN_LEFT) === 0 && locks.get(root, L_OWN_RIGHT) === 0) return found;
  // An owner's locks never overlap: behind one that reaches the end there is nothing.
  while (endsBefore(state, slot, end)) {
    slot = byOwner.above(root, owner, startOf(state, slot));
    if (slot === 0 || startsAfter(state, slot, end)) break;
    found.push(slot);
  }
  return found;
}

/** The range, and the byte on either side of it: a lock that ends or begins there stands right beside it. */
function besides({ start, end }: Range): Range {
  return {
    start: equalU64(start, U64_ZERO) ? start : decrementU64(start),
    end: equalU64(end, U64_MAX) ? end : incrementU64(end),
  };
}

/** Takes `gone` out of a lock: what is left of it on the left keeps its number, a second piece gets a new one. */
function cut(state: NlmFiles, slot: number, theirs: Range, gone: Range): void {
  const { locks } = state;
  const owner = locks.get(slot, L_OWNER);
  const file = locks.get(slot, L_FILE);
  const keepsLeft = compareU64(theirs.start, gone.start) < 0;
  const keepsRight = compareU64(theirs.end, gone.end) > 0;
  // What is given back is most often what was taken.
  if (!keepsLeft && !keepsRight) return dropLock(state, slot);
  const flags = locks.get(slot, L_FLAGS) | (isExpectedLock(state, slot) ? EXPECTED : 0);
  const id = locks.getWide(slot, L_ID);
  const time = locks.getWide(slot, L_TIME);
  if (keepsLeft) {
    const end = decrementU64(gone.start);
    locks.set(slot, L_END_HIGH, end.high);
    locks.set(slot, L_END_LOW, end.low);
    state.byStart.touch(state.files.get(file, F_BY_START), slot);
  } else {
    dropLock(state, slot);
  }
  if (keepsRight) {
    // A search for what was missed begins anew: it may have passed the row by.
    if ((flags & EXPECTED) !== 0) state.missAt = 1;
    const right = { start: incrementU64(gone.end), end: theirs.end };
    addLock(state, owner, file, right, flags, keepsLeft ? state.nextId++ : id, time);
  }
}

/** Part of `evolve`: what its owner did not reclaim is free. */
export function missLock(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): void {
  const slot = state.byOwner.floor(state.files.get(file, F_BY_OWNER), owner, range.start);
  if (slot === 0 || !equalU64(startOf(state, slot), range.start)) return;
  dropLock(state, slot);
  settleOwner(state, owner);
  settleFile(state, file);
  queueWake(state, file, range);
}

function startOf(state: NlmFiles, slot: number): U64 {
  return { high: state.locks.get(slot, L_START_HIGH), low: state.locks.get(slot, L_START_LOW) };
}

function startsAfter(state: NlmFiles, slot: number, offset: U64): boolean {
  const high = state.locks.get(slot, L_START_HIGH);
  return high > offset.high || (high === offset.high && state.locks.get(slot, L_START_LOW) > offset.low);
}

function endsBefore(state: NlmFiles, slot: number, offset: U64): boolean {
  const high = state.locks.get(slot, L_END_HIGH);
  return high < offset.high || (high === offset.high && state.locks.get(slot, L_END_LOW) < offset.low);
}

const NOTHING: readonly number[] = [];
