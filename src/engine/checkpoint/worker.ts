/** The worker of checkpointer.ts: as often as it is asked it folds the files to the head, and writes a checkpoint. */

import { parentPort } from 'node:worker_threads';
import { CHECKPOINT_VERSION, serialize } from '../../core/checkpoint.js';
import type { NlmFiles } from '../../core/state.js';
import { equalBytes } from '../../ledger/chain.js';
import { FileCheckpoints } from '../../ledger/file/checkpoints.js';
import { behindTheCalls } from '../../host/priority.js';
import { openForReading } from '../../ledger/file/reader.js';
import type { Checkpoint, Head } from '../../ledger/port.js';
import { fold } from '../replay.js';
import type { CheckpointAnswer, CheckpointTask } from './checkpointer.js';

/** What the last checkpoint was made of. The next one goes on from it, where that one is the newest still. */
let last: { readonly head: Head; readonly state: NlmFiles } | undefined;

async function checkpoint({ data, group }: CheckpointTask): Promise<CheckpointAnswer> {
  const began = performance.now();
  const reader = await openForReading({ data, group });
  const { head } = await reader.tail();
  const checkpoints = new FileCheckpoints({ data, group, log: () => undefined });
  const newest = await checkpoints.newest(head.position);
  const known = newest !== undefined && last !== undefined && isAt(newest, last.head) ? last.state : undefined;
  // A fold that fails in its middle leaves a state that is of no position.
  last = undefined;
  const { state } = await fold(newest, (from) => reader.read(from, head.position), known);
  const bytes = serialize(state);
  await checkpoints.write({ ...head, version: CHECKPOINT_VERSION, state: bytes });
  last = { head, state };
  const milliseconds = Math.round(performance.now() - began);
  return { type: 'written', position: head.position, bytes: bytes.length, milliseconds };
}

function isAt(checkpoint: Checkpoint, { position, hash }: Head): boolean {
  return checkpoint.position === position && equalBytes(checkpoint.hash, hash);
}

behindTheCalls();

parentPort?.on('message', (task: CheckpointTask) => {
  void checkpoint(task)
    .catch((error: unknown): CheckpointAnswer => {
      return { type: 'failed', why: error instanceof Error ? error.message : String(error) };
    })
    .then((answer) => parentPort?.postMessage(answer));
});
