import test from 'ava';
import type { AdminPort } from '../../src/admin/port.js';
import type { AdminOutcome } from '../../src/core/outcome.js';
import { CallbackListener } from '../support/callback-listener.js';
import { startNode, temporaryFolder } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

const GRANTED = 0;
const DENIED = 1;
const BLOCKED = 3;

async function unlockIp(admin: AdminPort, address: string, commandId = 'c1'): Promise<AdminOutcome> {
  const order = { commandId, actor: 'test', door: 'test', reason: '' };
  const settled = await admin.submit('default', {
    type: 'purge',
    selector: { type: 'address', address },
    order,
    dryRun: false,
  });
  if (settled.type !== 'answer') throw settled.cause;
  return settled.outcome as AdminOutcome;
}

test('a LOCK over TCP is granted, denied to another owner with its holder named, and free again after UNLOCK', async (t) => {
  const node = await startNode(t);
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  t.is(await client.lock({ svid: 1, length: 100n }), GRANTED);
  t.is(await client.lock({ svid: 2, offset: 50n, length: 10n }), DENIED);
  const held = await client.test({ svid: 2, offset: 50n, length: 10n });
  t.is(held.stat, DENIED);
  t.is(held.holder?.svid, 1);
  t.is(held.holder?.oh, '1@client1' as never);
  t.is(held.holder?.l_len.low, 100);
  t.is(await client.unlock({ svid: 1, length: 100n }), GRANTED);
  t.is(await client.lock({ svid: 2, offset: 50n, length: 10n }), GRANTED);
});

for (const version of [3, 4] as const) {
  test(`SHARE and UNSHARE of version ${version}: a deny mode keeps others out, a copy counts once, sequence is 0`, async (t) => {
    const node = await startNode(t);
    const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
    t.teardown(() => client.close());
    const xid = client.nextXid();
    t.deepEqual(await client.share('SHARE', { version, xid }), { cookie: 'ck05', stat: GRANTED, sequence: 0 } as never);
    t.is((await client.share('SHARE', { version, xid })).stat, GRANTED);
    t.is((await client.share('SHARE', { version, oh: 'other', access: 2 })).stat, DENIED);
    t.is((await client.share('UNSHARE', { version })).stat, GRANTED);
    t.is((await client.share('SHARE', { version, oh: 'other', access: 2 })).stat, GRANTED);
    const outcome = await unlockIp(node.admin, '127.0.0.1');
    t.like(outcome, { type: 'purged', counts: { locks: 0, waiters: 0, shares: 1 } });
  });
}

test('the same over UDP', async (t) => {
  const node = await startNode(t);
  const client = await RpcClient.udp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2 }), DENIED);
  t.is(await client.unlock({ svid: 1 }), GRANTED);
});

test('a restart keeps locks and waiters, and the waiter gets its callback from the node that came back', async (t) => {
  const data = await temporaryFolder(t);
  const listener = await CallbackListener.open();
  t.teardown(() => listener.close());
  const file = { clients: [{ network: '127.0.0.0/8', callbackPort: listener.port, callbackTransport: 'tcp' }] };
  const first = await startNode(t, { data, file });
  const before = await RpcClient.tcp('127.0.0.1', first.nlmPort);
  t.is(await before.lock({ svid: 1, length: 100n }), GRANTED);
  t.is(await before.lock({ svid: 2, length: 10n, block: true }), BLOCKED);
  before.close();
  await first.close();

  const second = await startNode(t, { data, file });
  const after = await RpcClient.tcp('127.0.0.1', second.nlmPort);
  t.teardown(() => after.close());
  t.is(await after.lock({ svid: 3 }), DENIED);
  t.is(await after.unlock({ svid: 1, length: 100n }), GRANTED);
  await listener.received(1);
  t.is(listener.callbacks[0]?.args.alock.svid, 2);
  t.is(listener.callbacks[0]?.args.alock.l_len.low, 10);
  t.is(await after.lock({ svid: 3 }), DENIED);
});

test('unlock-ip drops what came in through the address, wakes who waits, and answers the same when it is repeated', async (t) => {
  const listener = await CallbackListener.open();
  t.teardown(() => listener.close());
  const node = await startNode(t, {
    listen: ['127.0.0.1', '127.0.0.2'],
    change: (configuration) => configuration,
    file: { clients: [{ network: '127.0.0.0/8', callbackPort: listener.port, callbackTransport: 'tcp' }] },
  });
  const [, other] = node.listeners();
  const one = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  const two = await RpcClient.tcp('127.0.0.2', other?.nlmPort ?? 0);
  t.teardown(() => (one.close(), two.close()));
  t.is(await one.lock({ svid: 1, file: 'a' }), GRANTED);
  t.is(await two.lock({ svid: 2, file: 'b' }), GRANTED);
  t.is(await two.lock({ svid: 3, file: 'a', block: true }), BLOCKED);
  const outcome = await unlockIp(node.admin, '127.0.0.1');
  t.like(outcome, { type: 'purged', counts: { locks: 1, waiters: 0, shares: 0 }, repeated: false });
  await listener.received(1);
  t.is(listener.callbacks[0]?.args.alock.svid, 3);
  t.like(await unlockIp(node.admin, '127.0.0.1'), { type: 'purged', counts: { locks: 1 }, repeated: true });
  t.is(await one.lock({ svid: 4, file: 'b' }), DENIED);
});
