/** Grants what waits in files that were freed, first come first served, in bounded steps. */

import type { Context } from './command.js';
import { findConflict, UNSURE } from './conflict.js';
import type { Decision, ExaminedFile } from './decision.js';
import type { Event, OwnerId } from './event.js';
import { inGrace } from './grace.js';
import { endOfMany } from './held.js';
import { grants } from './life.js';
import { LOCK_REPLACES_MAX, WAKE_GRANTS_MAX, WAKE_STEPS_MAX } from './limits.js';
import { L_OWNER } from './lock-rows.js';
import { covers, overlaps, type Range } from './range.js';
import { countUnrecorded } from './refusals.js';
import {
  addressOf,
  F_WAITER,
  fileSystemOf,
  isDead,
  O_WAITERS,
  W_ID,
  W_NEXT,
  W_OWNER,
  type FreedFile,
  type NlmFiles,
} from './state.js';
import { waiterRange, waitsExclusively } from './waiters.js';

interface Claim {
  readonly owner: OwnerId;
  readonly range: Range;
  readonly exclusive: boolean;
}

interface Step {
  readonly events: Event[];
  budget: number;
}

/**
 * `more` asks for another step, `again` for a sweep first. What was looked at is in `examined`: without
 * `markExamined` the next step looks at it again.
 */
export function decideWake(state: NlmFiles, context: Context): Decision {
  const step: Step = { events: [], budget: WAKE_STEPS_MAX };
  const examined: ExaminedFile[] = [];
  if (!context.mayGrant || !grants(state.life)) return { events: [], outcome: { type: 'done', more: false } };
  let unsure = false;
  let more = false;
  for (const freed of state.freed.values()) {
    if (step.budget <= 0 || step.events.length >= WAKE_GRANTS_MAX) {
      more = true;
      break;
    }
    const { next, why } = wakeFile(state, freed, step);
    examined.push({ file: freed.file, version: freed.version, next });
    if (why === 'unsure') unsure = true;
    else if (why === 'bounds') more = true;
  }
  if (unsure && !more && step.events.length === 0) return { events: [], outcome: { type: 'again' }, examined };
  return { events: step.events, outcome: { type: 'done', more: more || unsure }, examined };
}

/** After the events of a decision are evolved: where the next step goes on, what it left out. Not part of the fold. */
export function markExamined(state: NlmFiles, { examined, missAt, unrecorded }: Decision): void {
  if (unrecorded !== undefined) countUnrecorded(state, unrecorded);
  // What a step itself has moved is looked for from the beginning.
  if (missAt !== undefined && state.missing.length > 0) state.missAt = missAt;
  if (examined === undefined) return;
  for (const { file, version, next } of examined) {
    const freed = state.freed.get(file);
    if (freed === undefined || freed.version !== version) continue;
    if (next === 0) state.freed.delete(file);
    else freed.next = next;
  }
}

function wakeFile(
  state: NlmFiles,
  freed: FreedFile,
  step: Step,
): { readonly next: number; readonly why: 'done' | 'bounds' | 'unsure' | 'limit' } {
  const { waiters, rules } = state;
  const { file, range } = freed;
  const fileSystem = fileSystemOf(state, file).name;
  const granted: Claim[] = [];
  // The last claim that stood in the way most likely stands in the next waiter's way too.
  let blocker: Claim | undefined;
  for (let slot = freed.next === 0 ? state.files.get(file, F_WAITER) : freed.next; slot !== 0;) {
    if (step.budget <= 0 || step.events.length >= WAKE_GRANTS_MAX) return { next: slot, why: 'bounds' };
    step.budget -= 1;
    const claim: Claim = {
      owner: waiters.get(slot, W_OWNER),
      range: waiterRange(state, slot),
      exclusive: waitsExclusively(state, slot),
    };
    const id = waiters.getWide(slot, W_ID);
    if (mayWake(state, file, fileSystem, claim, id, range) && !(blocker !== undefined && conflicts(blocker, claim))) {
      const inTheWay = granted.find((other) => conflicts(other, claim));
      if (inTheWay !== undefined) {
        blocker = inTheWay;
      } else {
        const lock = findConflict(state, file, claim.owner, claim.range, claim.exclusive);
        if (lock === UNSURE) return { next: slot, why: 'unsure' };
        if (lock !== 0) {
          blocker = {
            owner: state.locks.get(lock, L_OWNER),
            range: state.locks.rangeOf(lock),
            exclusive: state.locks.isExclusive(lock),
          };
        } else {
          if (state.lockCount + step.events.length >= rules.locksMax) return { next: slot, why: 'limit' };
          // What it would replace has grown beyond what goes in one turn: its next LOCK is told so.
          if (endOfMany(state, claim.owner, file, claim.range, LOCK_REPLACES_MAX) === undefined) {
            step.events.push({ type: 'waiter-granted', waiter: id });
            granted.push(claim);
            blocker = claim;
          } else {
            step.events.push({ type: 'waiter-cancelled', waiter: id });
            blocker = undefined;
          }
        }
      }
      // All that was freed is somebody's alone, who waits for nothing more: nobody else can gain.
      if (blocker?.exclusive === true && covers(blocker.range, range)) {
        const waiting = state.owners.get(blocker.owner, O_WAITERS) - (granted.includes(blocker) ? 1 : 0);
        if (waiting <= 0) return { next: 0, why: 'done' };
      }
    }
    slot = waiters.get(slot, W_NEXT);
  }
  return { next: 0, why: 'done' };
}

function mayWake(state: NlmFiles, file: number, fileSystem: string, claim: Claim, id: number, freed: Range): boolean {
  return (
    overlaps(claim.range, freed) &&
    !isDead(state, claim.owner, file, id) &&
    !inGrace(state, fileSystem, addressOf(state, claim.owner).address)
  );
}

function conflicts(a: Claim, b: Claim): boolean {
  return a.owner !== b.owner && (a.exclusive || b.exclusive) && overlaps(a.range, b.range);
}
