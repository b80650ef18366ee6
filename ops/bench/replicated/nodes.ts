/**
 * Two whole nodes that share a group on three replicas, under the load of clients, beside an embedded node under the same
 * load: durable operations a second, latency at depth 1 beside the servers' acknowledgement alone, and the lag of the
 * node that follows.
 */

import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NatsCluster } from '../../nats/cluster.js';
import { Calls, syntheticHandles } from '../load/calls.js';
import { Generator, type Figures } from '../load/generator.js';
import { cpuMicroseconds } from '../load/process.js';
import { nulls, pairs } from '../load/work.js';
import { freePorts, HOST, startNode, type NodeChild, type Probe } from '../run/child.js';
import { median } from '../run/statistics.js';
import { Lag } from './lag.js';
import type { Publisher } from './publisher.js';

/** 127/8 is on every Linux host: it stands for the floating address. */
const FLOATING = '127.0.0.9';
const GROUP = 'home';
const FILES = 1000;
const CALLERS = 8;
/** A LOCK's entry, about. */
const ENTRY_BYTES = 250;
const PUBLISHES = 300;

interface Nodes {
  readonly owner: NodeChild;
  readonly follower: NodeChild;
  readonly embedded: NodeChild;
}

export interface NodesOptions {
  readonly folder: string;
  readonly cluster: NatsCluster;
  readonly publisher: Publisher;
  readonly rounds: number;
  readonly durationMs: number;
  /** Of load on each of the two that are loaded, before the first round. */
  readonly warmMs: number;
  readonly say: (line: string) => void;
}

export async function benchNodes(options: NodesOptions): Promise<readonly Round[]> {
  const { folder, cluster, publisher, rounds, durationMs, warmMs, say } = options;
  const nodes = await startAll(folder, cluster);
  const lag = new Lag(publisher.connection, GROUP, 'b');
  try {
    for (const node of [nodes.owner, nodes.embedded]) await load(node, hostOf(nodes, node), 64, 16, warmMs);
    const seen: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      say(`three replicas: round ${round + 1} of ${rounds}`);
      seen.push(await measure(nodes, cluster, publisher, lag, durationMs));
    }
    return seen;
  } finally {
    for (const node of Object.values(nodes)) await (node as NodeChild).stop();
  }
}

/** The same nodes for a generator of one's own, until a signal to end. */
export async function serveNodes(folder: string, cluster: NatsCluster, say: (line: string) => void): Promise<void> {
  const ended = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  const nodes = await startAll(folder, cluster);
  try {
    const servers = cluster.names.flatMap((_, i) => cluster.server(i)?.pid ?? []);
    say(
      `three replicas: NLM at ${FLOATING}, TCP port ${nodes.owner.port}; owner ${nodes.owner.pid}, follower ${nodes.follower.pid}, nats-servers ${servers.join(' ')}`,
    );
    say(`embedded: NLM at ${HOST}, TCP port ${nodes.embedded.port}; process ${nodes.embedded.pid}`);
    say('File handles of any form; until Ctrl-C.');
    await ended;
  } finally {
    for (const node of Object.values(nodes)) await (node as NodeChild).stop();
  }
}

export interface Round {
  /** Milliseconds of one message of an entry's size, one after the other: the servers' own part. */
  readonly publish: readonly number[];
  readonly single: Figures;
  readonly singleEmbedded: Figures;
  readonly many: Figures;
  readonly manyEmbedded: Figures;
  /** Microseconds of processor an operation, of the follower and of the three servers. */
  readonly followerCpu: number;
  readonly serversCpu: number;
  readonly lagSingle: ReturnType<Lag['take']>;
  readonly lagMany: ReturnType<Lag['take']>;
}

async function measure(
  nodes: Nodes,
  cluster: NatsCluster,
  publisher: Publisher,
  lag: Lag,
  durationMs: number,
): Promise<Round> {
  const { owner, follower, embedded } = nodes;
  const publish = await publisher.times(Buffer.alloc(ENTRY_BYTES, 1), PUBLISHES);
  lag.take();
  const single = await load(owner, FLOATING, 1, 1, durationMs);
  const lagSingle = lag.take();
  const singleEmbedded = await load(embedded, HOST, 1, 1, durationMs);
  const servers = cluster.names.flatMap((_, i) => cluster.server(i)?.pid ?? []);
  const before = [follower.pid, ...servers].map(cpuMicroseconds);
  const many = await load(owner, FLOATING, 64, 16, durationMs);
  const after = [follower.pid, ...servers].map(cpuMicroseconds);
  const lagMany = lag.take();
  const used = after.map((value, i) => (value - (before[i] ?? 0)) / many.operations);
  const manyEmbedded = await load(embedded, HOST, 64, 16, durationMs);
  const [followerCpu = 0, ...serversCpu] = used;
  return {
    publish,
    single,
    singleEmbedded,
    many,
    manyEmbedded,
    followerCpu,
    serversCpu: serversCpu.reduce((sum, value) => sum + value, 0),
    lagSingle,
    lagMany,
  };
}

