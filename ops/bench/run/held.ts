/** Many locks held: what one takes in memory, what the others notice, a start after SIGKILL, and their purge by address. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { askNode } from '../../../src/cli/node-client.js';
import type { PurgeReply } from '../../../src/admin/messages.js';
import { Calls, syntheticHandles } from '../load/calls.js';
import { Generator, type Figures } from '../load/generator.js';
import { residentBytes } from '../load/process.js';
import { hold, pairs, test, type Held } from '../load/work.js';
import { freePorts, HOST, OTHER_HOST, startNode, type NodeChild, type Probe } from './child.js';
import { runShape, SHAPES, type Contender } from './shapes.js';

export interface HeldOptions {
  readonly count: number;
  readonly data: string;
  /** Each of load beside the held locks. */
  readonly durationMs: number;
  /** Starts after SIGKILL. */
  readonly starts: number;
  /** Purges, with the locks taken again between them. */
  readonly purges: number;
  /** The server that does nothing: its worst reply in the same seconds. */
  readonly idle: Contender;
  readonly say: (line: string) => void;
}

export interface HeldFigures {
  readonly count: number;
  readonly holdPerSecond: number;
  readonly bytesALock: number;
  /** 8x16 beside the held locks, and on the server that does nothing, by turns. */
  readonly beside: readonly Figures[];
  readonly besideIdle: readonly Figures[];
  /** From the start of the process to the first TEST that finds a held lock. */
  readonly startMs: readonly number[];
  readonly purges: readonly PurgeFigures[];
  /** Of all that this ledger has seen, from its first entry. */
  readonly replay: ReplayFigures;
}

export interface ReplayFigures {
  readonly events: number;
  readonly eventsPerSecond: number;
}

export interface PurgeFigures {
  readonly milliseconds: number;
  /** Worst reply of the other clients in microseconds: in the second before, and until the rows are swept. */
  readonly worstBefore: number;
  readonly worstMeanwhile: number;
}

const FILES = 10_000;
const OWNERS = 8;
const CALLERS = 8;
const SAMPLE = 2000;
const SETTLE_MS = 1500;
const SETTLE_STEP_MS = 100;
const SLICES = 4;
const BEFORE_MS = 500;
const REPLAY_MS_MAX = 60_000;

const CALLS = new Calls({ handles: syntheticHandles(FILES), callers: CALLERS });

export async function runHeld(options: HeldOptions): Promise<HeldFigures> {
  const { count, data, idle, say } = options;
  const held: Held = { count, files: FILES, owners: OWNERS };
  const probe: Probe = { host: OTHER_HOST, calls: CALLS, work: () => test(held, 1, 'held') };
  const ports = await freePorts();
  let node = await startNode(data, ports);
  let figures: Omit<HeldFigures, 'replay'>;
  try {
    // The code is compiled and the heap has grown before memory is looked at.
    await runShape(SHAPES[1]!, contenderOf(node), { durationMs: 1000, warmupMs: 0 });
    const before = await settled(node.pid);
    say(`${count} held: taking them`);
    const taken = await onOther(node, (generator) => generator.run({ work: hold(held) }));
    const bytesALock = ((await settled(node.pid)) - before) / count;
    await find(node, held, 'held');

    say(`${count} held: load beside them`);
    const beside: Figures[] = [];
    const besideIdle: Figures[] = [];
    for (let slice = 0; slice < SLICES; slice += 1) {
      const timing = { durationMs: options.durationMs / SLICES, warmupMs: 200 };
      beside.push(await runShape(SHAPES[1]!, contenderOf(node), timing));
      besideIdle.push(await runShape(SHAPES[1]!, idle, timing));
    }

    const startMs: number[] = [];
    for (let n = 0; n < options.starts; n += 1) {
      say(`${count} held: SIGKILL and start`);
      await node.stop('SIGKILL');
      node = await startNode(data, ports, probe);
      startMs.push(node.startMs);
      await find(node, held, 'held');
    }

    const purges: PurgeFigures[] = [];
    for (let n = 0; n < options.purges; n += 1) {
      if (n > 0) await onOther(node, (generator) => generator.run({ work: hold(held) }));
      say(`${count} held: purge by address`);
      purges.push(await purge(node, count));
      await find(node, held, 'gone');
    }
    figures = { count, holdPerSecond: taken.operationsPerSecond, bytesALock, beside, besideIdle, startMs, purges };
  } finally {
    await node.stop();
  }
  say(`${count} held: replay of their ledger`);
  return { ...figures, replay: await replayOf(data) };
}

async function purge(node: NodeChild, count: number): Promise<PurgeFigures> {
  const others = await Generator.connect({
    server: { host: HOST, port: node.port, transport: 'tcp' },
    calls: CALLS,
    connections: 4,
    depth: 4,
  });
  try {
    void others.start(pairs(FILES, 16));
    await later(BEFORE_MS);
    others.lap();
    await later(BEFORE_MS);
    const { max: worstBefore } = others.lap();
    const began = performance.now();
    const reply = await askNode<PurgeReply>(node.socket, 'unlock-ip', { address: OTHER_HOST, reason: 'bench' });
    const milliseconds = performance.now() - began;
    // It is answered before all of them are swept; the whole list is there once they are.
    for (const { group, position } of reply.groups) {
      await askNode(node.socket, 'purge-report', { group, position, limit: 1 });
    }
    const { max: worstMeanwhile, wrong, firstWrong } = others.lap();
    await others.stop();
    if (wrong > 0) throw new Error(`beside the purge: ${wrong} wrong replies (${firstWrong})`);
    if (reply.counts.locks !== count) throw new Error(`the purge dropped ${reply.counts.locks} locks of ${count}`);
    return { milliseconds, worstBefore, worstMeanwhile };
  } finally {
    others.close();
  }
}

async function replayOf(data: string): Promise<ReplayFigures> {
  const script = fileURLToPath(new URL('../replay.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, data], { timeout: REPLAY_MS_MAX });
  // The cast states what replay.ts prints.
  return JSON.parse(stdout) as ReplayFigures;
}

async function find(node: NodeChild, held: Held, expect: 'held' | 'gone'): Promise<void> {
  const { wrong, firstWrong } = await onOther(node, (generator) => generator.run({ work: test(held, SAMPLE, expect) }));
  if (wrong > 0) throw new Error(`${wrong} of ${SAMPLE} locks are not ${expect} (${firstWrong})`);
}

async function onOther(node: NodeChild, run: (generator: Generator) => Promise<Figures>): Promise<Figures> {
  const server = { host: OTHER_HOST, port: node.port, transport: 'tcp' } as const;
  const generator = await Generator.connect({ server, calls: CALLS, connections: 8, depth: 32, pid: node.pid });
  try {
    const figures = await run(generator);
    if (figures.wrong > 0) throw new Error(`${figures.wrong} wrong replies (${figures.firstWrong})`);
    return figures;
  } finally {
    generator.close();
  }
}

/** The least resident memory over a moment of quiet: a checkpoint may still be folding in a thread of the process. */
async function settled(pid: number): Promise<number> {
  let least = residentBytes(pid);
  for (let waited = 0; waited < SETTLE_MS; waited += SETTLE_STEP_MS) {
    await later(SETTLE_STEP_MS);
    least = Math.min(least, residentBytes(pid));
  }
  return least;
}

function contenderOf({ pid, port }: NodeChild): Contender {
  return { name: 'nlm-ledger', pid, tcpPort: port, udpPort: port, handles: CONTENDER_HANDLES, monitored: true };
}

const CONTENDER_HANDLES = syntheticHandles(1000);

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
