/** How long a small write with its sync takes: what every grant waits for. */

import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const SYNCS = 50;
const WRITE_BYTES = 512;
/** A disk that takes this long is slow, whatever the rest would have been. */
const TOTAL_MS_MAX = 10_000;

/** Milliseconds of each. @throws the error of the system: no space, no permission */
export async function measureSyncs(folder: string): Promise<number[]> {
  const path = join(folder, `.doctor-${process.pid}`);
  const file = await open(path, 'wx', 0o600);
  try {
    const bytes = Buffer.alloc(WRITE_BYTES, 0x5a);
    // Like a segment of the ledger: written ahead, so that a sync changes no sizes.
    await file.write(Buffer.alloc(SYNCS * WRITE_BYTES));
    await file.sync();
    const times: number[] = [];
    const start = performance.now();
    for (let i = 0; i < SYNCS && performance.now() - start < TOTAL_MS_MAX; i += 1) {
      const begun = performance.now();
      await file.write(bytes, 0, WRITE_BYTES, i * WRITE_BYTES);
      await file.datasync();
      times.push(performance.now() - begun);
    }
    return times;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
