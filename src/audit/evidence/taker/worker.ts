/** The worker of taker.ts: grows the tree from the newest checkpoint, signs, and writes the note beside the ledger. */

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { behindTheCalls } from '../../../host/priority.js';
import { openForReading } from '../../../ledger/file/reader.js';
import { readSeed } from '../../../signing/nkey.js';
import { takeCheckpoint } from '../take.js';
import type { TakerAnswer, TakerTask } from './taker.js';

async function take({ data, group, keySeed, origin, position }: TakerTask): Promise<TakerAnswer> {
  const key = readSeed(readFileSync(keySeed, 'utf8'));
  const reader = await openForReading({ data, group });
  const { note } = await takeCheckpoint({ reader, position, origin, key });
  return { type: 'taken', position, note };
}

behindTheCalls();

// The cast states what taker.ts hands over.
const answer = await take(workerData as TakerTask).catch((error: unknown): TakerAnswer => {
  return { type: 'failed', why: error instanceof Error ? error.message : String(error) };
});
parentPort?.postMessage(answer);
