import { once } from 'node:events';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { nlm } from '../support/in-process.js';

const MAIN = 'dist/src/main.js';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Place {
  readonly data: string;
  readonly socket: string;
  readonly port: number;
  readonly nsmPort: number;
}

async function place(t: ExecutionContext): Promise<Place> {
  const data = await mkdtemp(join(tmpdir(), 'nlm-first-'));
  t.teardown(() => rm(data, { recursive: true, force: true }));
  return { data, socket: join(data, 'socket'), port: await freePort(), nsmPort: await freePort() };
}

/** Resolves once the node says that it serves. */
async function start(
  t: ExecutionContext,
  { data, socket, port, nsmPort }: Place,
  ...more: string[]
): Promise<ChildProcess> {
  const fixed = ['--data', data, '--socket', socket, '--nlm-port', String(port), '--nsm-port', String(nsmPort)];
  const child = spawn(process.execPath, [MAIN, 'start', ...fixed, '--portmap', 'off', ...more], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stderr })) {
    if (JSON.parse(line).msg === 'serving') break;
  }
  child.stderr.resume();
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exit = once(child, 'exit');
  child.kill(signal);
  const [code] = await exit;
  return code;
}

test('the first steps of README.md: lock, see it, SIGKILL, start again, still there, unlock-ip', async (t) => {
  const where = await place(t);
  const server = ['--port', String(where.port)];
  const node = ['--socket', where.socket];
  const first = await start(t, where);
  t.like(await nlm('call', 'lock', '--file', 'demo', ...server), { code: 0, out: 'LOCK: GRANTED\n' });
  t.is((await nlm('call', 'lock', '--file', 'demo', '--svid', '2', ...server)).code, 21);
  const tested = await nlm('call', 'test', '--file', 'demo', '--svid', '2', '--udp', '--json', ...server);
  t.like(JSON.parse(tested.out), { statusName: 'DENIED', holder: { svid: 1, exclusive: true } });
  await end(first, 'SIGKILL');
  t.is((await nlm('status', ...node)).code, 3);

  const second = await start(t, where);
  t.is((await nlm('status', ...node)).code, 0);
  const locks = JSON.parse((await nlm('locks', '--json', ...node)).out);
  t.is(locks.rows.length, 1);
  t.is((await nlm('call', 'lock', '--file', 'demo', '--svid', '2', ...server)).code, 21);
  const purged = JSON.parse((await nlm('unlock-ip', '127.0.0.1', '--json', ...node)).out);
  t.like(purged, { counts: { locks: 1, waiters: 0, files: 1 } });
  t.is((await nlm('call', 'lock', '--file', 'demo', '--svid', '2', ...server)).code, 0);
  t.is(await end(second, 'SIGTERM'), 0);
});

test('a waiting call gets its lock when the holder lets go', async (t) => {
  const where = await place(t);
  await start(t, where);
  const server = ['--file', 'demo', '--port', String(where.port)];
  await nlm('call', 'lock', ...server);
  const child = spawn(process.execPath, [MAIN, 'call', 'lock', '--svid', '2', '--block', '--json', ...server]);
  await once(child.stderr, 'data');
  const [granted] = await Promise.all([once(child.stdout, 'data'), nlm('call', 'unlock', ...server)]);
  t.like(JSON.parse(String(granted[0])), { statusName: 'GRANTED' });
});

test('an interrupted wait is cancelled at the server', async (t) => {
  const where = await place(t);
  await start(t, where);
  const server = ['--file', 'demo', '--port', String(where.port)];
  await nlm('call', 'lock', ...server);
  const child = spawn(process.execPath, [MAIN, 'call', 'lock', '--svid', '2', '--block', ...server]);
  await once(child.stderr, 'data');
  t.is(await end(child, 'SIGINT'), 3);
  t.is(JSON.parse((await nlm('waiters', '--json', '--socket', where.socket)).out).rows.length, 0);
});

test('a data folder has one node, and a second one is told so', async (t) => {
  const where = await place(t);
  await start(t, where);
  const second = spawn(process.execPath, [MAIN, 'start', '--data', where.data, '--socket', `${where.socket}2`]);
  const [[message], [code]] = await Promise.all([once(second.stderr, 'data'), once(second, 'exit')]);
  t.is(code, 4);
  t.regex(String(message), /^nlm-ledger: .*\n/);
});

test('a ledger is measured, verified and backed up beside its node, and restored into an empty folder', async (t) => {
  const where = await place(t);
  await start(t, where);
  const data = ['--data', where.data];
  await nlm('call', 'lock', '--file', 'demo', '--port', String(where.port));
  t.like(JSON.parse((await nlm('ledger', 'stat', '--json', ...data)).out), { group: 'default', epoch: 1 });
  t.regex((await nlm('ledger', 'verify', ...data)).out, /^sound: /);
  const dumped = (await nlm('ledger', 'dump', ...data)).out.trim().split('\n');
  t.true(dumped.some((line) => JSON.parse(line).events.some(({ type }: { type: string }) => type === 'lock-granted')));
  const target = join(where.data, 'copy');
  t.is((await nlm('ledger', 'backup', target, ...data)).code, 0);
  t.is((await nlm('ledger', 'backup', target, ...data)).code, 4);
  t.is((await nlm('ledger', 'restore', target, '--data', join(where.data, 'again'))).code, 0);
  t.is((await nlm('ledger', 'stat', '--data', join(where.data, 'none'))).code, 5);
});
