/**
 * How much of what was refused the ledger tells one by one: who is let in may ask for anything, at any rate, and is not to
 * fill the disk by it. Of each source the first of an hour are events; the rest is counted, and told by one event a minute.
 * Not part of the fold: a crash loses the counts of the last minute, and nothing else.
 */

import type { Context } from './command.js';
import type { Decision } from './decision.js';
import type { Event, RefusalsCounted } from './event.js';
import { REFUSAL_SOURCES_MAX, REFUSAL_SUM_MS, REFUSAL_WINDOW_MS, REFUSALS_RECORDED_MAX } from './limits.js';
import type { NlmFiles } from './state.js';

export type RefusalKind = RefusalsCounted['what'];

export interface RefusalSource {
  readonly what: RefusalKind;
  /** Of the client; '' for all that are too many to be kept apart. */
  readonly address: string;
  /** The hour in which `recorded` were told one by one. */
  windowFrom: number;
  recorded: number;
  /** Neither told nor counted by an event, since. */
  unrecorded: number;
  unrecordedFrom: number;
}

type Refusal = Extract<Event, { readonly type: RefusalKind }>;

/** What `decide` answers, without the event of a refusal where its source had its share. */
export function boundRefusals(state: NlmFiles, decision: Decision, { now }: Context): Decision {
  const refusal = decision.events.find(isRefusal);
  if (refusal === undefined || mayTell(sourceOf(state, refusal.type, refusal.address), now)) return decision;
  const events = decision.events.filter((event) => event !== refusal);
  return { ...decision, events, unrecorded: { what: refusal.type, address: refusal.address, time: now } };
}

/** Part of `evolve`: one was told. */
export function countRecorded(state: NlmFiles, { type, address }: Refusal, time: number): void {
  const source = meet(state, type, address, time);
  if (time >= source.windowFrom + REFUSAL_WINDOW_MS) {
    source.windowFrom = time;
    source.recorded = 0;
  }
  source.recorded += 1;
}

/** After a decision that left one out. */
export function countUnrecorded(state: NlmFiles, { what, address, time }: NonNullable<Decision['unrecorded']>): void {
  const source = meet(state, what, address, time);
  if (source.unrecorded === 0) source.unrecordedFrom = time;
  source.unrecorded += 1;
  state.refusals.unrecorded += 1;
}

/** Whether there is a count that it is time to tell; at `Infinity`, whether there is any. */
export function hasUnrecorded(state: NlmFiles, now: number): boolean {
  return state.refusals.unrecorded > 0 && refusalCounts(state, now).length > 0;
}

export function refusalCounts(state: NlmFiles, now: number): RefusalsCounted[] {
  // Nothing stands behind the end of an epoch.
  if (state.life.status === 'released') return [];
  return [...state.refusals.sources.values()]
    .filter((source) => isDue(source, now))
    .map(({ what, address, unrecorded: count, unrecordedFrom: since }) => {
      return { type: 'refusals-counted', what, address, count, since };
    });
}

/** Part of `evolve`. A replay finds nothing to take off. */
export function countTold(state: NlmFiles, { what, address, count }: RefusalsCounted): void {
  const source = sourceOf(state, what, address);
  if (source === undefined || source.unrecorded < count) return;
  source.unrecorded -= count;
  state.refusals.unrecorded -= count;
}

function isRefusal(event: Event): event is Refusal {
  const { type } = event;
  return type === 'reclaim-refused' || type === 'reclaim-conflict' || type === 'call-refused';
}

function isDue({ unrecorded, unrecordedFrom }: RefusalSource, now: number): boolean {
  return unrecorded > 0 && now >= unrecordedFrom + REFUSAL_SUM_MS;
}

function mayTell(source: RefusalSource | undefined, now: number): boolean {
  if (source === undefined || source.recorded < REFUSALS_RECORDED_MAX) return true;
  return now >= source.windowFrom + REFUSAL_WINDOW_MS;
}

function keyOf(what: RefusalKind, address: string): string {
  return `${what} ${address}`;
}

/** Where this source is counted: by itself, or with all that are too many. Undefined where it is new, and has a place. */
function sourceOf(state: NlmFiles, what: RefusalKind, address: string): RefusalSource | undefined {
  const { sources } = state.refusals;
  return (
    sources.get(keyOf(what, address)) ?? (sources.size < REFUSAL_SOURCES_MAX ? undefined : sources.get(keyOf(what, '')))
  );
}

function meet(state: NlmFiles, what: RefusalKind, address: string, time: number): RefusalSource {
  const { sources } = state.refusals;
  if (sources.size >= REFUSAL_SOURCES_MAX && !sources.has(keyOf(what, address))) forgetOldest(state, time);
  const known = sourceOf(state, what, address);
  if (known !== undefined) return known;
  const own = sources.size < REFUSAL_SOURCES_MAX ? address : '';
  const source = { what, address: own, windowFrom: time, recorded: 0, unrecorded: 0, unrecordedFrom: time };
  sources.set(keyOf(what, own), source);
  return source;
}

/** The one that is known for longest, where its hour is over and all of it is told. */
function forgetOldest(state: NlmFiles, now: number): void {
  for (const [key, { windowFrom, unrecorded }] of state.refusals.sources) {
    if (unrecorded === 0 && now >= windowFrom + REFUSAL_WINDOW_MS) state.refusals.sources.delete(key);
    return;
  }
}
