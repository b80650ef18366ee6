/** The state of a group at a position: the ledger's entries through the same `evolve`, from the nearest checkpoint. */

import { LedgerError } from '../base/errors.js';
import type { NlmFiles } from '../core/state.js';
import { fold } from '../engine/replay.js';
import type { Entry, Position } from '../ledger/port.js';
import type { EntrySource } from './source.js';

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
