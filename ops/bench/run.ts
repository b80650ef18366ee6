/**
 * `npm run bench [-- --quick] [--no-peers] [--keep] [--data DIR]`: the canonical workloads on the built node, in processes
 * of its own, on free ports and a temporary folder; the table, the curves, and the raw figures in ops/bench/results. It
 * fails where a ratio has fallen behind the kept ones. README.md beside it says how to read them.
 */

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { Curve } from './curves/curve.js';
import { drawn } from './curves/svg.js';
import { connectionCurve } from './run/connections.js';
import { furnish, isInside, runInside } from './run/namespace.js';
import { freePort, freePorts, startIdle, startNode } from './run/child.js';
import { runHeld, type HeldFigures } from './run/held.js';
import { isInstalled } from './run/installed.js';
import { IDLE, NODE } from './run/names.js';
import { absentPeers, startPeers } from './run/peers.js';
import { keptOf, readKept, regressions, writeKept } from './run/reference.js';
import { runReplicas } from './run/replicas.js';
import type { Results } from './run/results.js';
import { ownHandles, runRounds, type Contender, type Rounds } from './run/shapes.js';
import { tableLines } from './run/table.js';
import { runVolume } from './run/volume.js';
import { yardstickMs } from './run/yardstick.js';

interface Plan {
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly volumeMs: number;
  readonly replicas: { readonly rounds: number; readonly durationMs: number; readonly warmMs: number };
  /** The largest number of the curve of connections. */
  readonly connections: number;
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
  replicas: { rounds: 1, durationMs: 1000, warmMs: 2000 },
  connections: 100,
  held: [{ count: 100_000, durationMs: 2000, starts: 1, purges: 1 }],
};
const FULL: Plan = {
  rounds: 5,
  durationMs: 1000,
  warmupMs: 300,
  volumeMs: 5000,
  replicas: { rounds: 5, durationMs: 2000, warmMs: 6000 },
  connections: 1000,
  held: [
    { count: 100_000, durationMs: 4000, starts: 3, purges: 3 },
    { count: 1_000_000, durationMs: 12_000, starts: 3, purges: 1 },
  ],
};

/** The largest of them fill tables for minutes; curves.ts stops by itself long before. */
const CURVES_MS_MAX = 600_000;
const RESULTS = fileURLToPath(new URL('../../../ops/bench/results/', import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    'no-peers': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    data: { type: 'string', default: tmpdir() },
  },
});

async function main(): Promise<void> {
  const peers = !values['no-peers'];
  // The peers have ports of their own, and stay away from the host's.
  if (peers && process.getuid?.() === 0 && !isInside()) {
    process.exitCode = await runInside();
    return;
  }
  for (const line of peers ? absentPeers() : ['any peer: --no-peers']) console.log(`Without ${line}.`);
  if (!isInstalled('nats-server')) console.log('Without three replicas: nats-server is not installed.');
  const plan = values.quick ? QUICK : FULL;
  const began = new Date();
  const folder = mkdtempSync(join(values.data, 'nlm-bench-'));
  const path = (name: string): string => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  try {
    const results = await measure(plan, folder, path, peers);
    for (const line of tableLines(results)) console.log(line);
    const seconds = (Date.now() - began.getTime()) / 1000;
    const date = values.keep ? 'reference' : began.toISOString().replaceAll(/[:.]/g, '-');
    const name = `${date}${values.quick ? '-quick' : ''}`;
    keep(name, { began, seconds, machine: machine(), plan, ...results });
    for (const curve of results.curves) writeFileSync(join(RESULTS, name, `${curve.name}.svg`), drawn(curve));
    console.log(`\n${seconds.toFixed(0)} s; raw figures and curves: ${relative(process.cwd(), join(RESULTS, name))}`);
    judge(results);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function keep(name: string, figures: object): void {
  mkdirSync(join(RESULTS, name), { recursive: true });
  writeFileSync(join(RESULTS, name, 'figures.json'), `${JSON.stringify(figures, undefined, 1)}\n`);
}

/** A quick run has ratios of its own: it is not warm. */
function judge(results: Results): void {
  const kept = join(RESULTS, values.quick ? 'kept-quick.json' : 'kept.json');
  if (values.keep) return writeKept(kept, keptOf(results));
  const found = regressions(results, readKept(kept));
  for (const line of found) console.log(`REGRESSION ${line}`);
  if (found.length > 0) process.exitCode = 1;
}

async function measure(plan: Plan, folder: string, path: (name: string) => string, peers: boolean): Promise<Results> {
  if (isInside()) furnish();
  const yardstick = yardstickMs();
  const idlePort = await freePort();
  const idle = await startIdle(idlePort, join(folder, 'idle.log'));
  const idleContender: Contender = {
    name: IDLE,
    pid: idle.pid,
    tcpPort: idlePort,
    udpPort: idlePort,
    handles: ownHandles(),
    monitored: true,
  };
  try {
    const rounds = await measureRounds(plan, path, folder, idleContender, peers);
    say('ledger: bytes a pair');
    const volume = await runVolume(path('volume'), plan.volumeMs);
    const held: HeldFigures[] = [];
    for (const { count, ...how } of plan.held) {
      held.push(await runHeld({ count, ...how, data: path(`held-${count}`), idle: idleContender, say }));
    }
    const replicas = isInstalled('nats-server')
      ? await runReplicas({ folder: path('replicas'), ...plan.replicas, say })
      : undefined;
    say('curves');
    const curves = [
      ...(await coreCurves(path('curves'))),
      await connectionCurve(path('connections'), plan.connections),
    ];
    return { rounds, volume, held, replicas, curves, yardstickMs: yardstick };
  } finally {
    await idle.stop();
  }
}

async function coreCurves(folder: string): Promise<Curve[]> {
  const script = fileURLToPath(new URL('curves.js', import.meta.url));
  const args = [script, folder, ...(values.quick ? ['quick'] : [])];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: CURVES_MS_MAX });
  // The cast states what curves.ts prints.
  return JSON.parse(stdout) as Curve[];
}

async function measureRounds(
  plan: Plan,
  path: (name: string) => string,
  folder: string,
  idle: Contender,
  withPeers: boolean,
): Promise<Rounds> {
  const peers = withPeers ? await startPeers(path('peers')) : undefined;
  const node = await startNode(path('rounds'), await freePorts());
  try {
    const { pid, port } = node;
    const own = { name: NODE, pid, tcpPort: port, udpPort: port, handles: ownHandles(), monitored: true };
    return await runRounds({ contenders: [idle, own, ...(peers?.contenders ?? [])], ...plan, folder, say });
  } finally {
    await node.stop();
    await peers?.stop();
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
