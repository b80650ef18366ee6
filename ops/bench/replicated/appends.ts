/**
 * Appends of the replicated ledger by sizes, one in flight, beside the servers' acknowledgement of a publish alone: what
 * the fence, the chain and the archive add. In this process, without an engine.
 */

import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { MsgpackWriter } from '../../../src/base/msgpack-writer.js';
import { Bus } from '../../../src/bus/bus.js';
import { Chain } from '../../../src/ledger/chain.js';
import { openReplicatedLog } from '../../../src/ledger/jetstream/open.js';
import type { Publisher } from './publisher.js';

const WARM_UP = 50;
const SIZES = [200, 1024, 16 * 1024, 64 * 1024, 450 * 1024];

interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** One after the other; milliseconds. */
async function measure(count: number, once: () => Promise<unknown>): Promise<Figures> {
  for (let i = 0; i < WARM_UP; i += 1) await once();
  const took: number[] = [];
  const began = performance.now();
  for (let i = 0; i < count; i += 1) {
    const at = performance.now();
    await once();
    took.push(performance.now() - at);
  }
  const perSecond = Math.round((count / (performance.now() - began)) * 1000);
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? 0;
  return { perSecond, p50: at(0.5), p99: at(0.99) };
}

function eventsOf(bytes: number): { count: number; bytes: Uint8Array } {
  const writer = new MsgpackWriter();
  writer.array(2);
  writer.number(1);
  writer.buffer(Buffer.alloc(bytes, 1));
  return { count: 1, bytes: writer.take() };
}

export async function benchAppends(
  folder: string,
  servers: readonly string[],
  publisher: Publisher,
  count: number,
  say: (line: string) => void,
): Promise<void> {
  const bus = new Bus({ servers, name: 'bench' }, { onUp: () => undefined, onDown: () => undefined });
  const log = await openReplicatedLog({
    bus,
    data: await mkdtemp(join(folder, 'appends-')),
    group: 'bench',
    node: 'bench',
    members: ['bench'],
    replicas: 3,
    waitForFollower: false,
    eventVersion: 1,
    checkpointVersion: 1,
    acquire: async () => ({ release: () => undefined }),
    log: say,
  });
  await bus.start(5000);
  const { ledger } = await log.claim({ acceptLoss: false, quorum: false });
  const chain = new Chain('bench');
  try {
    for (const bytes of SIZES) {
      const events = eventsOf(bytes);
      const rounds = bytes > 100_000 ? Math.ceil(count / 10) : count;
      // By turns, so that a noisy machine is noisy for both.
      const publish = await measure(rounds, () => publisher.publish(events.bytes));
      const append = await measure(rounds, async () => {
        const { position } = chain.head;
        const entry = chain.seal({ epoch: 1, node: 'bench', time: Date.now(), durable: position, events });
        const outcome = await ledger.append(entry);
        if (outcome.type !== 'durable') throw new Error(outcome.type);
      });
      for (const [name, { perSecond, p50, p99 }] of [
        ['publish alone', publish],
        ['append', append],
      ] as const) {
        const size = `${String(bytes).padStart(7)} B`;
        const rate = `${String(perSecond).padStart(6)}/s`;
        say(`${size}  ${name.padEnd(14)} ${rate}  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`);
      }
      say(`           ratio of the medians ${(append.p50 / publish.p50).toFixed(2)}`);
    }
  } finally {
    await ledger.close();
    await log.close();
    await bus.close();
  }
}
