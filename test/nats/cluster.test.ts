/** The command line to every node over NATS: who answered, who did not, and one exit code. */

import test, { type ExecutionContext } from 'ava';
import { headers, type Msg } from 'nats';
import { nlm } from '../support/in-process.js';
import { serialNatsTest, PlainClient, startBusNode, startNats } from '../support/nats.js';
import type { TestNode } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

async function hold(t: ExecutionContext, node: TestNode, files: number): Promise<void> {
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  for (let i = 0; i < files; i += 1) t.is(await client.lock({ file: `file-${i}` }), 0);
}

/** A service that is found and never answers, as a node that hangs. */
async function silentNode(t: ExecutionContext, server: { readonly url: string }, node: string): Promise<void> {
  const { connection } = await PlainClient.connect(t, server);
  const service = await connection.services.add({
    name: 'nlm-ledger',
    version: '0.1.0',
    queue: node,
    metadata: { node },
  });
  for (const subject of ['nlm.unlock-ip', 'nlm.status']) {
    service.addEndpoint(subject.replace('.', '-'), { subject, queue: node, handler: () => undefined });
  }
  await connection.flush();
}

/** A node that takes its time for everything. */
async function lateNode(
  t: ExecutionContext,
  server: { readonly url: string },
  node: string,
  ms: number,
): Promise<void> {
  const { connection } = await PlainClient.connect(t, server);
  const answer = (message: Msg, payload: string): void => {
    const marks = headers();
    marks.set('Nlm-Node', node);
    marks.set('Nlm-Service', node);
    marks.set('Nats-Service-Error-Code', '503');
    setTimeout(() => message.respond(payload, { headers: marks }), ms);
  };
  connection.subscribe('$SRV.PING.nlm-ledger', {
    callback: (_error, message) => answer(message, JSON.stringify({ id: node, metadata: { node } })),
  });
  connection.subscribe('nlm.unlock-ip', {
    callback: (_error, message) =>
      answer(message, JSON.stringify({ code: 'unavailable', message: 'not today', details: {} })),
  });
  await connection.flush();
}

serialNatsTest('where nodes are slow to be found, the slower ones are waited for', async (t) => {
  const server = await startNats(t);
  await lateNode(t, server, 'late', 600);
  await lateNode(t, server, 'later', 1100);
  const { out } = await nlm('unlock-ip', '127.0.0.1', '--nats', server.url, '--json');
  t.deepEqual(
    JSON.parse(out).nodes.map(({ node }: { node: string }) => node),
    ['late', 'later'],
  );
});

