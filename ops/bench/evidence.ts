/**
 * `audit verify` over a long ledger, beside its bound: reading and decoding alone. Each in a process of its own, so that
 * its memory is its own. Run: node dist/ops/bench/evidence.js [million events] [folder]
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MsgpackWriter } from '../../src/base/msgpack-writer.js';
import { decide } from '../../src/core/decide.js';
import { decodeEvents, encodeEvent } from '../../src/core/event-codec.js';
import { evolve } from '../../src/core/evolve.js';
import { initialState } from '../../src/core/state.js';
import { verifyEvidence } from '../../src/audit/evidence/verify.js';
import { Chain } from '../../src/ledger/chain.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { openForReading } from '../../src/ledger/file/reader.js';
import { lock, unlock } from '../../test/support/commands.js';

const FILES = 5000;
const COMMANDS_A_BATCH = 64;
const MS_A_BATCH = 20;
const BEGUN = 1_900_000_000_000;

/** Owners lock and unlock files in turns, as many as a batch holds. */
async function make(data: string, events: number): Promise<void> {
  const acquire = async () => ({ release: () => undefined });
  const { ledger } = await openFileLedger({ data, group: 'default', acquire, log: () => undefined });
  const chain = new Chain('default');
  const state = initialState();
  let made = 0;
  for (let step = 0; made < events;) {
    const writer = new MsgpackWriter();
    const time = BEGUN + chain.head.position * MS_A_BATCH;
    let count = 0;
    for (let i = 0; i < COMMANDS_A_BATCH; i += 1, step += 1) {
      const turn = Math.floor(step / FILES) % 2;
      const file = step % FILES;
      const what = {
        client: `client${file % 100}`,
        from: `10.0.0.${file % 100}`,
        svid: file % 7,
        file: `file ${file}`,
      };
      const command = turn === 0 ? lock(what) : unlock(what);
      const at = { position: chain.head.position + 1, epoch: 1, time };
      for (const event of decide(state, command, { now: time, mayGrant: true }).events) {
        evolve(state, event, at);
        encodeEvent(writer, event);
        count += 1;
      }
    }
    made += count;
    await ledger.append(
      chain.seal({
        epoch: 1,
        node: 'bench',
        time,
        durable: chain.head.position,
        events: { count, bytes: writer.view() },
      }),
    );
  }
  await ledger.close();
}

async function bound(data: string): Promise<number> {
  let events = 0;
  for await (const entries of (await openForReading({ data, group: 'default' })).read(1)) {
    for (const entry of entries) decodeEvents(entry.events, () => (events += 1));
  }
  return events;
}

async function verify(data: string): Promise<number> {
  const reader = await openForReading({ data, group: 'default' });
  const { events, faults, ruled, head } = await verifyEvidence(reader, {
    running: false,
    pastDamage: false,
    against: [],
    keys: [],
    onFault: (fault) => console.log(fault),
  });
  if (faults > 0 || ruled !== head.position) throw new Error('the ledger is not sound');
  return events;
}

const WORK = { bound, verify };

async function main(): Promise<void> {
  const [what = '10', folder = tmpdir()] = process.argv.slice(2);
  if (what === 'bound' || what === 'verify') {
    const began = performance.now();
    const cpu = process.cpuUsage();
    const events = await WORK[what](folder);
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const cpuSeconds = (user + system) / 1e6;
    const mib = process.resourceUsage().maxRSS / 1024;
    console.log(
      `${what.padEnd(7)} ${events} events in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU, ${Math.round(events / cpuSeconds)} events a CPU second, ${mib.toFixed(0)} MiB at most`,
    );
    return;
  }
  const data = mkdtempSync(join(folder, 'nlm-bench-'));
  await make(data, Number(what) * 1_000_000);
  for (const each of ['bound', 'verify', 'bound', 'verify']) {
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), each, data], { stdio: 'inherit' });
  }
  rmSync(data, { recursive: true });
}

await main();
