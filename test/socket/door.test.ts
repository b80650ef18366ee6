import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import { openSocketDoor } from '../../src/doors/socket/door.js';
import { CONNECTIONS_MAX, LINE_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX } from '../../src/doors/socket/limits.js';
import type { LedgerError } from '../../src/base/errors.js';
import { FakeNode } from '../support/fake-node.js';

const LOG = { error: () => undefined, warn: () => undefined };

interface Answer {
  readonly id: number | string | null;
  readonly reply?: Record<string, unknown>;
  readonly item?: { readonly event: { readonly type: string } };
  readonly end?: boolean;
  readonly error?: { readonly code: string; readonly message: string };
}

async function folder(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'nlm-door-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function openDoor(
  t: ExecutionContext,
  node = new FakeNode(),
): Promise<{ path: string; node: FakeNode; close: () => Promise<void> }> {
  const path = join(await folder(t), 'socket');
  const door = await openSocketDoor({ path, admin: node, log: LOG });
  t.teardown(() => door.close());
  return { path, node, close: () => door.close() };
}

/** A peer that reads answers line by line. */
async function dial(
  t: ExecutionContext,
  path: string,
): Promise<{ socket: Socket; answer: () => Promise<Answer>; ask: (text: string) => Promise<Answer> }> {
  const socket = connect({ path });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  t.teardown(() => socket.destroy());
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const answer = async (): Promise<Answer> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the door closed the connection');
    return JSON.parse(value);
  };
  const ask = (text: string): Promise<Answer> => {
    socket.write(`${text}\n`);
    return answer();
  };
  return { socket, answer, ask };
}

test('a request is a line, its reply is a line with its id', async (t) => {
  const { path } = await openDoor(t);
  const { ask } = await dial(t, path);
  t.like(await ask('{"id":7,"procedure":"status"}'), { id: 7, reply: { node: 'a', status: 'serving' } });
  t.like(await ask('{"id":"x","procedure":"unlock-ip","request":{"address":"10.1.1.2"}}'), {
    id: 'x',
    reply: { node: 'a' },
  });
});

test('a request may come in any pieces', async (t) => {
  const { path } = await openDoor(t);
  const { socket, answer } = await dial(t, path);
  const line = '{"id":1,"procedure":"trace","request":{"address":"10.1.0.7","on":true},"user":"root"}\n';
  for (const byte of Buffer.from(line)) socket.write(Buffer.from([byte]));
  t.like(await answer(), { id: 1, reply: { address: '10.1.0.7' } });
  socket.write('{"id":2,"procedure":"groups"}\n{"id":3,"procedure":"groups"}\n');
  t.deepEqual(new Set([(await answer()).id, (await answer()).id]), new Set([2, 3]));
});

test('who calls is recorded as a claim', async (t) => {
  const { path, node } = await openDoor(t);
  const { ask } = await dial(t, path);
  const actors: string[] = [];
  const submit = node.submit.bind(node);
  node.submit = (group, command) => {
    if (command.type === 'purge') actors.push(`${command.order.door} ${command.order.actor}`);
    return submit(group, command);
  };
  await ask('{"id":1,"procedure":"unlock-ip","request":{"address":"10.1.1.2"},"user":"root"}');
  await ask('{"id":2,"procedure":"unlock-ip","request":{"address":"10.1.1.2"}}');
  t.deepEqual(actors, ['socket claimed:root', 'socket unknown']);
});

const bad: readonly (readonly [line: string, id: unknown, code: string])[] = [
  ['nonsense', null, 'bad-request'],
  ['[]', null, 'bad-request'],
  ['{"procedure":"status"}', null, 'bad-request'],
  ['{"id":1}', 1, 'bad-request'],
  ['{"id":2,"procedure":"no-such"}', 2, 'bad-request'],
  ['{"id":3,"procedure":"unlock-ip"}', 3, 'bad-request'],
  ['{"id":4,"procedure":"unlock-ip","request":{"address":"010.1.1.2"}}', 4, 'bad-address'],
  ['{"id":5,"procedure":"status","request":[]}', 5, 'bad-request'],
  ['{"id":6,"procedure":"unlock-fs","request":{"path":"/etc"}}', 6, 'path-not-served'],
  ['{"id":{},"procedure":"status"}', null, 'bad-request'],
];

test('a bad request is answered with its code, and the connection lives on', async (t) => {
  const { path } = await openDoor(t);
  const { ask } = await dial(t, path);
  for (const [line, id, code] of bad) t.like(await ask(line), { id, error: { code } }, line);
  t.like(await ask('{"id":9,"procedure":"status"}'), { id: 9, reply: { node: 'a' } });
});