serialNatsTest('an order goes to every node, and each answer stands under its name', async (t) => {
  const server = await startNats(t);
  const [a, b] = await Promise.all([startBusNode(t, server, 'a'), startBusNode(t, server, 'b')]);
  await Promise.all([hold(t, a, 2), hold(t, b, 1)]);
  const order = ['unlock-ip', '127.0.0.1', '--nats', server.url, '--id', 'move-1'];
  const ran = await nlm(...order, '--json');
  t.is(ran.code, 0, ran.err);
  const { nodes, missing } = JSON.parse(ran.out);
  t.deepEqual(missing, []);
  t.like(nodes[0], { node: 'a', reply: { node: 'a', counts: { locks: 2 }, repeated: false } });
  t.like(nodes[1], { node: 'b', reply: { node: 'b', counts: { locks: 1 }, repeated: false } });
  const again = await nlm(...order);
  t.is(again.code, 0);
  t.regex(
    again.out,
    /^node a:\n {2}dropped 2 locks .* \(done before under this id.*\n(.*\n)*node b:\n {2}dropped 1 lock /,
  );
});

serialNatsTest('locks, waiters, status and groups come from every node', async (t) => {
  const server = await startNats(t);
  const [a, b] = await Promise.all([startBusNode(t, server, 'a'), startBusNode(t, server, 'b')]);
  await Promise.all([hold(t, a, 5), hold(t, b, 1)]);
  const locks = JSON.parse((await nlm('locks', '--nats', server.url, '--json', '--limit', '2')).out);
  t.deepEqual(
    locks.nodes.map(({ reply }: { reply: { rows: object[] } }) => reply.rows.length),
    [2, 1],
  );
  const more = await nlm('locks', '--nats', server.url, '--limit', '2');
  t.regex(more.err, /node a: there are more than these 2/);
  const every = JSON.parse((await nlm('locks', '--nats', server.url, '--json', '--all')).out);
  t.is(every.nodes[0].reply.rows.length, 5);
  t.regex((await nlm('waiters', '--nats', server.url)).out, /node a:\n {2}nobody waits\nnode b:\n {2}nobody waits/);
  t.regex((await nlm('groups', '--nats', server.url)).out, /node b:\n {2}group default: serving, 1 lock/);
  const status = await nlm('status', '--nats', `nats://127.0.0.1:1,${server.url}`);
  t.is(status.code, 0, status.err);
  t.regex(status.out, /node a:\n {2}serving: node a/);
});

serialNatsTest('a node that does not answer in time is named, and the exit code is 3', async (t) => {
  const server = await startNats(t);
  const node = await startBusNode(t, server, 'a');
  await hold(t, node, 1);
  await silentNode(t, server, 'z');
  const ran = await nlm('unlock-ip', '127.0.0.1', '--nats', server.url, '--within', '1');
  t.is(ran.code, 3);
  t.regex(ran.out, /node a:\n {2}dropped 1 lock (.*\n)*node z: no answer within 1 s\n$/);
  t.regex(ran.err, /repeat it with --id [0-9a-f-]{36}/);
});

serialNatsTest('a node that is down is in no discovery, and is missed where the caller expects it', async (t) => {
  const server = await startNats(t);
  const [, b] = await Promise.all([startBusNode(t, server, 'a'), startBusNode(t, server, 'b')]);
  await b.close();
  const order = ['unlock-ip', '10.1.1.2', '--nats', server.url, '--within', '1', '--json'];
  t.like(JSON.parse((await nlm(...order)).out), { missing: [] });
  const ran = await nlm(...order, '--expect', 'a', '--expect', 'b');
  t.is(ran.code, 3);
  t.deepEqual(JSON.parse(ran.out).missing, ['b']);
});

serialNatsTest('where nobody serves, the error says that nobody took it', async (t) => {
  const server = await startNats(t);
  const ran = await nlm('unlock-ip', '10.1.1.2', '--nats', server.url);
  t.is(ran.code, 3);
  t.regex(ran.err, /no node of nlm-ledger serves nlm\.unlock-ip: nobody took it\n {2}is a node running/);
});

test('where there is no NATS server, the error names it', async (t) => {
  const ran = await nlm('status', '--nats', 'nats://127.0.0.1:1', '--json');
  t.is(ran.code, 3);
  t.like(JSON.parse(ran.out), { error: { code: 'unavailable' } });
  t.is((await nlm('status', '--nats', 'http://x')).code, 2);
});

serialNatsTest('an order for one node is not carried out by another (hazard 14)', async (t) => {
  const server = await startNats(t);
  const [a, b] = await Promise.all([startBusNode(t, server, 'a'), startBusNode(t, server, 'b')]);
  await Promise.all([hold(t, a, 1), hold(t, b, 1)]);
  const ran = await nlm('unlock-ip', '127.0.0.1', '--nats', server.url, '--node', 'b', '--json');
  t.is(ran.code, 0, ran.out);
  t.deepEqual(
    JSON.parse(ran.out).nodes.map(({ node }: { node: string }) => node),
    ['b'],
  );
  t.is(a.admin.groups()[0]?.state?.lockCount, 1);
  t.is(b.admin.groups()[0]?.state?.lockCount, 0);
  t.is((await nlm('unlock-ip', '127.0.0.1', '--nats', server.url, '--epoch', '99')).code, 4);
  const gone = await nlm('unlock-ip', '127.0.0.1', '--nats', server.url, '--node', 'c', '--within', '1');
  t.is(gone.code, 3);
  t.regex(gone.out, /node c: no answer/);
});

serialNatsTest('a single lock is dropped by its number in a group or on a node, never on all', async (t) => {
  const server = await startNats(t);
  const [a, b] = await Promise.all([startBusNode(t, server, 'a'), startBusNode(t, server, 'b')]);
  await hold(t, a, 1);
  t.is((await nlm('unlock-lock', '1', '--nats', server.url)).code, 2);
  t.is((await nlm('unlock-lock', '1', '--nats', server.url, '--group', 'default')).code, 0);
  t.is(a.admin.groups()[0]?.state?.lockCount, 0);
  t.is(b.admin.groups()[0]?.state?.lockCount, 0);
  t.is((await nlm('unlock-lock', '1', '--nats', server.url, '--node', 'a')).code, 5);
});
