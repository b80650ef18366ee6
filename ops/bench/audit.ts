/**
 * Questions to a long ledger: `node dist/ops/bench/audit.js FOLDER [events]`. Makes the ledger where the folder has none
 * (ten million events), then asks each question in a process of its own: seconds, seconds of CPU, events a second, peak
 * memory, one line of JSON each. `read` (reading and decoding alone) is what the others are held against.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rowsOf } from '../../src/audit/at.js';
import { eventsOf, stateAt } from '../../src/audit/fold.js';
import { historyRows } from '../../src/audit/history.js';
import { openSources, type EntrySource } from '../../src/audit/source.js';
import { MsgpackWriter } from '../../src/base/msgpack-writer.js';
import type { Bytes } from '../../src/base/bytes.js';
import { u64 } from '../../src/base/u64.js';
import { callbackForm } from '../../src/core/callback-form.js';
import { CHECKPOINT_VERSION, serialize } from '../../src/core/checkpoint.js';
import type { Command, LockCommand } from '../../src/core/command.js';
import { decide } from '../../src/core/decide.js';
import { needsForgetting } from '../../src/core/decide-names.js';
import { markExamined } from '../../src/core/decide-wake.js';
import { encodeEvent } from '../../src/core/event-codec.js';
import { evolve } from '../../src/core/evolve.js';
import { initialState } from '../../src/core/state.js';
import { sweep } from '../../src/core/sweep.js';
import { hasWakes } from '../../src/core/wake-queue.js';
import { Chain } from '../../src/ledger/chain.js';
import { FileCheckpoints } from '../../src/ledger/file/checkpoints.js';
import { openFileLedger } from '../../src/ledger/file/open.js';

const GROUP = 'default';
const EVENTS_AN_ENTRY = 256;
/** As the node has them, where its table is small. */
const EVENTS_A_CHECKPOINT = 125_000;
const OWNERS = 2000;
const FILES = 5000;
const HELD = 20_000;
const BEGUN = 1_900_000_000_000;
const AT_ROUNDS = 8;

const [folder, second = '10000000', question] = process.argv.slice(2);
if (folder === undefined) throw new Error('which folder?');

if (question === undefined) {
  if (!existsSync(join(folder, 'groups', GROUP))) await generate(folder, Number(second));
  for (const each of ['read', 'at', 'history', 'lost', 'fold']) {
    const self = fileURLToPath(import.meta.url);
    const { stdout, stderr } = spawnSync(process.execPath, [self, folder, second, each], { encoding: 'utf8' });
    console.log((stdout + stderr).trim());
  }
} else {
  const [source] = await openSources(folder, GROUP, () => undefined);
  if (source !== undefined) await ask(source, question);
}

/** Locks and unlocks of many owners on many files, some that wait, a purge now and then. */
async function generate(data: string, events: number): Promise<void> {
  const began = performance.now();
  const acquire = async (): Promise<{ release(): void }> => ({ release: () => undefined });
  const { ledger } = await openFileLedger({ data, group: GROUP, acquire, log: console.log });
  const checkpoints = new FileCheckpoints({ data, group: GROUP, log: console.log });
  const chain = new Chain(GROUP);
  const state = initialState();
  const writer = new MsgpackWriter();
  let time = BEGUN;
  let batch = 0;
  let done = 0;
  let due = 0;
  const flush = async (): Promise<void> => {
    const entry = {
      epoch: 1,
      node: 'bench',
      time,
      durable: chain.head.position,
      events: { count: batch, bytes: writer.view() },
    };
    await ledger.append(chain.seal(entry));
    writer.reset();
    done += batch;
    due += batch;
    batch = 0;
    time += 20;
    if (due < EVENTS_A_CHECKPOINT) return;
    due = 0;
    await checkpoints.write({ ...chain.head, version: CHECKPOINT_VERSION, state: serialize(state) });
  };
  const run = (command: Command): boolean => {
    const decision = decide(state, command, { now: time, mayGrant: true });
    const at = { position: chain.head.position + 1, epoch: 1, time };
    for (const event of decision.events) {
      evolve(state, event, at);
      encodeEvent(writer, event);
      batch += 1;
    }
    markExamined(state, decision);
    return decision.events.length > 0;
  };
  for (let n = 0; done < events; n += 1) {
    run(lockNumber(n));
    if (n >= HELD) run({ ...lockNumber(n - HELD), type: 'unlock' });
    if (n % 100_000 === 99_999) {
      const order = { commandId: `purge-${n}`, actor: 'uid:0', door: 'socket', reason: 'bench' };
      run({ type: 'purge', selector: { type: 'address', address: '10.1.1.2' }, dryRun: false, order });
    }
    sweep(state, Number.POSITIVE_INFINITY);
    while (hasWakes(state) && run({ type: 'wake' }));
    if (needsForgetting(state)) run({ type: 'forget' });
    if (batch >= EVENTS_AN_ENTRY) await flush();
  }
  await ledger.close();
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(JSON.stringify({ made: done, entries: chain.head.position, seconds, locks: state.lockCount }));
}

