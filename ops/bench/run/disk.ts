/** The disk under the bench: one small synchronous write into a file written ahead, what every grant waits for at least. */

import { closeSync, constants, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Histogram } from '../load/histogram.js';

const WRITES = 200;
const BYTES = 512;

/** Microseconds, the median. */
export function syncMicroseconds(folder: string): number {
  const path = join(folder, 'sync-probe');
  writeFileSync(path, Buffer.alloc(WRITES * BYTES), { flush: true });
  const file = openSync(path, constants.O_RDWR | constants.O_DSYNC);
  const latency = new Histogram();
  const payload = Buffer.alloc(BYTES, 0x5a);
  for (let n = 0; n < WRITES; n += 1) {
    const started = performance.now();
    writeSync(file, payload, 0, BYTES, n * BYTES);
    latency.record((performance.now() - started) * 1000);
  }
  closeSync(file);
  rmSync(path);
  return latency.quantile(0.5);
}
