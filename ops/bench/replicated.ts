/**
 * The replicated ledger beside the stream's own acknowledgement: three nats-servers on loopback, three replicas, one
 * append in flight, as the engine does it. Says appends a second, latency, and how much of it is the publish alone.
 *
 *   node dist/ops/bench/replicated.js [--quick]
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MsgpackWriter } from '../../src/base/msgpack-writer.js';
import { Bus } from '../../src/bus/bus.js';
import { connectOnce, headers } from '../../src/bus/connection.js';
import { Chain } from '../../src/ledger/chain.js';
import { openReplicatedLog } from '../../src/ledger/jetstream/open.js';
import { NatsCluster } from '../nats/cluster.js';

const QUICK = process.argv.includes('--quick');
const WARM_UP = 50;

interface Figures {
  readonly bytes: number;
  readonly name: string;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** One after the other; milliseconds. */
async function measure(name: string, bytes: number, count: number, once: () => Promise<void>): Promise<Figures> {
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
  return { name, bytes, perSecond, p50: at(0.5), p99: at(0.99) };
}

function eventsOf(bytes: number): { count: number; bytes: Uint8Array } {
  const writer = new MsgpackWriter();
  writer.array(2);
  writer.number(1);
  writer.buffer(Buffer.alloc(bytes, 1));
  return { count: 1, bytes: writer.take() };
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'nlm-ledger-bench-'));
  const cluster = await NatsCluster.start({ folder });
  const bus = new Bus({ servers: cluster.urls, name: 'bench' }, { onUp: () => undefined, onDown: () => undefined });
  const log = await openReplicatedLog({
    bus,
    data: join(folder, 'data'),
    group: 'bench',
    node: 'a',
    members: ['a'],
    replicas: 3,
    waitForFollower: false,
    eventVersion: 1,
    checkpointVersion: 1,
    acquire: async () => ({ release: () => undefined }),
    log: (line) => console.error(line),
  });
  await bus.start(5000);
  const { ledger } = await log.claim({ acceptLoss: false, quorum: false });
  const chain = new Chain('bench');
  const plain = await connectOnce({ servers: cluster.urls, name: 'plain' });
  const api = '$JS.API.STREAM.CREATE.PLAIN';
  await plain.request(api, JSON.stringify({ name: 'PLAIN', subjects: ['plain'], num_replicas: 3, storage: 'file' }));
  const count = QUICK ? 300 : 3000;
  let sequence = 0;
  try {
    for (const bytes of [200, 1024, 16 * 1024, 64 * 1024, 450 * 1024]) {
      const events = eventsOf(bytes);
      const rounds = bytes > 100_000 ? Math.ceil(count / 10) : count;
      // By turns, so that a noisy machine is noisy for both.
      const publish = await measure('publish alone', bytes, rounds, async () => {
        const head = headers();
        head.set('Nats-Expected-Last-Sequence', String(sequence++));
        await plain.request('plain', events.bytes, { timeout: 5000, headers: head });
      });
      const append = await measure('append', bytes, rounds, async () => {
        const { position } = chain.head;
        const entry = chain.seal({ epoch: 1, node: 'a', time: Date.now(), durable: position, events });
        const outcome = await ledger.append(entry);
        if (outcome.type !== 'durable') throw new Error(outcome.type);
      });
      for (const { name, perSecond, p50, p99 } of [publish, append]) {
        console.log(
          `${String(bytes).padStart(7)} B  ${name.padEnd(14)} ${String(perSecond).padStart(6)}/s  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`,
        );
      }
      console.log(`           ratio of the medians ${(append.p50 / publish.p50).toFixed(2)}`);
    }
  } finally {
    await ledger.close();
    await log.close();
    await bus.close();
    await plain.close();
    await cluster.stopAll();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
