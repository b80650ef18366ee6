/** Interleavings that break a lock ledger, as its clients see them: each title names its hazard. */

import test, { type ExecutionContext } from 'ava';
import { CallbackListener } from '../support/callback-listener.js';
import { LedgerFaults } from '../support/fault-ledger.js';
import { startNode, temporaryFolder, type TestNode, type TestNodeOptions } from '../support/node.js';
import { freePorts } from '../support/node-process.js';
import { bytes, RpcClient } from '../support/rpc-client.js';
import { purge } from '../support/unlock.js';

const GRANTED = 0;
const DENIED = 1;
const BLOCKED = 3;

interface Scene {
  readonly node: TestNode;
  readonly client: RpcClient;
  readonly listener: CallbackListener;
}

async function scene(t: ExecutionContext, options: TestNodeOptions = {}): Promise<Scene> {
  const listener = await CallbackListener.open();
  t.teardown(() => listener.close());
  const clients = [{ network: '127.0.0.0/8', callbackPort: listener.port }];
  const node = await startNode(t, { ...options, file: { clients, ...options.file } });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  return { node, client, listener };
}

/** Whether the call is still unanswered after another turn of the wire: a NULL call that came later is answered. */
async function isSilent(answer: Promise<unknown>, client: RpcClient): Promise<boolean> {
  const silent = Symbol('silent');
  const later = client
    .ping()
    .then(() => client.ping())
    .then(() => silent);
  return (await Promise.race([answer, later])) === silent;
}

test('hazard 1: DENIED to the only copy of a GRANTED undoes the grant', async (t) => {
  const { client, listener, node } = await scene(t);
  listener.answer = () => DENIED;
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  const undone = new Promise<void>((resolve) =>
    node.admin.watch(({ event }) => event.type === 'grant-undone' && resolve()),
  );
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  await undone;
  t.is(listener.callbacks.length, 1);
  t.is(await client.lock({ svid: 3 }), GRANTED);
});

test('hazard 1: DENIED to a repeated GRANTED counts as acknowledged: the lock is held', async (t) => {
  const { client, listener, node } = await scene(t);
  listener.answer = () => (listener.callbacks.length === 1 ? 'drop' : DENIED);
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  const acknowledged = new Promise<void>((resolve) =>
    node.admin.watch(({ event }) => event.type === 'grant-acknowledged' && resolve()),
  );
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  await acknowledged;
  t.is(listener.callbacks.length, 2);
  t.is((await client.test({ svid: 3 })).holder?.svid, 2);
});

test('hazard 1: after a restart no copy is known to be the only one: DENIED acknowledges', async (t) => {
  const data = await temporaryFolder(t);
  const first = await scene(t, { data });
  first.listener.answer = () => undefined;
  t.is(await first.client.lock({ svid: 1 }), GRANTED);
  t.is(await first.client.lock({ svid: 2, block: true }), BLOCKED);
  t.is(await first.client.unlock({ svid: 1 }), GRANTED);
  await first.listener.received(1);
  await first.node.close();
  const { client, listener, node } = await scene(t, { data });
  listener.answer = () => DENIED;
  await listener.received(1);
  while (node.admin.node().counters['callbacksWaiting'] !== 0) await client.ping();
  t.is((await client.test({ svid: 3 })).holder?.svid, 2);
});

test('hazard 2: a CANCEL undoes a grant that raced it, whether the callback was answered or not', async (t) => {
  const { client, listener, node } = await scene(t);
  for (const answer of [GRANTED, undefined] as const) {
    listener.answer = () => answer;
    t.is(await client.lock({ svid: 1 }), GRANTED);
    t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
    const before = listener.callbacks.length;
    t.is(await client.unlock({ svid: 1 }), GRANTED);
    await listener.received(before + 1);
    while (answer === GRANTED && node.admin.node().counters['callbacksWaiting'] !== 0) await client.ping();
    t.is((await client.test({ svid: 3 })).stat, DENIED);
    t.is(await client.cancel({ svid: 2 }), GRANTED);
    t.is((await client.test({ svid: 3 })).stat, GRANTED, `callback answered ${String(answer)}`);
  }
});

