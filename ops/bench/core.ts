/**
 * The core alone: `node dist/ops/bench/core.js [held ...]`. For each number of held locks: microseconds a LOCK and its
 * UNLOCK, bytes a lock, worst pause, purge by address with its sweep, checkpoint out and in.
 */

import { performance } from 'node:perf_hooks';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import { initialState } from '../../src/core/state.js';
import { sweep } from '../../src/core/sweep.js';
import { lockNumber, newCall, run } from './curves/commands.js';

const PAIRS = 200_000;
const SLICE = 2000;

function measure(held: number, perFile: number): Record<string, number | string> {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const state = initialState();
  for (let n = 0; n < held; n += 1) run(state, lockNumber(n, { perFile }));
  globalThis.gc?.();
  const bytesALock = (process.memoryUsage.rss() - before) / held;

  const pairs = Array.from({ length: 1000 }, (_, i) =>
    lockNumber(held + Math.floor((i * perFile) / 1000), { perFile }),
  );
  let worst = 0;
  const begin = performance.now();
  for (let i = 0; i < PAIRS; i += 1) {
    const lock = pairs[i % pairs.length]!;
    const started = performance.now();
    const call = newCall();
    run(state, { ...lock, call });
    run(state, { type: 'unlock', owner: lock.owner, file: lock.file, range: lock.range, call });
    worst = Math.max(worst, performance.now() - started);
  }
  const pair = ((performance.now() - begin) * 1000) / PAIRS;

  let started = performance.now();
  const bytes = serialize(state);
  const save = performance.now() - started;
  started = performance.now();
  deserialize(bytes);
  const load = performance.now() - started;

  const order = { commandId: 'bench', actor: 'bench', door: 'bench', reason: 'bench' };
  started = performance.now();
  run(state, { type: 'purge', selector: { type: 'address', address: '10.1.1.1' }, order, dryRun: false });
  const purge = performance.now() - started;
  let slice = 0;
  const sweepBegin = performance.now();
  for (let done = false; !done;) {
    started = performance.now();
    done = sweep(state, SLICE);
    slice = Math.max(slice, performance.now() - started);
  }
  return {
    held,
    'a file': perFile,
    'us a pair': pair.toFixed(2),
    'worst ms': worst.toFixed(1),
    'bytes a lock': Math.round(bytesALock),
    'save ms': Math.round(save),
    'load ms': Math.round(load),
    'checkpoint MB': (bytes.length / 1e6).toFixed(1),
    'purge ms': purge.toFixed(2),
    'sweep ms': Math.round(performance.now() - sweepBegin),
    [`worst slice of ${SLICE}, ms`]: slice.toFixed(1),
  };
}

const sizes = process.argv.slice(2).map(Number);
const rows: Record<string, number | string>[] = [];
for (const held of sizes.length > 0 ? sizes : [1000, 100_000, 1_000_000]) {
  for (const perFile of [10, held]) rows.push(measure(held, perFile));
}
console.table(rows);
