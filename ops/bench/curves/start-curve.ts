/** A start against the length of its ledger: entries of a made-up history read from the files, checked and folded. */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MsgpackWriter } from '../../../src/base/msgpack-writer.js';
import { encodeEvent } from '../../../src/core/event-codec.js';
import { initialState } from '../../../src/core/state.js';
import { fold } from '../../../src/engine/replay.js';
import { Chain } from '../../../src/ledger/chain.js';
import { openFileLedger } from '../../../src/ledger/file/open.js';
import { openForReading } from '../../../src/ledger/file/reader.js';
import { processorMs } from '../load/process.js';
import { lockNumber, newCall, run } from './commands.js';
import { LINEAR, type Curve } from './curve.js';
import type { Point } from './fit.js';

const GROUP = 'default';
const FIRST = 10_000;
const EVENTS_AN_ENTRY = 500;
const PER_FILE = 10;

/** Of ledgers below `folder`: every second lock stays. */
export async function startCurve(folder: string, most: number): Promise<Curve> {
  const points: Point[] = [];
  for (let n = FIRST; n <= most; n *= 10) {
    const data = join(folder, `start-${n}`);
    await write(data, n);
    const reader = await openForReading({ data, group: GROUP });
    const began = processorMs();
    const { events } = await fold(undefined, (from) => reader.read(from));
    points.push({ n: events, value: processorMs() - began });
    rmSync(data, { recursive: true });
  }
  return {
    name: 'start',
    title: 'Replay without a checkpoint',
    of: 'events in the ledger',
    unit: 'milliseconds of processor, read, checked and folded',
    exponentMax: LINEAR,
    points,
  };
}

async function write(data: string, events: number): Promise<void> {
  const acquire = async (): Promise<{ release(): void }> => ({ release: () => undefined });
  const { ledger } = await openFileLedger({ data, group: GROUP, acquire, log: () => undefined });
  const chain = new Chain(GROUP, ledger.head());
  const state = initialState();
  const writer = new MsgpackWriter();
  let count = 0;
  const flush = async (): Promise<void> => {
    const body = { epoch: 1, node: 'bench', time: Date.now(), durable: chain.head.position };
    const sealed = chain.seal({ ...body, events: { count, bytes: writer.view() } });
    writer.reset();
    count = 0;
    await ledger.append(sealed);
  };
  let written = 0;
  for (let n = 0; written < events; n += 1) {
    const lock = lockNumber(n, { perFile: PER_FILE });
    const made = [...run(state, lock)];
    if (n % 2 === 1) {
      made.push(
        ...run(state, { type: 'unlock', owner: lock.owner, file: lock.file, range: lock.range, call: newCall() }),
      );
    }
    for (const event of made) encodeEvent(writer, event);
    count += made.length;
    written += made.length;
    if (count >= EVENTS_AN_ENTRY) await flush();
  }
  if (count > 0) await flush();
  await ledger.close();
}
