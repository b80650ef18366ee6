/**
 * The replicated ledger on three nats-servers of loopback, three replicas: whole nodes under load beside an embedded one,
 * and appends alone by their size. README.md says how to read it.
 *
 *   node dist/ops/bench/replicated.js [--quick | --serve]
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NatsCluster } from '../nats/cluster.js';
import { benchAppends } from './replicated/appends.js';
import { benchNodes, reportNodes, serveNodes } from './replicated/nodes.js';
import { Publisher } from './replicated/publisher.js';

const QUICK = process.argv.includes('--quick');
const WARM_MS = 8000;

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'nlm-ledger-bench-'));
  const cluster = await NatsCluster.start({ folder });
  const publisher = await Publisher.open(cluster.urls);
  const say = (line: string): void => console.log(line);
  try {
    if (process.argv.includes('--serve')) return await serveNodes(folder, cluster, say);
    const [rounds, durationMs, appends] = QUICK ? [2, 2000, 300] : [5, 4000, 3000];
    reportNodes(await benchNodes({ folder, cluster, publisher, rounds, durationMs, warmMs: WARM_MS, say }), say);
    await benchAppends(folder, cluster.urls, publisher, appends, say);
  } finally {
    await publisher.close();
    await cluster.stopAll();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
