/** What `decide` answers: events to record, the outcome for the caller, and how far a wake step has looked. */

import type { Command } from './command.js';
import type { Event, FileId, RefusalsCounted } from './event.js';
import type { Outcome } from './outcome.js';

export interface Decision {
  readonly events: readonly Event[];
  readonly outcome: Outcome;
  /** With `again`: a step of a long command is done, and this is what is left of it; it goes on in a later turn. */
  readonly rest?: Command;
  /** Of a wake step: hand it to `markExamined` once the events are evolved. */
  readonly examined?: readonly ExaminedFile[];
  /** The same of a miss step. */
  readonly missAt?: number;
  /** Likewise, a refusal that is counted and not told. */
  readonly unrecorded?: { readonly what: RefusalsCounted['what']; readonly address: string; readonly time: number };
}

export interface ExaminedFile {
  readonly file: FileId;
  readonly version: number;
  /** Slot of the next waiter; 0 where the file is done. */
  readonly next: number;
}

export const GRANTED: Outcome = { type: 'granted' };

const NO_EVENTS: readonly Event[] = [];

export function answer(outcome: Outcome, events: readonly Event[] = NO_EVENTS): Decision {
  return { events, outcome };
}

export const AGAIN: Decision = answer({ type: 'again' });
