/**
 * Redis as a peer of the bench, with appendfsync always: SET NX and DEL by turns, which is what a lock in Redis is. It
 * syncs each batch before it answers, and knows nothing of ranges, owners or waiters.
 */

import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { ended, freePort, HOST } from './child.js';
import { closedLoop, lanes, later, type LoadedConnection, type Tally } from './closed-loop.js';
import type { Contender } from './shapes.js';

export interface Redis {
  readonly contender: Contender;
  stop(): Promise<void>;
}

const START_MS_MAX = 10_000;
const TRY_AGAIN_MS = 20;

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
      load: (shape, timing) =>
        closedLoop(pid, async (n, depth, tally) => loaded(await open(port), n, depth, tally), shape, timing),
    },
    stop: () => ended(child, 'SIGTERM'),
  };
}

/** Each lane takes and drops a key of its own. */
function loaded(socket: Socket, connection: number, depth: number, tally: Tally): LoadedConnection {
  let out = '';
  let rest = '';
  const waiting: ((reply: string) => void)[] = [];
  const ask = (command: string, expected: string, then: () => void): void => {
    const began = performance.now();
    out += command;
    waiting.push((reply) => {
      tally.record(began, reply === expected ? undefined : reply);
      then();
    });
  };
  const send = (): void => {
    if (out !== '') socket.write(out, 'latin1');
    out = '';
  };
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    const text = rest + chunk;
    let at = 0;
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n', at)) {
      waiting.shift()?.(text.slice(at, end));
      at = end + 2;
    }
    rest = text.slice(at);
    send();
  });
  const failed = new Promise<never>((_, reject) => socket.on('error', reject));
  const stopped = lanes(depth, tally, (lane, again) => {
    const key = `lock:${connection}:${lane}`;
    const set = command('SET', key, 'owner-1234567890', 'NX', 'PX', '30000');
    const del = command('DEL', key);
    return () => ask(set, '+OK', () => ask(del, ':1', again));
  });
  send();
  return { done: Promise.race([stopped, failed]), close: () => socket.destroy() };
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