export function reportNodes(rounds: readonly Round[], say: (line: string) => void): void {
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const rate = (pick: (round: Round) => Figures): string => of((r) => pick(r).operationsPerSecond).toFixed(0);
  const cpu = (pick: (round: Round) => Figures): string => of((r) => pick(r).serverCpu ?? 0).toFixed(1);
  say(`durable operations a second, 64x16: ${rate((r) => r.many)}; embedded ${rate((r) => r.manyEmbedded)}`);
  say(`  ratio ${of((r) => r.many.operationsPerSecond / r.manyEmbedded.operationsPerSecond).toFixed(2)}`);
  say(
    `  processor, us an operation: owner ${cpu((r) => r.many)} (embedded ${cpu((r) => r.manyEmbedded)}), follower ${of((r) => r.followerCpu).toFixed(1)}, the three servers ${of((r) => r.serversCpu).toFixed(1)}`,
  );
  say(`  p50 ${ms(of((r) => r.many.p50 / 1000))}, p99 ${ms(of((r) => r.many.p99 / 1000))}`);
  const publish = of((r) => median(r.publish));
  const single = of((r) => r.single.p50 / 1000);
  say(
    `latency at depth 1, p50: ${ms(single)}; the servers' acknowledgement alone ${ms(publish)}; embedded ${ms(of((r) => r.singleEmbedded.p50 / 1000))}`,
  );
  say(`  ratio to the acknowledgement ${of((r) => r.single.p50 / 1000 / median(r.publish)).toFixed(2)}`);
  for (const [name, pick] of [
    ['1x1', (r: Round) => r.lagSingle],
    ['64x16', (r: Round) => r.lagMany],
  ] as const) {
    const all = rounds.flatMap((round) => pick(round).milliseconds).toSorted((a, b) => a - b);
    const at = (share: number): string => ms(all[Math.floor(all.length * share)] ?? Number.NaN);
    const most = Math.max(...rounds.map((round) => pick(round).entriesMax));
    say(`follower lag, ${name}: p50 ${at(0.5)}, p99 ${at(0.99)}, at most ${most} entries behind (${all.length} seen)`);
  }
}

function ms(value: number): string {
  return `${value.toFixed(2)} ms`;
}

async function load(
  { port, pid }: NodeChild,
  host: string,
  connections: number,
  depth: number,
  durationMs: number,
): Promise<Figures> {
  const server = { host, port, transport: 'tcp' } as const;
  const calls = new Calls({ handles: syntheticHandles(FILES), callers: CALLERS });
  const generator = await Generator.connect({ server, calls, connections, depth, pid });
  try {
    const figures = await generator.run({ work: pairs(FILES, connections * depth), durationMs, warmupMs: 300 });
    if (figures.wrong > 0) throw new Error(`${figures.wrong} wrong answers: ${figures.firstWrong}`);
    return figures;
  } finally {
    generator.close();
  }
}

function hostOf(nodes: Nodes, node: NodeChild): string {
  return node === nodes.owner ? FLOATING : HOST;
}

async function startAll(folder: string, cluster: NatsCluster): Promise<Nodes> {
  const calls = new Calls({ handles: syntheticHandles(1), callers: 1 });
  let left = 1;
  // The floating address is served once the group is owned.
  const served: Probe = {
    host: FLOATING,
    calls,
    work: () => {
      const all = nulls();
      left = 1;
      return { ...all, begin: (slot) => left-- > 0 && all.begin(slot) };
    },
  };
  const owner = await startShared(folder, cluster, 'a', served);
  const follower = await startShared(folder, cluster, 'b');
  const data = join(folder, 'embedded');
  await mkdir(data, { recursive: true });
  return { owner, follower, embedded: await startNode(data, await freePorts()) };
}

async function startShared(folder: string, cluster: NatsCluster, name: string, probe?: Probe): Promise<NodeChild> {
  const data = join(folder, name);
  await mkdir(data, { recursive: true });
  const config = join(data, 'bench.json');
  const configuration = {
    node: { name },
    nats: { servers: cluster.urls, replicas: 3 },
    exports: [{ path: '/srv/home', fileSystem: 'home', handle: { format: 'any' } }],
    groups: [{ name: GROUP, nodes: ['a', 'b'], addresses: [FLOATING], exports: ['/srv/home'], way: 'carry' }],
  };
  await writeFile(config, JSON.stringify(configuration));
  return startNode(data, await freePorts(), probe, ['--config', config, '--nsm', 'none']);
}
