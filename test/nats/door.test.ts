/** The door on the bus, on a real nats-server, spoken to by a plain client. */

import test, { type ExecutionContext } from 'ava';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WatchedEvent } from '../../src/admin/port.js';
import { checkReply } from '../../src/admin/schema.js';
import { decodePayload } from '../../src/bus/payload.js';
import { freeze, serialNatsTest, msgpack, PlainClient, startBusNode, startNats, until } from '../support/nats.js';
import { startNode, temporaryFolder, type TestNode } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

const GRANTED = 0;

async function clientOf(t: ExecutionContext, node: TestNode): Promise<RpcClient> {
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  return client;
}

async function hold(t: ExecutionContext, node: TestNode, files: number): Promise<void> {
  const client = await clientOf(t, node);
  for (let i = 0; i < files; i += 1) t.is(await client.lock({ file: `file-${i}` }), GRANTED);
}

serialNatsTest('one unlock-ip reaches every node, and each answers for itself (hazard 21)', async (t) => {
  const server = await startNats(t);
  const [a, b] = await Promise.all([startBusNode(t, server, 'nfs.a'), startBusNode(t, server, 'nfs-b')]);
  await Promise.all([hold(t, a, 2), hold(t, b, 1)]);
  const client = await PlainClient.connect(t, server);
  const answers = await client.ask('nlm.unlock-ip', '{"address":"127.0.0.1","reason":"move"}', 2);
  t.deepEqual(
    answers.map(({ node, error, body }) => [node, error, body['node'], (body['counts'] as { locks: number }).locks]),
    [
      ['nfs-b', '', 'nfs-b', 1],
      ['nfs.a', '', 'nfs.a', 2],
    ],
  );
  for (const { body } of answers) t.notThrows(() => checkReply('unlock-ip', body));
});

serialNatsTest('the services framework finds the nodes, and counts what they were asked', async (t) => {
  const server = await startNats(t);
  await Promise.all([startBusNode(t, server, 'a'), startBusNode(t, server, 'b')]);
  const client = await PlainClient.connect(t, server);
  await client.ask('nlm.unlock-ip', { address: 'nonsense' }, 2);
  const found: string[] = [];
  const subjects = new Set<string>();
  for await (const info of await client.connection.services.client().info('nlm-ledger')) {
    found.push(info.metadata?.['node'] ?? '');
    t.is(info.version, '0.1.0');
    for (const { subject } of info.endpoints) subjects.add(subject);
  }
  t.deepEqual(found.toSorted(), ['a', 'b']);
  t.true(['nlm.unlock-ip', 'nlm.unlock-fs', 'nlm.files', 'nlm.purge-report'].every((subject) => subjects.has(subject)));
  for await (const { endpoints } of await client.connection.services.client().stats('nlm-ledger')) {
    const counted = endpoints?.find(({ subject }) => subject === 'nlm.unlock-ip');
    t.like(counted?.data, { requests: 1, errors: 1 });
  }
});

serialNatsTest('an answer is in kind: JSON to JSON and to nothing, msgpack to msgpack', async (t) => {
  const server = await startNats(t);
  await startBusNode(t, server, 'a');
  const client = await PlainClient.connect(t, server);
  t.like(await client.one('nlm.status', ''), { isJson: true, body: { node: 'a', status: 'serving' } });
  t.like(await client.one('nlm.groups', {}), { isJson: true, error: '' });
  const packed = await client.one('nlm.unlock-ip', msgpack({ address: '10.1.1.2', commandId: 'x' }));
  t.like(packed, { isJson: false, error: '', body: { commandId: 'x' } });
  t.like(await client.one('nlm.unlock-ip', msgpack({ address: '010.1.1.2' })), {
    isJson: false,
    error: '400',
    body: { code: 'bad-address' },
  });
});

