/** The rules of a wait: whether it had to begin, and whether it was its turn. Under the rules of fold.ts. */

import type { Command } from '../../../core/command.js';
import { findConflict } from '../../../core/conflict.js';
import { decide } from '../../../core/decide.js';
import type { Event, FileId, OwnerId, WaiterQueued } from '../../../core/event.js';
import { inGrace } from '../../../core/grace.js';
import { grants } from '../../../core/life.js';
import { overlaps } from '../../../core/range.js';
import { addressOf, F_WAITER, fileSystemOf, W_FILE, W_NEXT, W_OWNER, type NlmFiles } from '../../../core/state.js';
import { findWaiterById, waiterRange, waitsExclusively } from '../../../core/waiters.js';
import { queueWake, WHOLE_FILE } from '../../../core/wake-queue.js';
import { gives, refusal, type Before } from './asked.js';

/** Waiters before one that was granted that are looked at: whether it was its turn. */
const TURNS_MAX = 64;

export function whyNotQueued({ state, names, at }: Before, event: WaiterQueued): string | undefined {
  const { range, length, exclusive, callback, call, file } = event;
  const command: Command = {
    type: 'lock',
    owner: names.owner(event.owner),
    file: names.file(file, event.handle),
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
  const context = { now: at.time, mayGrant: true };
  const parties = names.parties(event.owner, file);
  const first = decide(state, command, context, parties);
  // A deadlock is looked for in bounded steps, and in the order of the rows (hazard 25).
  if (gives(first, event) || first.outcome.type === 'deadlock') return undefined;
  // It may have come while waiters before it were about to be woken (hazard 13).
  queueWake(state, file, WHOLE_FILE);
  const inWindow = decide(state, command, context, parties);
  state.freed.clear();
  return gives(inWindow, event)
    ? undefined
    : first.outcome.type === 'granted'
      ? 'nothing was in its way'
      : refusal(first, event);
}

export function whyNotWoken(state: NlmFiles, waiter: number, next: Event | undefined): string | undefined {
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

export function whyNotMissed(state: NlmFiles, owner: OwnerId, file: FileId): string | undefined {
  if (state.missing.length === 0) return 'no grace has ended';
  return waitsForGrace(state, owner, file) ? 'it may still be reclaimed: its grace goes on' : undefined;
}