test('a line beyond the limit is answered and ends its connection, not the others', async (t) => {
  const { path } = await openDoor(t);
  const other = await dial(t, path);
  const { socket, answer } = await dial(t, path);
  socket.write('x'.repeat(LINE_BYTES_MAX + 1));
  t.like(await answer(), { id: null, error: { code: 'limit' } });
  await t.throwsAsync(answer());
  t.like(await other.ask('{"id":1,"procedure":"status"}'), { id: 1 });
});

test('more requests in flight than the limit are refused one by one', async (t) => {
  const { path, node } = await openDoor(t);
  const gate = new EventEmitter();
  const submit = node.submit.bind(node);
  node.submit = async (group, command) => {
    await once(gate, 'open');
    return submit(group, command);
  };
  const { socket, answer } = await dial(t, path);
  for (let id = 0; id <= REQUESTS_IN_FLIGHT_MAX; id += 1) {
    socket.write(`{"id":${id},"procedure":"unlock-ip","request":{"address":"10.1.1.2"}}\n`);
  }
  t.like(await answer(), { id: REQUESTS_IN_FLIGHT_MAX, error: { code: 'limit' } });
  gate.emit('open');
  for (let id = 0; id < REQUESTS_IN_FLIGHT_MAX; id += 1) t.truthy((await answer()).reply);
});

test('more connections than the limit are told so', async (t) => {
  const { path } = await openDoor(t);
  const peers = await Promise.all(Array.from({ length: CONNECTIONS_MAX }, () => dial(t, path)));
  const { answer } = await dial(t, path);
  t.like(await answer(), { id: null, error: { code: 'limit' } });
  t.like(await peers[0]?.ask('{"id":1,"procedure":"status"}'), { id: 1 });
});

test('a stream brings items until its connection ends', async (t) => {
  const { path, node } = await openDoor(t);
  const { socket, ask, answer } = await dial(t, path);
  socket.write('{"id":1,"procedure":"watch"}\n');
  t.like(await ask('{"id":2,"procedure":"status"}'), { id: 2 });
  await node.lock();
  t.is((await answer()).item?.event.type, 'client-met');
  t.is(node.watchers.size, 1);
  const closed = once(socket, 'close');
  socket.end();
  await closed;
  t.is(node.watchers.size, 0);
});

test('a peer that closes its side still gets its answers', async (t) => {
  const { path } = await openDoor(t);
  const { socket, answer } = await dial(t, path);
  socket.end('{"id":1,"procedure":"locks"}\n');
  t.like(await answer(), { id: 1, reply: { rows: [] } });
});

test('the socket is for owner and group alone, and goes with its door', async (t) => {
  const { path, close } = await openDoor(t);
  t.is((await stat(path)).mode & 0o777, 0o660);
  await close();
  t.false(existsSync(path));
});

test('a socket on which a node answers is busy, and is left alone', async (t) => {
  const { path } = await openDoor(t);
  const error = await t.throwsAsync<LedgerError>(openSocketDoor({ path, admin: new FakeNode(), log: LOG }));
  t.is(error?.code, 'busy');
  const { ask } = await dial(t, path);
  t.like(await ask('{"id":1,"procedure":"status"}'), { id: 1 });
});

test('the socket that a killed node left behind is replaced', async (t) => {
  const path = join(await folder(t), 'socket');
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
  const dead = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(dead.stdout, 'data');
  dead.kill('SIGKILL');
  await once(dead, 'exit');
  t.true(existsSync(path));
  const door = await openSocketDoor({ path, admin: new FakeNode(), log: LOG });
  t.teardown(() => door.close());
  const { ask } = await dial(t, path);
  t.like(await ask('{"id":1,"procedure":"status"}'), { id: 1 });
});

test('what is no socket is never removed', async (t) => {
  const path = join(await folder(t), 'socket');
  await writeFile(path, 'precious');
  const error = await t.throwsAsync<LedgerError>(openSocketDoor({ path, admin: new FakeNode(), log: LOG }));
  t.is(error?.code, 'busy');
  t.is((await stat(path)).size, 8);
});

test('closing removes no socket that another put there since', async (t) => {
  const { path, close } = await openDoor(t);
  await rm(path);
  const other = createServer().listen(path);
  await once(other, 'listening');
  t.teardown(() => other.close());
  await close();
  t.true(existsSync(path));
});

test('a path that is too long for a socket is a bad request', async (t) => {
  const path = join(await folder(t), 'x'.repeat(120));
  const error = await t.throwsAsync<LedgerError>(openSocketDoor({ path, admin: new FakeNode(), log: LOG }));
  t.is(error?.code, 'bad-request');
});
