/** Appends and replay of the file ledger on this disk. Run: node dist/ops/bench/ledger.js [folder] */

import { encodedEvents } from '../../test/support/events.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHistogram, performance } from 'node:perf_hooks';
import { Chain } from '../../src/ledger/chain.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import type { SyncWay } from '../../src/ledger/file/sync-writer.js';

const APPENDS = 20_000;
const acquire = async (): Promise<{ release(): void }> => ({ release: () => undefined });

console.log('way       events  appends/s  p50 us  p99 us  p99.9 us  max us  cpu us');
for (const way of ['adaptive', 'main', 'pool'] as const satisfies readonly SyncWay[]) {
  for (const events of [1, 32]) {
    const data = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'nlm-bench-'));
    const { ledger } = await openFileLedger({ data, group: 'default', acquire, log: console.log, syncWay: way });
    const chain = new Chain('default');
    const latency = createHistogram();
    const cpu = process.cpuUsage();
    const begun = performance.now();
    for (let i = 0; i < APPENDS; i++) {
      const list = Array.from(
        { length: events },
        (_, n) => [1, i, n, 'owner', 4711, 0, 1024, 'handle-of-32-bytes'] as const,
      );
      const started = performance.now();
      await ledger.append(
        chain.seal({
          epoch: 1,
          node: 'bench',
          time: Date.now(),
          durable: chain.head.position,
          events: encodedEvents(list),
        }),
      );
      latency.record(Math.max(1, Math.round((performance.now() - started) * 1000)));
    }
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const us = (percent: number): string => String(latency.percentile(percent)).padStart(7);
    console.log(
      `${way.padEnd(9)} ${String(events).padStart(6)} ${(APPENDS / seconds).toFixed(0).padStart(10)} ${us(50)} ${us(99)}   ${us(99.9)} ${us(100)} ${((user + system) / APPENDS).toFixed(0).padStart(7)}`,
    );
    if (way === 'adaptive') {
      const started = performance.now();
      let count = 0;
      for await (const group of ledger.read(1)) for (const entry of group) count += entry.events.count;
      const took = (performance.now() - started) / 1000;
      console.log(`  replay: ${count} events of ${APPENDS} entries, ${(count / took / 1e6).toFixed(2)} M events/s`);
    }
    await ledger.close();
    rmSync(data, { recursive: true });
  }
}
