/** Replay: the state of a group from its newest checkpoint and the entries after it. */

import { CHECKPOINT_VERSION, deserialize } from '../core/checkpoint.js';
import { decodeEvents } from '../core/event-codec.js';
import { evolve } from '../core/evolve.js';
import { initialState, type NlmFiles } from '../core/state.js';
import { sweep } from '../core/sweep.js';
import { queueAllWakes } from '../core/wake-queue.js';
import type { Checkpoint, CheckpointStore, Entry, Ledger, Position } from '../ledger/port.js';

export interface Replayed {
  readonly state: NlmFiles;
  /** Position of the checkpoint that the replay began from; 0 for none. */
  readonly from: Position;
  readonly entries: number;
  readonly events: number;
  readonly milliseconds: number;
}

/** The state at the head, ready to serve. Throws what the ledger throws (`damaged`, `newer-version`, `io`). */
export async function replay(ledger: Ledger, checkpoints: CheckpointStore | undefined): Promise<Replayed> {
  const replayed = await fold(await checkpoints?.newest(ledger.head().position), (from) => ledger.read(from));
  // A crash between a release and its wakes loses nothing.
  queueAllWakes(replayed.state);
  return replayed;
}

/**
 * The fold of a checkpoint and of what `read` gives after it; sweeps are ended. `known` is the state of that checkpoint,
 * where it is in memory yet: it goes on.
 */
export async function fold(
  checkpoint: Checkpoint | undefined,
  read: (from: Position) => AsyncIterable<readonly Entry[]>,
  known?: NlmFiles,
): Promise<Replayed> {
  const began = performance.now();
  // A checkpoint of another form is passed over: the entries say the same.
  const usable = checkpoint?.version === CHECKPOINT_VERSION ? checkpoint : undefined;
  const state = known ?? (usable === undefined ? initialState() : deserialize(usable.state));
  const from = usable?.position ?? 0;
  let entries = 0;
  let events = 0;
  for await (const group of read(from + 1)) {
    for (const entry of group) {
      const at = { position: entry.position, epoch: entry.epoch, time: entry.time };
      decodeEvents(entry.events, (event) => evolve(state, event, at));
      entries += 1;
      events += entry.events.count;
    }
  }
  sweep(state, Number.MAX_SAFE_INTEGER);
  return { state, from, entries, events, milliseconds: Math.round(performance.now() - began) };
}