test('hazard 2: a cancelled upgrade puts the read lock back', async (t) => {
  const { client, listener } = await scene(t);
  listener.answer = () => undefined;
  t.is(await client.lock({ svid: 1, exclusive: false }), GRANTED);
  t.is(await client.lock({ svid: 2, exclusive: false }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  await listener.received(1);
  t.is((await client.test({ svid: 3, exclusive: false })).stat, DENIED);
  t.is(await client.cancel({ svid: 2 }), GRANTED);
  t.is((await client.test({ svid: 3, exclusive: false })).stat, GRANTED);
  t.is((await client.test({ svid: 3 })).holder?.svid, 2);
});

test('hazard 3: one file through two exports is one file, and a callback has the bytes of its own handle', async (t) => {
  const handle = (prefix: string) => ({ format: 'prefix', prefix, keyFrom: 1 });
  const { client, listener } = await scene(t, {
    file: {
      exports: [
        { path: '/export/a', fileSystem: 'data', handle: handle('01') },
        { path: '/export/b', fileSystem: 'data', handle: handle('02') },
      ],
    },
  });
  t.is(await client.lock({ svid: 1, file: '\x01inode7' }), GRANTED);
  t.is(await client.lock({ svid: 2, file: '\x02inode7' }), DENIED);
  t.is(await client.lock({ svid: 2, file: '\x02inode7', block: true }), BLOCKED);
  t.is(await client.unlock({ svid: 1, file: '\x01inode7' }), GRANTED);
  await listener.received(1);
  t.is(listener.callbacks[0]?.args.alock.fh, bytes('\x02inode7'));
  t.is(await client.lock({ svid: 3, file: '\x02inode8' }), GRANTED);
});

test('hazard 5: late copies of LOCK and UNLOCK change nothing, also after a restart', async (t) => {
  const data = await temporaryFolder(t);
  const [port = 0] = await freePorts(1);
  const change: TestNodeOptions['change'] = (configuration) => ({ ...configuration, nlmPort: port });
  const first = await startNode(t, { data, change });
  // One source port for all copies: over UDP a client keeps it.
  const client = await RpcClient.udp('127.0.0.1', port);
  t.teardown(() => client.close());
  t.is(await client.lock({ svid: 1, xid: 5000 }), GRANTED);
  t.is(await client.unlock({ svid: 1, xid: 5001 }), GRANTED);
  t.is(await client.lock({ svid: 1, xid: 5002 }), GRANTED);
  t.is(await client.unlock({ svid: 1, xid: 5001 }), GRANTED);
  t.is((await client.test({ svid: 2 })).stat, DENIED, 'the copy of UNLOCK freed nothing');
  await first.close();

  const second = await startNode(t, { data, change });
  t.is(await client.unlock({ svid: 1, xid: 5001 }), GRANTED);
  t.is((await client.test({ svid: 2 })).stat, DENIED, 'nor did it after the restart');
  await purge(second.admin, { type: 'address', address: '127.0.0.1' });
  t.is(await client.lock({ svid: 2, xid: 5003 }), GRANTED);
  t.is(await client.lock({ svid: 1, xid: 5002 }), DENIED, 'a purged lock is not granted from a cache');
});

test('hazard 6: an answer without events waits for the batch that was decided before it', async (t) => {
  const faults = new LedgerFaults();
  const { client } = await scene(t, { surroundings: faults.surroundings });
  t.is(await client.lock({ svid: 1 }), GRANTED);
  faults.hold();
  const arrival = faults.arrival();
  const unlock = client.unlock({ svid: 1, xid: 6000 });
  await arrival;
  const test = client.test({ svid: 2 });
  t.true(await isSilent(Promise.race([unlock, test]), client));
  faults.release();
  t.is(await unlock, GRANTED);
  t.is((await test).stat, GRANTED);
});

test('hazard 7: a notice of a newer state drops the locks of the older incarnation and ends its connections', async (t) => {
  const { client, node } = await scene(t);
  const notices = await RpcClient.tcp('127.0.0.1', node.nsmPort);
  t.teardown(() => notices.close());
  t.is(await client.lock({ svid: 1, state: 0x7fff_ffff }), GRANTED);
  await notices.notify('client1', 0x7fff_fffd);
  t.is((await client.test({ svid: 2 })).stat, DENIED, 'an older state is refused');
  await notices.notify('client1', 0x8000_0001 | 0);
  await client.closed;
  const after = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => after.close());
  t.is((await after.test({ svid: 2 })).stat, GRANTED, 'states compare as serial numbers');
  await notices.notify('client1', 0x8000_0001 | 0);
  await after.ping();
  t.is(await after.lock({ svid: 1, state: 0x8000_0001 | 0 }), GRANTED, 'the copy of a notice ends nothing');
  const silent = after.lock({ svid: 3, file: 'other', state: 0x7fff_ffff });
  t.true(await isSilent(silent, after), 'a late LOCK of the older incarnation is not answered');
});

test('hazard 7: FREE_ALL and SM_NOTIFY count only from the client’s own address, and what is refused is recorded', async (t) => {
  const { client, node } = await scene(t);
  const refused: string[] = [];
  node.admin.watch(({ event }) => event.type === 'call-refused' && refused.push(String(event['what'])));
  t.is(await client.lock({ svid: 1, state: 3 }), GRANTED);
  const stranger = await RpcClient.tcp('127.0.0.1', node.nlmPort, '127.0.0.9');
  const notices = await RpcClient.udp('127.0.0.1', node.nsmPort, '127.0.0.9');
  t.teardown(() => (stranger.close(), notices.close()));
  await stranger.freeAll('client1');
  await notices.notify('client1', 5);
  t.is((await client.test({ svid: 2 })).stat, DENIED);
  t.deepEqual(refused, ['free-all', 'sm-notify']);
  await client.freeAll('client1');
  t.is((await client.test({ svid: 2 })).stat, GRANTED);
});

test('hazard 7: a stranger cannot fill the ledger with refusals', async (t) => {
  const { client, node } = await scene(t);
  const stranger = await RpcClient.udp('127.0.0.1', node.nlmPort, '127.0.0.9');
  t.teardown(() => stranger.close());
  const before = node.admin.groups()[0]?.position ?? 0;
  for (let i = 0; i < 200; i += 1) void stranger.freeAll(`client${i}`);
  for (let i = 0; i < 20; i += 1) await client.ping();
  await client.lock({ svid: 1 });
  t.true((node.admin.groups()[0]?.position ?? 0) - before <= 12);
});

test('hazard 19: what was granted keeps its file system when the configuration changes', async (t) => {
  const data = await temporaryFolder(t);
  const any = (fileSystem: string) => ({ exports: [{ path: '/export', fileSystem, handle: { format: 'any' } }] });
  const first = await startNode(t, { data, file: any('old') });
  const before = await RpcClient.tcp('127.0.0.1', first.nlmPort);
  t.is(await before.lock({ svid: 1 }), GRANTED);
  before.close();
  await first.close();
  const second = await startNode(t, { data, file: { ...any('new'), limits: { locks: 1 } } });
  t.like(await purge(second.admin, { type: 'file-system', fileSystem: 'new' }), { counts: { locks: 0 } });
  t.like(await purge(second.admin, { type: 'file-system', fileSystem: 'old' }), { counts: { locks: 1 } });
});
