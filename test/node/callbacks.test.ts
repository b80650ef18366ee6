/** Callbacks: to whom, from where, how often, and that no client's trouble is another's. */

import test, { type ExecutionContext } from 'ava';
import { CallbackListener } from '../support/callback-listener.js';
import { startNode, temporaryFolder } from '../support/node.js';
import { freePorts } from '../support/node-process.js';
import { RpcClient } from '../support/rpc-client.js';
import { purge } from '../support/unlock.js';

const GRANTED = 0;
const DENIED = 1;
const BLOCKED = 3;
const MANY = 3000;

async function listen(t: ExecutionContext, port = 0, host = '127.0.0.1'): Promise<CallbackListener> {
  const listener = await CallbackListener.open(port, host);
  t.teardown(() => listener.close());
  return listener;
}

async function connect(t: ExecutionContext, port: number, from: string, to = '127.0.0.1'): Promise<RpcClient> {
  const client = await RpcClient.tcp(to, port, from);
  t.teardown(() => client.close());
  return client;
}

test('a callback leaves from the server address that the client used', async (t) => {
  const listener = await listen(t);
  const clients = [{ network: '127.0.0.0/8', callbackPort: listener.port }];
  const node = await startNode(t, { listen: ['127.0.0.1', '127.0.0.2'], file: { clients } });
  const client = await connect(t, node.listeners()[1]?.nlmPort ?? 0, '127.0.0.1', '127.0.0.2');
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  await listener.received(1);
  t.is(listener.callbacks[0]?.from, '127.0.0.2');
});

test('a client whose port is wrong is called again with growing pauses until it answers', async (t) => {
  const [port = 0] = await freePorts(1);
  const node = await startNode(t, { file: { clients: [{ network: '127.0.0.0/8', callbackPort: port }] } });
  const client = await connect(t, node.nlmPort, '127.0.0.1');
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  t.is((await client.test({ svid: 3 })).holder?.svid, 2, 'it holds its lock before it has heard of it');
  const listener = await listen(t, port);
  const calls: number[] = [];
  listener.answer = () => (calls.push(performance.now()) < 3 ? 'drop' : GRANTED);
  await listener.received(3);
  const [first = 0, second = 0, third = 0] = calls;
  t.true(second - first > 900 && third - second > second - first, `pauses ${second - first} and ${third - second} ms`);
});

test('a silent client, one without an rpcbind and one whose port is closed delay nobody', async (t) => {
  const [closed = 0] = await freePorts(1);
  const silent = await listen(t, 0, '127.0.0.3');
  silent.answer = () => undefined;
  const lively = await listen(t, 0, '127.0.0.6');
  const node = await startNode(t, {
    file: {
      clients: [
        { network: '127.0.0.3/32', callbackPort: silent.port },
        { network: '127.0.0.4/32', callbackPort: closed },
        { network: '127.0.0.5/32' },
        { network: '127.0.0.6/32', callbackPort: lively.port },
      ],
    },
  });
  const clients = await Promise.all(['3', '4', '5', '6'].map((last) => connect(t, node.nlmPort, `127.0.0.${last}`)));
  for (const [index, client] of clients.entries()) {
    for (let i = 0; i < 100; i += 1) {
      t.is(await client.lock({ svid: 1, file: `${index}-${i}` }), GRANTED);
      t.is(await client.lock({ svid: 2, file: `${index}-${i}`, block: true }), BLOCKED);
    }
  }
  for (const [index, client] of clients.entries()) {
    for (let i = 0; i < 100; i += 1) t.is(await client.unlock({ svid: 1, file: `${index}-${i}` }), GRANTED);
  }
  const began = performance.now();
  await lively.received(100);
  t.true(performance.now() - began < 2000);
  t.true(silent.callbacks.length <= 16, 'calls of one client that are under way are bounded');
});

test('a purge ends the callbacks of what it dropped', async (t) => {
  const listener = await listen(t);
  listener.answer = () => 'drop';
  const node = await startNode(t, { file: { clients: [{ network: '127.0.0.0/8', callbackPort: listener.port }] } });
  const client = await connect(t, node.nlmPort, '127.0.0.1');
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  await listener.received(1);
  t.like(await purge(node.admin, { type: 'address', address: '127.0.0.1' }), { counts: { locks: 1 } });
  while (node.admin.node().counters['callbacksWaiting'] !== 0) await client.ping();
  t.is(listener.callbacks.length, 1);
  t.is((await client.test({ svid: 3 })).stat, GRANTED);
});

test('thousands of grants to one client at once all arrive, also over a restart', async (t) => {
  const data = await temporaryFolder(t);
  const listener = await listen(t);
  listener.answer = () => 'drop';
  const file = { clients: [{ network: '127.0.0.0/8', callbackPort: listener.port }] };
  const first = await startNode(t, { data, file });
  const client = await connect(t, first.nlmPort, '127.0.0.1');
  t.is(await client.lock({ svid: 0 }), GRANTED);
  const asked = Array.from({ length: MANY }, (_, i) => client.lock({ svid: i + 1, exclusive: false, block: true }));
  t.deepEqual(new Set(await Promise.all(asked)), new Set([BLOCKED]));
  t.is(await client.unlock({ svid: 0 }), GRANTED);
  await listener.received(1);
  await first.close();

  const heard = new Set<number>();
  listener.answer = ({ args }) => {
    heard.add(args.alock.svid);
    return GRANTED;
  };
  const second = await startNode(t, { data, file });
  const other = await connect(t, second.nlmPort, '127.0.0.9');
  const began = performance.now();
  let worst = 0;
  while (second.admin.node().counters['callbacksWaiting'] !== 0) {
    const asks = performance.now();
    t.is(await other.lock({ svid: 1, file: 'other' }), GRANTED);
    worst = Math.max(worst, performance.now() - asks);
  }
  t.log(
    `${MANY} callbacks in ${Math.round(performance.now() - began)} ms; another client waited ${worst.toFixed(1)} ms at worst`,
  );
  t.is(heard.size, MANY);
  t.is((await other.test({ svid: 1 })).stat, DENIED);
});