/** Every tenth meets a lock of another owner, and waits. */
function lockNumber(n: number): LockCommand {
  const owner = (n * 7919) % OWNERS;
  const file = n % FILES;
  const start = n % 10 === 0 ? 0 : (n % 1_000_003) * 16;
  return {
    type: 'lock',
    owner: {
      client: { name: `client${owner % 100}` as Bytes, address: `10.0.0.${owner % 100}` },
      serverAddress: owner % 2 === 0 ? '10.1.1.1' : '10.1.1.2',
      svid: owner,
      oh: `${owner}@client` as Bytes,
    },
    file: { key: `key-of-file-${file}` as Bytes, fileSystem: 'fs1', handle: `handle-of-file-${file}` as Bytes },
    range: { start: u64(0, start), end: u64(0, start + 7) },
    length: u64(0, 8),
    exclusive: true,
    block: true,
    reclaim: false,
    monitored: true,
    state: 3,
    presentLife: false,
    callback: callbackForm({ version: 4, transport: 'tcp', message: false }),
    call: { port: 700, xid: n >>> 0, digest: 1 },
  };
}

async function ask(source: EntrySource, what: string): Promise<void> {
  const { position: head } = await source.head();
  const range = { from: 1, to: head };
  const began = performance.now();
  const cpu = process.cpuUsage();
  let events = 0;
  let rows = 0;
  let worst = 0;
  if (what === 'read') {
    for await (const group of source.read(1, head)) for (const entry of group) events += eventsOf(entry).length;
  } else if (what === 'fold') {
    const uncheckpointed = { ...source, checkpoint: async () => undefined };
    await stateAt(uncheckpointed, head);
  } else if (what === 'at') {
    for (let round = 1; round <= AT_ROUNDS; round += 1) {
      const started = performance.now();
      const position = Math.floor((head * round) / AT_ROUNDS) - 1;
      const state = await stateAt(source, position);
      for await (const { lock } of rowsOf(state, GROUP, 0, {})) if (lock > 0) rows += 1;
      worst = Math.max(worst, performance.now() - started);
    }
  } else {
    const filter = what === 'history' ? { handle: 'handle-of-file-17' as Bytes } : { client: 'client17' as Bytes };
    for await (const some of historyRows(source, range, filter, () => undefined)) rows += some.length;
  }
  const { user, system } = process.cpuUsage(cpu);
  const milliseconds = performance.now() - began;
  const seconds = (value: number): number => Math.round(value / 10) / 100;
  console.log(
    JSON.stringify({
      what,
      seconds: seconds(what === 'at' ? milliseconds / AT_ROUNDS : milliseconds),
      cpuSeconds: seconds((user + system) / 1000 / (what === 'at' ? AT_ROUNDS : 1)),
      ...(worst > 0 ? { worstSeconds: seconds(worst) } : {}),
      ...(events > 0 ? { events } : {}),
      rows,
      peakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    }),
  );
}
