/**
 * The fold of an audit: the ledger's entries through the same `evolve`, with somebody who looks on. The state before
 * an event, the event, the rows that it dropped, the state after it; nothing is kept of what went by.
 */

import { LedgerError } from '../base/errors.js';
import { decodeEvents } from '../core/event-codec.js';
import type { At, Event } from '../core/event.js';
import { evolve } from '../core/evolve.js';
import type { NlmFiles } from '../core/state.js';
import { sweep, type DroppedRow } from '../core/sweep.js';
import { fold } from '../engine/replay.js';
import type { Entry, Position } from '../ledger/port.js';
import type { EntrySource } from './source.js';

/** An event in its place. */
export interface Step {
  readonly entry: Entry;
  /** Of the event in its entry, from 0. */
  readonly index: number;
  readonly event: Event;
  readonly at: At;
}

export interface Observer {
  /** The state does not have the event yet: names that it forgets are still there. */
  before?(step: Step, state: NlmFiles): void;
  /** Each row that the event's purge, reboot or grace took, or made expected; between `before` and `after`. */
  dropped?(step: Step, row: DroppedRow, state: NlmFiles): void;
  after?(step: Step, state: NlmFiles): void;
  /** An entry of an epoch that had ended: `evolve` ignores it (hazard 10). */
  ignored?(step: Step, state: NlmFiles): void;
}

/** Rows that are swept between two looks at the pace. */
const SWEEP_ROWS = 4096;

/** Called between groups of entries: shows progress, lets output drain, and throws where the run is to end. */
export type Pace = (position: Position) => Promise<void> | void;

/** The state at a position, from the nearest checkpoint before it. */
export async function stateAt(source: EntrySource, position: Position, pace?: Pace): Promise<NlmFiles> {
  const checkpoint = await source.checkpoint(position);
  const begin = checkpoint?.position ?? 0;
  const first = await source.first();
  if (begin < first - 1) {
    throw new LedgerError(
      'not-found',
      `the ledger of ${source.group} in ${source.place} begins at position ${first}, and no checkpoint says how it stood before`,
      { details: { first } },
    );
  }
  const paced = (from: Position): AsyncIterable<readonly Entry[]> => withPace(source.read(from, position), pace);
  return (await fold(checkpoint, paced)).state;
}

async function* withPace(
  groups: AsyncIterable<readonly Entry[]>,
  pace: Pace | undefined,
): AsyncIterable<readonly Entry[]> {
  for await (const group of groups) {
    yield group;
    const last = group.at(-1);
    if (last !== undefined) await pace?.(last.position);
  }
}

/** Folds what follows `state` (which stands at `from - 1`) up to `to`, in the eyes of `observer`. Changes `state`. */
export async function watchFold(
  source: EntrySource,
  state: NlmFiles,
  range: { readonly from: Position; readonly to: Position },
  observer: Observer,
  pace?: Pace,
): Promise<void> {
  for await (const position of watchSlices(source, state, range, observer)) await pace?.(position);
}

/** The same, slice by slice: the position of each stands for the turn of whoever takes what `observer` gathered. */
export async function* watchSlices(
  source: EntrySource,
  state: NlmFiles,
  range: { readonly from: Position; readonly to: Position },
  observer: Observer,
): AsyncGenerator<Position> {
  for await (const group of source.read(range.from, range.to)) {
    for (const entry of group) {
      const at = { position: entry.position, epoch: entry.epoch, time: entry.time };
      for (const [index, event] of eventsOf(entry).entries()) {
        const step = { entry, index, event, at };
        if (at.epoch < state.epoch) {
          evolve(state, event, at);
          observer.ignored?.(step, state);
          continue;
        }
        observer.before?.(step, state);
        evolve(state, event, at);
        // In slices, so that the rows of a purge of a million go out as they come.
        while (!sweep(state, SWEEP_ROWS, (row) => observer.dropped?.(step, row, state))) yield at.position;
        observer.after?.(step, state);
      }
    }
    const last = group.at(-1);
    if (last !== undefined) yield last.position;
  }
}

/** All of an entry: a look at one of them may read others meanwhile. */
export function eventsOf(entry: Entry): Event[] {
  const events: Event[] = [];
  decodeEvents(entry.events, (event) => events.push(event));
  return events;
}
