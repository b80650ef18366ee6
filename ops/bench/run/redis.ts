/**
 * Redis as a peer of the bench, with appendfsync always: SET NX and DEL by turns, which is what a lock in Redis is. It
 * syncs each batch before it answers, and knows nothing of ranges, owners or waiters.
 */

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import type { Figures } from '../load/generator.js';
import { Histogram } from '../load/histogram.js';
import { cpuMicroseconds, residentBytes } from '../load/process.js';
import { ended, freePort, HOST } from './child.js';
import type { Contender, Shape, Timing } from './shapes.js';

export interface Redis {
  readonly contender: Contender;
  stop(): Promise<void>;
}

const START_MS_MAX = 10_000;
const TRY_AGAIN_MS = 20;
const DRAIN_MS_MAX = 5000;

export async function startRedis(folder: string): Promise<Redis> {
  const port = await freePort();
  const output = openSync(join(folder, 'redis.log'), 'a');
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const child = spawn('redis-server', ['--port', `${port}`, '--bind', HOST, '--dir', folder, ...durable], {
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const until = performance.now() + START_MS_MAX;
  for (;;) {
    const socket = await open(port).catch(() => undefined);
    if (socket !== undefined) {
      socket.destroy();
      break;
    }
    if (performance.now() > until) throw new Error(`redis-server does not answer: see ${join(folder, 'redis.log')}`);
    await later(TRY_AGAIN_MS);
  }
  const pid = child.pid ?? 0;
  return {
    contender: {
      name: 'redis',
      pid,
      tcpPort: port,
      udpPort: port,
      handles: [],
      monitored: false,
      load: (shape, timing) => load(pid, port, shape, timing),
    },
    stop: () => ended(child, 'SIGTERM'),
  };
}

/** As the load generator: closed loops of calls, `depth` of them on each connection. */
async function load(pid: number, port: number, shape: Shape, timing: Timing): Promise<Figures | undefined> {
  if (shape.transport === 'udp' || shape.rate !== undefined) return undefined;
  const tally = { histogram: new Histogram(), wrong: 0, firstWrong: undefined as string | undefined, stopping: false };
  const sockets: Socket[] = [];
  for (let n = 0; n < shape.connections; n += 1) sockets.push(await open(port));
  const done = sockets.map((socket, n) => lanes(socket, n, shape.depth, tally));
  await later(timing.warmupMs);
  tally.histogram = new Histogram();
  const [began, cpu, own] = [performance.now(), cpuMicroseconds(pid), process.cpuUsage()];
  await later(timing.durationMs);
  const { histogram, wrong, firstWrong } = tally;
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(own);
  const serverCpu = (cpuMicroseconds(pid) - cpu) / histogram.count;
  tally.stopping = true;
  tally.histogram = new Histogram();
  await Promise.race([Promise.all(done), later(DRAIN_MS_MAX)]);
  for (const socket of sockets) socket.destroy();
  return {
    seconds,
    operations: histogram.count,
    operationsPerSecond: histogram.count / seconds,
    p50: histogram.quantile(0.5),
    p99: histogram.quantile(0.99),
    p999: histogram.quantile(0.999),
    max: histogram.max,
    wrong,
    firstWrong,
    retransmissions: 0,
    serverCpu,
    ownCpu: (user + system) / histogram.count,
    serverResident: residentBytes(pid),
  };
}

interface Tally {
  histogram: Histogram;
  wrong: number;
  firstWrong: string | undefined;
  stopping: boolean;
}

/** Each lane takes and drops a key of its own. Resolves once every lane has stopped. */
function lanes(socket: Socket, connection: number, depth: number, tally: Tally): Promise<void> {
  return new Promise((resolve, reject) => {
    let alive = depth;
    let out = '';
    let rest = '';
    const waiting: ((reply: string) => void)[] = [];
    const ask = (command: string, expected: string, then: () => void): void => {
      const began = performance.now();
      out += command;
      waiting.push((reply) => {
        tally.histogram.record((performance.now() - began) * 1000);
        if (reply !== expected) {
          tally.wrong += 1;
          tally.firstWrong ??= reply;
        }
        then();
      });
    };
    for (let lane = 0; lane < depth; lane += 1) {
      const key = `lock:${connection}:${lane}`;
      const set = command('SET', key, 'owner-1234567890', 'NX', 'PX', '30000');
      const del = command('DEL', key);
      const again = (): void => {
        if (!tally.stopping) return ask(set, '+OK', () => ask(del, ':1', again));
        alive -= 1;
        if (alive === 0) resolve();
      };
      again();
    }
    socket.setEncoding('latin1');
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      const text = rest + chunk;
      let at = 0;
      for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n', at)) {
        waiting.shift()?.(text.slice(at, end));
        at = end + 2;
      }
      rest = text.slice(at);
      if (out !== '') socket.write(out, 'latin1');
      out = '';
    });
    socket.write(out, 'latin1');
    out = '';
  });
}

function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, HOST);
  await once(socket, 'connect');
  socket.setNoDelay(true);
  return socket;
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
