/** Asks `decide` whether it makes an event, and says in words why it does not. Under the rules of fold.ts. */

import type { Command, Order, Selector } from '../../../core/command.js';
import { decide } from '../../../core/decide.js';
import type { Decision } from '../../../core/decision.js';
import type { At, Event } from '../../../core/event.js';
import type { Parties } from '../../../core/names.js';
import type { NlmFiles } from '../../../core/state.js';
import type { KnownNames } from './known-names.js';
import { sameEvent } from './same-event.js';

/** Before an event: what is, what is called how, and where the event stands. */
export interface Before {
  readonly state: NlmFiles;
  readonly names: KnownNames;
  readonly at: At;
}

/** Undefined where this event is an answer to the command. */
export function asked(
  { state, at: { time } }: Before,
  event: Event,
  command: Command,
  parties?: Parties,
): string | undefined {
  const first = decide(state, command, { now: time, mayGrant: true }, parties);
  if (gives(first, event)) return undefined;
  // The batch was filled for a while behind its time: a reply may have grown too old to count in between.
  const later = decide(state, command, { now: time + state.rules.replyAgeMsMax + 1, mayGrant: true }, parties);
  return gives(later, event) ? undefined : refusal(first, event);
}

export function gives({ events }: Decision, event: Event): boolean {
  for (const made of events) {
    if (sameEvent(made, event)) return true;
    // Releases before this one let go of very many locks in one step.
    if (made.type === 'locks-released' && event.type === 'lock-released') return true;
  }
  return false;
}

export function refusal({ events, outcome }: Decision, event: Event): string {
  const same = events.find(({ type }) => type === event.type);
  if (same !== undefined && 'counts' in same && 'counts' in event) {
    const text = ({ locks, waiters, shares }: typeof same.counts): string =>
      `${locks} locks, ${waiters} waiters, ${shares} shares`;
    return `it counts ${text(event.counts)}, and there were ${text(same.counts)}`;
  }
  if (same !== undefined) return 'the decision gives the same kind of event with other facts';
  if (outcome.type === 'denied') return 'it stands against what another owner holds: two holders';
  if (outcome.type === 'denied-grace-period') return 'it was granted in a grace period, or reclaimed outside of one';
  if (outcome.type === 'denied-no-locks' || outcome.type === 'refused') return `the rules refuse it: ${outcome.why}`;
  if (outcome.type === 'purged' && outcome.repeated)
    return `the command id was carried out at position ${outcome.position} already`;
  if (outcome.type === 'silence') return 'the call was carried out before';
  return outcome.type === 'granted'
    ? 'it was so already: nothing was to be recorded'
    : `the rules answer "${outcome.type}"`;
}

export function purged(
  before: Before,
  event: Event & { order: Order },
  selector: Selector,
  reclaimable = false,
): string | undefined {
  const { order } = event;
  return asked(before, event, { type: 'purge', selector, order, dryRun: false, reclaimable });
}
