/** The worker of retention.ts. */

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { behindTheCalls } from '../../../host/priority.js';
import { openForReading } from '../../../ledger/file/reader.js';
import { readSeed } from '../../../signing/nkey.js';
import { archiveSegments } from '../archive.js';
import type { RetentionAnswer, RetentionTask } from './retention.js';

async function archive({ data, group, to, before, keySeed, origin }: RetentionTask): Promise<RetentionAnswer> {
  const key = readSeed(readFileSync(keySeed, 'utf8'));
  const reader = await openForReading({ data, group });
  return { type: 'archived', ...(await archiveSegments({ reader, to, before, origin, key, dryRun: false })) };
}

behindTheCalls();

// The cast states what retention.ts hands over.
const answer = await archive(workerData as RetentionTask).catch((error: unknown): RetentionAnswer => {
  return { type: 'failed', why: error instanceof Error ? error.message : String(error) };
});
parentPort?.postMessage(answer);
