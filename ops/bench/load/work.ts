/** What the slots of a generator do: lock and unlock for ever, hold many locks, test them, free them. */

import { FREE_ALL, LOCK, NM_LOCK, NULL, TEST, UNLOCK, type Procedure, type Target } from './calls.js';
import type { Slot } from './slots.js';
import { NLM4_DENIED, NLM4_GRANTED } from '../../../src/nlm/status.js';

export interface Work {
  /** Sets the slot's next call; false where nothing is left to begin. */
  begin(slot: Slot): boolean;
  /** After a reply: sets the call that follows it, or says false where the item is done. */
  follow(slot: Slot): boolean;
}

export type LockProcedure = typeof LOCK | typeof NM_LOCK;

/** LOCK and UNLOCK by turns, on ranges that are the slot's own, from file to file. */
export function pairs(files: number, slots: number, lock: LockProcedure = LOCK): Work {
  return {
    begin: (slot) => {
      slot.item += 1;
      slot.file = (slot.id + slot.item * slots) % files;
      slot.owner = slot.id;
      slot.offsetHigh = 0;
      slot.offsetLow = slot.id * 64;
      return ask(slot, lock, NLM4_GRANTED);
    },
    follow: (slot) => slot.procedure === lock && ask(slot, UNLOCK, NLM4_GRANTED),
  };
}

/** NULL for ever: what transport and generator alone cost. */
export function nulls(): Work {
  return { begin: (slot) => ask(slot, NULL, 0), follow: () => false };
}

/** Locks that stay: number n is on file n mod files, of owner n mod owners, beyond 2^40 where no pair comes. */
export interface Held {
  readonly count: number;
  readonly files: number;
  readonly owners: number;
}

export function hold(held: Held, lock: LockProcedure = LOCK): Work {
  return each(held.count, (slot, n) => {
    aim(slot, held, n);
    return ask(slot, lock, NLM4_GRANTED);
  });
}

export function release(held: Held): Work {
  return each(held.count, (slot, n) => {
    aim(slot, held, n);
    return ask(slot, UNLOCK, NLM4_GRANTED);
  });
}

/** Another owner tests a sample of the held locks: all are there, or all are gone. */
export function test(held: Held, sample: number, expect: 'held' | 'gone'): Work {
  const step = Math.max(1, Math.trunc(held.count / sample));
  return each(Math.min(sample, held.count), (slot, n) => {
    aim(slot, held, n * step);
    slot.owner = held.owners + 1 + slot.id;
    return ask(slot, TEST, expect === 'held' ? NLM4_DENIED : NLM4_GRANTED);
  });
}

/** FREE_ALL of each caller. */
export function freeAll(callers: number): Work {
  return each(callers, (slot, n) => {
    slot.owner = n;
    return ask(slot, FREE_ALL, 0);
  });
}

function each(count: number, set: (slot: Slot, n: number) => boolean): Work {
  let next = 0;
  return {
    begin: (slot) => {
      if (next >= count) return false;
      next += 1;
      return set(slot, next - 1);
    },
    follow: () => false,
  };
}

function aim(target: Target, { files, owners }: Held, n: number): void {
  target.file = n % files;
  target.owner = n % owners;
  target.offsetHigh = 0x100;
  target.offsetLow = Math.trunc(n / files) * 64;
}

function ask(slot: Slot, procedure: Procedure, expected: number): true {
  slot.procedure = procedure;
  slot.expected = expected;
  return true;
}
