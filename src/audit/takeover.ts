/**
 * One takeover of a group, over both nodes: each of its events in the ledger, with the time that each step took. The
 * ledger of the group has the entries of the node that let go and of the one that took over.
 */

import { LedgerError } from '../base/errors.js';
import type { Event } from '../core/event.js';
import type { StepOutcome } from '../core/life.js';
import type { Entry, Position } from '../ledger/port.js';
import { eventsOf, stateAt, type Pace } from './fold.js';
import { aimOf, isPurge } from './orders.js';
import { graceText, lifeText } from './scopes.js';
import type { EntrySource } from './source.js';

export interface Moment {
  readonly position: Position;
  /** When it was recorded; of a step, when it ended. Milliseconds since 1970, by the clock of its node. */
  readonly time: number;
  readonly node: string;
  readonly epoch: number;
  /** `step`: a step of the takeover; `group`: what the group became; `locks`: what happened to locks meanwhile. */
  readonly kind: 'step' | 'group' | 'locks';
  readonly what: string;
  readonly detail: string;
  readonly outcome?: StepOutcome;
  /** Of a step. */
  readonly milliseconds?: number;
}

export interface Takeover {
  readonly group: string;
  readonly takeover: number;
  readonly moments: readonly Moment[];
  /** From the first to the last of them. */
  readonly milliseconds: number;
  /**
   * From the moment on which nothing was granted (of an owner that did not release it: from its last entry) to the one from
   * which on locks were granted again; undefined where that did not come.
   */
  readonly withoutGrantsMs?: number;
}

/** Steps of one takeover that are kept: a sequence has some dozen, and a few tries of each. */
const MOMENTS_MAX = 10_000;

/** The last one where `wanted` is undefined. @throws LedgerError 'not-found' */
export async function auditTakeover(source: EntrySource, wanted: number | undefined, pace: Pace): Promise<Takeover> {
  const { position: head } = await source.head();
  const last = (await stateAt(source, head)).life.takeover;
  const takeover = wanted ?? last;
  if (takeover < 1 || takeover > last) {
    const there = last === 0 ? 'was never taken over' : `has takeovers 1 to ${last}, and no ${takeover}`;
    throw new LedgerError('not-found', `group ${source.group} ${there}`, {
      details: { last, next: 'see which groups there are: nlm-ledger groups' },
    });
  }
  const moments = await momentsOf(source, takeover, head, pace);
  const [first] = moments;
  const end = moments.at(-1);
  const stopped = moments.find(
    ({ what }) => what === 'group-releasing' || what === LAST_ENTRY || what === 'group-claimed',
  );
  const serving = moments.findLast(({ what }) => what === 'group-serving');
  return {
    group: source.group,
    takeover,
    moments,
    milliseconds: (end?.time ?? 0) - (first === undefined ? 0 : begun(first)),
    ...(stopped === undefined || serving === undefined ? {} : { withoutGrantsMs: serving.time - stopped.time }),
  };
}

/** When a moment began: a step took its time before it was recorded. */
export function begun({ time, milliseconds = 0 }: Moment): number {
  return time - milliseconds;
}

async function momentsOf(
  source: EntrySource,
  takeover: number,
  head: Position,
  pace: Pace,
): Promise<readonly Moment[]> {
  const moments: Moment[] = [];
  let open = false;
  let before: Entry | undefined;
  for await (const group of source.read(await source.first(), head)) {
    for (const entry of group) {
      for (const event of eventsOf(entry)) {
        if ('takeover' in event) {
          if (event.takeover > takeover) return moments;
          if (event.takeover < takeover) continue;
          // Late steps say themselves what they belong to; a purge or a grace belongs to it until locks are granted again.
          if (event.type === 'group-releasing' || event.type === 'group-claimed') open = true;
          if (event.type === 'group-serving' || event.type === 'release-abandoned') open = false;
          // Nobody released it: what is known of the owner before ends with its last entry.
          if (event.type === 'group-claimed' && event.from !== '' && moments.length === 0 && before !== undefined)
            moments.push(lastEntry(before));
        } else if (!open) continue;
        const moment = momentOf(event);
        if (moment === undefined || moments.length >= MOMENTS_MAX) continue;
        const { position, time, node, epoch } = entry;
        moments.push({ position, time, node, epoch, ...moment });
      }
      before = entry;
    }
    const last = group.at(-1);
    if (last !== undefined) await pace(last.position);
  }
  return moments;
}

const LAST_ENTRY = 'last-entry';

function lastEntry({ position, time, node, epoch }: Entry): Moment {
  const detail = `the last sign of life of node ${node}: it did not release the group`;
  return { position, time, node, epoch, kind: 'group', what: LAST_ENTRY, detail };
}

type Told = Pick<Moment, 'kind' | 'what' | 'detail' | 'outcome' | 'milliseconds'>;

function momentOf(event: Event): Told | undefined {
  if (event.type === 'takeover-step') {
    const { step: what, outcome, detail, milliseconds } = event;
    return { kind: 'step', what, outcome, detail, milliseconds };
  }
  const life = lifeText(event);
  if (life !== undefined) return { kind: 'group', what: event.type, detail: orderText(event, life) };
  if (isPurge(event)) {
    const { locks, waiters, shares } = event.counts;
    return {
      kind: 'locks',
      what: event.type,
      detail: `${aimOf(event)}: ${locks} locks, ${waiters} waiters, ${shares} shares`,
    };
  }
  if (event.type === 'grace-opened' || event.type === 'grace-ended') {
    return { kind: 'locks', what: event.type, detail: graceText(event.scope) };
  }
  return undefined;
}

function orderText(event: Event, text: string): string {
  if (!('order' in event)) return text;
  const { actor, door, reason } = event.order;
  return `${text}; ordered by ${actor} through ${door}${reason === '' ? '' : `: ${reason}`}`;
}
