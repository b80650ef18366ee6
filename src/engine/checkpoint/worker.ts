/** The worker of checkpointer.ts: as often as it is asked it folds the files to the head, and writes a checkpoint. */

import { parentPort } from 'node:worker_threads';
import { CHECKPOINT_VERSION, serialize } from '../../core/checkpoint.js';
import { FileCheckpoints } from '../../ledger/file/checkpoints.js';
import { behindTheCalls } from '../../host/priority.js';
import { openForReading } from '../../ledger/file/reader.js';
import { fold } from '../replay.js';
import type { CheckpointAnswer, CheckpointTask } from './checkpointer.js';

async function checkpoint({ data, group }: CheckpointTask): Promise<CheckpointAnswer> {
  const began = performance.now();
  const reader = await openForReading({ data, group });
  const { head } = await reader.tail();
  const checkpoints = new FileCheckpoints({ data, group, log: () => undefined });
  const { state } = await fold(await checkpoints.newest(head.position), (from) => reader.read(from, head.position));
  const bytes = serialize(state);
  await checkpoints.write({ ...head, version: CHECKPOINT_VERSION, state: bytes });
  const milliseconds = Math.round(performance.now() - began);
  return { type: 'written', position: head.position, bytes: bytes.length, milliseconds };
}

behindTheCalls();

parentPort?.on('message', (task: CheckpointTask) => {
  void checkpoint(task)
    .catch((error: unknown): CheckpointAnswer => {
      return { type: 'failed', why: error instanceof Error ? error.message : String(error) };
    })
    .then((answer) => parentPort?.postMessage(answer));
});
