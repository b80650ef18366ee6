/**
 * `npm run bench [-- --quick] [--peer] [--data DIR]`: the canonical workloads on the built node, in processes of its
 * own, on free ports and a temporary folder; the table, and the raw figures in ops/bench/results. README.md beside it
 * says how to read them.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startGanesha, whyNoGanesha } from './run/ganesha.js';
import { furnish, isInside, runInside } from './run/namespace.js';
import { freePort, freePorts, startIdle, startNode } from './run/child.js';
import { runHeld, type HeldFigures } from './run/held.js';
import { ownHandles, runRounds, type Contender, type Rounds } from './run/shapes.js';
import { tableLines, type Results } from './run/table.js';
import { runVolume } from './run/volume.js';

interface Plan {
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly volumeMs: number;
  readonly held: readonly {
    readonly count: number;
    readonly durationMs: number;
    readonly starts: number;
    readonly purges: number;
  }[];
}

const QUICK: Plan = {
  rounds: 2,
  durationMs: 400,
  warmupMs: 150,
  volumeMs: 1000,
  held: [{ count: 100_000, durationMs: 2000, starts: 1, purges: 1 }],
};
const FULL: Plan = {
  rounds: 5,
  durationMs: 1000,
  warmupMs: 300,
  volumeMs: 5000,
  held: [
    { count: 100_000, durationMs: 4000, starts: 3, purges: 3 },
    { count: 1_000_000, durationMs: 12_000, starts: 3, purges: 1 },
  ],
};

const RESULTS = fileURLToPath(new URL('../../../ops/bench/results/', import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    peer: { type: 'boolean', default: false },
    data: { type: 'string', default: tmpdir() },
  },
});

async function main(): Promise<void> {
  const why = values.peer ? whyNoGanesha() : undefined;
  if (why !== undefined) console.log(`Without NFS-Ganesha: ${why}.`);
  const peer = values.peer && why === undefined;
  if (peer && !isInside()) {
    process.exitCode = await runInside();
    return;
  }
  const plan = values.quick ? QUICK : FULL;
  const began = new Date();
  const folder = mkdtempSync(join(values.data, 'nlm-bench-'));
  const path = (name: string): string => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  try {
    const results = await measure(plan, folder, path, peer);
    for (const line of tableLines(results)) console.log(line);
    const seconds = (Date.now() - began.getTime()) / 1000;
    const file = join(RESULTS, `${began.toISOString().replaceAll(/[:.]/g, '-')}${values.quick ? '-quick' : ''}.json`);
    mkdirSync(RESULTS, { recursive: true });
    writeFileSync(file, `${JSON.stringify({ began, seconds, machine: machine(), plan, ...results }, undefined, 1)}\n`);
    console.log(`\n${seconds.toFixed(0)} s; raw figures: ${relative(process.cwd(), file)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function measure(plan: Plan, folder: string, path: (name: string) => string, peer: boolean): Promise<Results> {
  if (peer) furnish();
  const idlePort = await freePort();
  const idle = await startIdle(idlePort, join(folder, 'idle.log'));
  const idleContender: Contender = {
    name: 'idle',
    pid: idle.pid,
    tcpPort: idlePort,
    udpPort: idlePort,
    handles: ownHandles(),
    monitored: true,
  };
  try {
    const rounds = await measureRounds(plan, folder, path, idleContender, peer);
    say('ledger: bytes a pair');
    const volume = await runVolume(path('volume'), plan.volumeMs);
    const held: HeldFigures[] = [];
    for (const { count, ...how } of plan.held) {
      held.push(await runHeld({ count, ...how, data: path(`held-${count}`), idle: idleContender, say }));
    }
    return { rounds, volume, held };
  } finally {
    await idle.stop();
  }
}

async function measureRounds(
  plan: Plan,
  folder: string,
  path: (name: string) => string,
  idle: Contender,
  peer: boolean,
): Promise<Rounds> {
  const ganesha = peer ? await startGanesha(path('ganesha')) : undefined;
  const node = await startNode(path('rounds'), await freePorts());
  try {
    const { pid, port } = node;
    const own = { name: 'nlm-ledger', pid, tcpPort: port, udpPort: port, handles: ownHandles(), monitored: true };
    const contenders = ganesha === undefined ? [idle, own] : [idle, own, ganesha.contender];
    return await runRounds({ contenders, ...plan, folder, say });
  } finally {
    await node.stop();
    await ganesha?.stop();
  }
}

function machine(): Record<string, unknown> {
  let commit: string | undefined;
  try {
    commit = execFileSync('git', ['rev-parse', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // No checkout, or no git: the figures stand without it.
  }
  return {
    commit,
    node: process.version,
    kernel: release(),
    processor: cpus()[0]?.model,
    cores: availableParallelism(),
  };
}

function say(line: string): void {
  if (process.stderr.isTTY) console.error(line);
}

await main();
