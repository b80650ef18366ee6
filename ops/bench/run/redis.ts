/**
 * Redis as a peer of the bench, with appendfsync always: SET NX and DEL by turns, which is what a lock in Redis is. It
 * syncs each batch before it answers, and knows nothing of ranges, owners or waiters.
 */

import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { freePort, HOST } from './child.js';
import { lanes, type LoadedConnection, type Tally } from './closed-loop.js';
import { startPeer, type Peer } from './peer.js';

export async function startRedis(folder: string): Promise<Peer> {
  const port = await freePort();
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  return startPeer({
    name: 'redis',
    program: 'redis-server',
    args: ['--port', `${port}`, '--bind', HOST, '--dir', folder, ...durable],
    port,
    folder,
    answers: () => answers(port),
    connect: async (n, depth, tally) => loaded(await open(port), n, depth, tally),
  });
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

async function answers(port: number): Promise<boolean> {
  const socket = await open(port).catch(() => undefined);
  socket?.destroy();
  return socket !== undefined;
}