const deep = `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;
const bad: readonly (readonly [
  what: string,
  subject: string,
  payload: string | Uint8Array,
  error: string,
  code: string,
])[] = [
  ['JSON that ends early', 'nlm.unlock-ip', '{"address":', '400', 'bad-request'],
  ['bytes that are not UTF-8', 'nlm.unlock-ip', Buffer.from('{"address":"\xff"}', 'latin1'), '400', 'bad-request'],
  ['text', 'nlm.unlock-ip', '10.1.1.2', '400', 'bad-request'],
  ['a number of msgpack', 'nlm.unlock-ip', Buffer.from([7]), '400', 'bad-request'],
  [
    'msgpack with a length beyond its bytes',
    'nlm.unlock-ip',
    Buffer.from([0xdf, 255, 255, 255, 255]),
    '400',
    'bad-request',
  ],
  [
    'msgpack with a string beyond its bytes',
    'nlm.unlock-ip',
    Buffer.from([0x81, 0xdb, 255, 255, 255, 255]),
    '400',
    'bad-request',
  ],
  ['no address', 'nlm.unlock-ip', '{}', '400', 'bad-request'],
  ['an unknown key', 'nlm.unlock-ip', '{"address":"10.1.1.2","adress":1}', '400', 'bad-request'],
  ['a key of the prototype', 'nlm.unlock-ip', '{"address":"10.1.1.2","__proto__":{}}', '400', 'bad-request'],
  ['an actor with a space', 'nlm.unlock-ip', '{"address":"10.1.1.2","actor":"a b"}', '400', 'bad-request'],
  ['a tree of arrays', 'nlm.unlock-ip', deep, '400', 'bad-request'],
  ['a request beyond the limit', 'nlm.unlock-ip', `{"address":"${'1'.repeat(70_000)}"}`, '429', 'limit'],
  ['an address with a leading zero', 'nlm.unlock-ip', '{"address":"010.1.1.2"}', '400', 'bad-address'],
  ['a path that is not there', 'nlm.unlock-fs', '{"path":"/no/such/path"}', '404', 'path-not-found'],
  ['a lock that is not there', 'nlm.unlock-lock', '{"lock":7,"node":"a"}', '404', 'not-found'],
  ['a lock without its group', 'nlm.unlock-lock', '{"lock":7}', '400', 'bad-request'],
  ['another node', 'nlm.unlock-ip', '{"address":"10.1.1.2","node":"b"}', '403', 'refused'],
  ['another epoch', 'nlm.unlock-ip', '{"address":"10.1.1.2","epoch":99}', '403', 'refused'],
  ['locks of another node', 'nlm.files', '{"node":"b"}', '403', 'refused'],
  ['a cursor of no page', 'nlm.files', '{"cursor":"x"}', '400', 'bad-request'],
];

serialNatsTest(
  'a bad request is a service error with its code and changes nothing (hazard 14: node and epoch)',
  async (t) => {
    const server = await startNats(t);
    const node = await startBusNode(t, server, 'a');
    await hold(t, node, 1);
    const client = await PlainClient.connect(t, server);
    const before = node.admin.groups()[0]?.position;
    for (const [what, subject, payload, error, code] of bad) {
      t.like(await client.one(subject, payload), { node: 'a', error, body: { code } }, what);
    }
    t.is(node.admin.groups()[0]?.position, before);
    t.like(await client.one('nlm.files', ''), { error: '' });
  },
);

serialNatsTest('a command under its id is carried out once, over a restart of the node too', async (t) => {
  const server = await startNats(t);
  const data = await temporaryFolder(t);
  const client = await PlainClient.connect(t, server);
  const order = { address: '127.0.0.1', commandId: 'move-7', actor: 'root@b' };
  const first = await startBusNode(t, server, 'a', { data });
  await hold(t, first, 2);
  t.like(await client.one('nlm.unlock-ip', order), { body: { repeated: false, counts: { locks: 2 } } });
  await hold(t, first, 1);
  t.like(await client.one('nlm.unlock-ip', order), { body: { repeated: true, counts: { locks: 2 } } });
  await first.close();
  const second = await startBusNode(t, server, 'a', { data });
  t.like(await client.one('nlm.unlock-ip', order), { body: { repeated: true, counts: { locks: 2 } } });
  t.is(second.admin.groups()[0]?.state?.lockCount, 1);
});

serialNatsTest('who orders is recorded as a claim, with the reason', async (t) => {
  const server = await startNats(t);
  const node = await startBusNode(t, server, 'a');
  const events: object[] = [];
  const watch = node.admin.watch(({ event }) => events.push(event));
  t.teardown(() => watch.close());
  const client = await PlainClient.connect(t, server);
  await client.one('nlm.unlock-ip', { address: '10.1.1.2', actor: 'root@b', reason: 'move', commandId: 'c' });
  await client.one('nlm.unlock-ip', { address: '10.1.1.2' });
  t.like(events[0], { order: { actor: 'claimed:root@b', door: 'nats', reason: 'move', commandId: 'c' } });
  t.like(events[1], { order: { actor: 'unknown', door: 'nats', reason: '' } });
});

for (const eventsFormat of ['json', 'msgpack'] as const) {
  serialNatsTest(`every durable event is published, with names in place of ids, as ${eventsFormat}`, async (t) => {
    const server = await startNats(t);
    const node = await startBusNode(t, server, 'a', { nats: { eventsFormat } });
    const client = await PlainClient.connect(t, server);
    const events = client.connection.subscribe('nlm.events.default');
    await client.connection.flush();
    await hold(t, node, 1);
    await client.one('nlm.unlock-ip', { address: '127.0.0.1' });
    const seen: WatchedEvent[] = [];
    for await (const { data } of events) {
      t.is(data[0] === 0x7b, eventsFormat === 'json');
      seen.push(decodePayload(data) as WatchedEvent);
      if (seen.at(-1)?.event.type === 'address-unlocked') break;
    }
    const granted = seen.find(({ event }) => event.type === 'lock-granted');
    t.like(granted, { group: 'default', event: { serverAddress: '127.0.0.1', fileSystem: '' } });
    t.like(seen.at(-1), { group: 'default', event: { address: '127.0.0.1' } });
    t.true((seen.at(-1)?.position ?? 0) > (granted?.position ?? 0));
  });
}

serialNatsTest('rows that the server does not take in one message come page by page', async (t) => {
  const folder = await temporaryFolder(t);
  const config = join(folder, 'nats.conf');
  await writeFile(config, 'max_payload: 65536\n');
  const server = await startNats(t, { config });
  const node = await startBusNode(t, server, 'a');
  await hold(t, node, 300);
  const client = await PlainClient.connect(t, server);
  const page = await client.one('nlm.files', { limit: 1000 });
  const listed = page.body['rows'] as object[];
  t.true(listed.length > 50 && listed.length < 300);
  t.is(typeof page.body['cursor'], 'string');

  const { body } = await client.one('nlm.unlock-ip', { address: '127.0.0.1' });
  const [group] = body['groups'] as { position: number; cursor?: string }[];
  const rows = [...(body['rows'] as object[])];
  t.like(body, { counts: { locks: 300 } });
  for (let cursor = group?.cursor; cursor !== undefined;) {
    const further = await client.one('nlm.purge-report', { group: 'default', position: group?.position, cursor });
    t.is(further.error, '');
    rows.push(...(further.body['rows'] as object[]));
    cursor = further.body['cursor'] as string | undefined;
  }
  t.is(new Set(rows.map((row) => JSON.stringify(row))).size, 300);
});

test('without NATS in the configuration the status says that it is off', async (t) => {
  const node = await startNode(t);
  t.regex(node.notes().join('\n'), /no NATS \(not in the configuration\)/);
});

serialNatsTest('a node serves while NATS is away, says so, and takes orders once it is back', async (t) => {
  const server = await startNats(t);
  const node = await startBusNode(t, server, 'a');
  const rpc = await clientOf(t, node);
  await server.stop('SIGKILL');
  await until(() => node.notes().some((note) => note.startsWith('NATS is away')), 'the note that NATS is away');
  t.is(await rpc.lock({ file: 'x' }), GRANTED);
  const again = await startNats(t, { port: server.port });
  const client = await PlainClient.connect(t, again);
  await client.found(1);
  t.false(node.notes().some((note) => note.startsWith('NATS is away')));
  t.like(await client.one('nlm.unlock-ip', { address: '127.0.0.1' }), { body: { counts: { locks: 1 } } });
});

serialNatsTest('a node starts, serves and stops beside a server that froze', async (t) => {
  const server = await startNats(t);
  await freeze(server);
  const node = await startBusNode(t, server, 'a', { waits: false });
  t.is(node.admin.node().counters['natsConnected'], 0);
  t.is(await (await clientOf(t, node)).lock({}), GRANTED);
  await node.close();
});

serialNatsTest('an open connection to a server that froze keeps nobody from stopping', async (t) => {
  const server = await startNats(t);
  const node = await startBusNode(t, server, 'a');
  t.is(node.admin.node().counters['natsConnected'], 1);
  await freeze(server);
  await node.close();
});

serialNatsTest('a node says that another one has its name: each order would reach one of the two', async (t) => {
  const server = await startNats(t);
  await startBusNode(t, server, 'a');
  const second = await startBusNode(t, server, 'a');
  await until(() => second.notes().some((note) => note.includes('another node is called a too')), 'the note');
  t.pass();
});

test('a server that is not there is named in the status, with why', async (t) => {
  const node = await startNode(t, { file: { nats: { servers: ['nats://127.0.0.1:1'] } } });
  t.regex(node.notes().join('\n'), /NATS is away, and tried again: NATS server 127\.0\.0\.1:1: ECONNREFUSED/);
});
