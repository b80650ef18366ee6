/** What has bitten lock managers before us, live, by its number in pitfalls.md, where no other test is about it. */

import test, { type ExecutionContext } from 'ava';
import { callAdmin } from '../../src/admin/call.js';
import type { LockRow, Page } from '../../src/admin/messages.js';
import { NLM_PROGRAM, nlmCall } from '../../src/nlm/procedures.js';
import { CallbackListener } from '../support/callback-listener.js';
import { startNode, type TestNode } from '../support/node.js';
import { freePorts } from '../support/node-process.js';
import { alock, bytes, RpcClient } from '../support/rpc-client.js';

const [GRANTED, DENIED, BLOCKED] = [0, 1, 3] as const;

interface Scene {
  readonly node: TestNode;
  readonly listener: CallbackListener;
  /** Over TCP, from an address of its own. */
  readonly connect: (last: number) => Promise<RpcClient>;
}

async function scene(t: ExecutionContext, listen: readonly string[] = ['127.0.0.1']): Promise<Scene> {
  const listener = await CallbackListener.open(0, '0.0.0.0');
  t.teardown(() => listener.close());
  const node = await startNode(t, {
    listen,
    file: { clients: [{ network: '127.0.0.0/8', callbackPort: listener.port }] },
  });
  const connect = async (last: number): Promise<RpcClient> => {
    const client = await RpcClient.tcp('127.0.0.1', node.nlmPort, `127.0.0.${last}`);
    t.teardown(() => client.close());
    return client;
  };
  return { node, listener, connect };
}

test('pitfall 12: a client whose name no resolver knows is called back at the address that it called from', async (t) => {
  const { connect, listener } = await scene(t);
  const client = await connect(41);
  const subject = { caller: 'no-such-host.invalid', svid: 2 };
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ ...subject, block: true }), BLOCKED);
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  await listener.received(1);
  t.is(String(listener.callbacks[0]?.args.alock.caller_name), subject.caller);
});

test('pitfall 14: a client that no callback reaches has its lock by asking again', async (t) => {
  const [closed = 0] = await freePorts(1);
  const node = await startNode(t, { file: { clients: [{ network: '127.0.0.0/8', callbackPort: closed }] } });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), GRANTED);
  t.is((await client.test({ svid: 3 })).holder?.svid, 2);
});

test('pitfall 20: a LOCK of another mode is no copy: an upgrade is denied while another shares, a downgrade lets others in', async (t) => {
  const { connect } = await scene(t);
  const [one, other] = [await connect(41), await connect(42)];
  t.is(await one.lock({ svid: 1, exclusive: false }), GRANTED);
  t.is(await other.lock({ svid: 2, caller: 'client2', exclusive: false }), GRANTED);
  t.is(await one.lock({ svid: 1 }), DENIED);
  t.is((await other.test({ svid: 2, caller: 'client2' })).holder?.exclusive, false, 'the shared lock stays');
  t.is(await other.unlock({ svid: 2, caller: 'client2' }), GRANTED);
  t.is(await one.lock({ svid: 1 }), GRANTED);
  t.is(await other.lock({ svid: 2, caller: 'client2', exclusive: false }), DENIED);
  t.is(await one.lock({ svid: 1, exclusive: false }), GRANTED);
  t.is(await other.lock({ svid: 2, caller: 'client2', exclusive: false }), GRANTED);
});

test('pitfall 21: one UNLOCK splits a lock, trims those at its edges, and takes those within', async (t) => {
  const { connect } = await scene(t);
  const [one, other] = [await connect(41), await connect(42)];
  const held = async (offset: bigint, length: bigint): Promise<readonly bigint[]> => {
    const { holder } = await other.test({ svid: 9, caller: 'client2', offset, length });
    return holder === undefined ? [] : [BigInt(holder.l_offset.low), BigInt(holder.l_len.low)];
  };
  for (const offset of [0n, 20n, 40n]) t.is(await one.lock({ offset, length: 10n }), GRANTED);
  t.is(await one.unlock({ offset: 5n, length: 38n }), GRANTED);
  t.deepEqual(await held(0n, 20n), [0n, 5n]);
  t.deepEqual(await held(5n, 38n), []);
  t.deepEqual(await held(43n, 0n), [43n, 7n]);
  t.is(await one.unlock({ offset: 2n, length: 1n }), GRANTED);
  t.deepEqual(await held(0n, 2n), [0n, 2n]);
  t.deepEqual(await held(2n, 1n), []);
  t.deepEqual(await held(3n, 10n), [3n, 2n]);
  t.is(await one.lock({ offset: 0n, length: 50n }), GRANTED);
  t.deepEqual(await held(49n, 1n), [0n, 50n], 'what touches becomes one');
});

test('pitfall 22: a CANCEL of another range, mode or owner cancels nothing', async (t) => {
  const { node, connect } = await scene(t);
  const client = await connect(41);
  const waiting = { svid: 2, offset: 10n, length: 10n };
  const waiters = (): number | undefined => node.admin.groups()[0]?.state?.waiterCount;
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ ...waiting, block: true }), BLOCKED);
  for (const other of [
    { length: 11n },
    { offset: 9n },
    { exclusive: false },
    { svid: 3 },
    { oh: 'x' },
    { file: 'y' },
  ]) {
    t.is(await client.cancel({ ...waiting, ...other }), GRANTED);
    t.is(waiters(), 1, Object.keys(other)[0]);
  }
  t.is(await client.cancel(waiting), GRANTED);
  t.is(waiters(), 0);
});

test('pitfall 23: an UNLOCK ends the wait of the same owner for the same range', async (t) => {
  const { node, listener, connect } = await scene(t);
  const client = await connect(41);
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true, offset: 5n, length: 5n }), BLOCKED);
  t.is(await client.unlock({ svid: 2, offset: 5n, length: 5n }), GRANTED);
  t.is(node.admin.groups()[0]?.state?.waiterCount, 0);
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  t.is((await client.test({ svid: 3 })).stat, GRANTED);
  t.is(listener.callbacks.length, 0);
});

test('pitfall 25: BLOCKED comes before the callback, also where the lock is free in the same moment', async (t) => {
  const { listener, connect } = await scene(t);
  const [one, other] = [await connect(41), await connect(42)];
  const seen: string[] = [];
  listener.answer = () => {
    seen.push('callback');
    return GRANTED;
  };
  for (let round = 0; round < 20; round += 1) {
    const subject = { svid: 2, caller: 'client2', file: `file-${round}` };
    t.is(await one.lock({ svid: 1, file: subject.file }), GRANTED);
    const waits = other.lock({ ...subject, block: true }).then((stat) => {
      seen.push(stat === BLOCKED ? 'BLOCKED' : 'GRANTED');
      return stat;
    });
    const [stat] = await Promise.all([waits, one.unlock({ svid: 1, file: subject.file })]);
    if (stat === BLOCKED) await listener.received(seen.filter((what) => what === 'BLOCKED').length);
    t.is(await other.unlock(subject), GRANTED);
  }
  const wrong = seen.findIndex((what, index) => what === 'callback' && seen[index - 1] !== 'BLOCKED');
  t.is(wrong, -1, seen.join(' '));
  t.true(seen.includes('callback'));
});

test('pitfall 27: whatever takes a lock away wakes who waits for it', async (t) => {
  const { node, listener, connect } = await scene(t, ['127.0.0.1', '127.0.0.2']);
  const waiter = await connect(42);
  const admin = (procedure: string, request: object): Promise<object> => {
    const call = { procedure, request, actor: 'uid:0', door: 'test', commandId: procedure, now: Date.now() };
    return callAdmin(node.admin, call);
  };
  const onlyLock = async (): Promise<number | undefined> =>
    ((await admin('locks', {})) as Page<LockRow>).rows.map(({ lock }) => lock)[0];
  const reboot = async (): Promise<void> => {
    const notice = await RpcClient.udp('127.0.0.1', node.nsmPort, '127.0.0.41');
    await notice.notify('client1', 5);
    notice.close();
  };
  const ways: readonly (readonly [string, (holder: RpcClient, file: string) => Promise<unknown>])[] = [
    ['UNLOCK', (holder, file) => holder.unlock({ file })],
    ['an UNLOCK of a part', (holder, file) => holder.unlock({ file, offset: 0n, length: 10n })],
    ['a downgrade', (holder, file) => holder.lock({ file, exclusive: false, state: 0 })],
    ['FREE_ALL', (holder) => holder.freeAll('client1')],
    ['a reboot', reboot],
    ['unlock-client', () => admin('unlock-client', { name: 'client1' })],
    ['unlock-lock', async () => admin('unlock-lock', { lock: await onlyLock() })],
    ['unlock-ip', () => admin('unlock-ip', { address: '127.0.0.2' })],
  ];
  for (const [index, [what, release]] of ways.entries()) {
    // What unlock-ip is to drop comes in through another address than the waiter.
    const isElsewhere = what === 'unlock-ip';
    const { address, nlmPort } = node.listeners()[isElsewhere ? 1 : 0]!;
    const holder = await RpcClient.tcp(address, nlmPort, '127.0.0.41');
    const subject = { svid: 2, caller: 'client2', file: what, length: 10n };
    t.is(await holder.lock({ file: what, state: 0 }), GRANTED, what);
    t.is(await waiter.lock({ ...subject, exclusive: false, block: true }), BLOCKED, what);
    await release(holder, what);
    await listener.received(index + 1);
    t.is(String(listener.callbacks[index]?.args.alock.fh), what);
    t.is(await waiter.unlock(subject), GRANTED);
    // A reboot has ended its connection.
    holder.close();
    const cleaner = await RpcClient.tcp(address, nlmPort, '127.0.0.41');
    t.is(await cleaner.unlock({ file: what }), GRANTED);
    cleaner.close();
  }
});

test('pitfall 32: a client is its whole name: what is said of client1 is not said of client10', async (t) => {
  const { node, connect } = await scene(t);
  const client = await connect(41);
  for (const caller of ['client1', 'client10', 'client']) t.is(await client.lock({ caller, file: caller }), GRANTED);
  await client.freeAll('client1');
  const held = () => node.admin.groups()[0]?.state?.lockCount;
  t.is(held(), 2);
  const notice = await RpcClient.udp('127.0.0.1', node.nsmPort, '127.0.0.41');
  t.teardown(() => notice.close());
  await notice.notify('client', 5);
  t.is(held(), 1);
  const other = await connect(42);
  t.is((await other.test({ svid: 9, file: 'client10' })).holder?.svid, 1);
});

test('pitfall 33: one client is one owner, over TCP and UDP, in version 1 and version 4', async (t) => {
  const { node, connect } = await scene(t);
  const tcp = await connect(41);
  const udp = await RpcClient.udp('127.0.0.1', node.nlmPort, '127.0.0.41');
  t.teardown(() => udp.close());
  const [lock1, unlock1] = [nlmCall(1, 'LOCK')!, nlmCall(1, 'UNLOCK')!];
  const one = { cookie: bytes('ck'), alock: alock({ length: 10n }) };
  const asked = { ...one, block: false, exclusive: true, reclaim: false, state: 1 };
  t.is(await tcp.lock({ length: 10n }), GRANTED);
  t.is((await udp.call(NLM_PROGRAM, 1, 2, { codec: lock1.args, value: asked }, lock1.result)).stat, GRANTED);
  t.is(node.admin.groups()[0]?.state?.lockCount, 1);
  t.is((await udp.call(NLM_PROGRAM, 1, 4, { codec: unlock1.args, value: one }, unlock1.result)).stat, GRANTED);
  t.is(node.admin.groups()[0]?.state?.lockCount, 0);
});

test('pitfall 34: the end of a connection takes no lock and no waiter away', async (t) => {
  const { node, listener, connect } = await scene(t);
  const [one, other] = [await connect(41), await connect(42)];
  t.is(await one.lock({ svid: 1 }), GRANTED);
  t.is(await other.lock({ svid: 2, caller: 'client2', block: true }), BLOCKED);
  one.close();
  other.close();
  await Promise.all([one.closed, other.closed]);
  const again = await connect(41);
  t.is(node.admin.groups()[0]?.state?.lockCount, 1);
  t.is(await again.unlock({ svid: 1 }), GRANTED);
  await listener.received(1);
  t.is((await again.test({ svid: 1 })).holder?.svid, 2);
});

test('pitfall 38: a notice in another name than caller_name counts for the clients of its source address, and of no other', async (t) => {
  const { node, connect } = await scene(t);
  const [one, other] = [await connect(41), await connect(42)];
  t.is(await one.lock({ file: 'a', caller: 'client1' }), GRANTED);
  t.is(await other.lock({ file: 'b', caller: 'client2' }), GRANTED);
  const notice = await RpcClient.udp('127.0.0.1', node.nsmPort, '127.0.0.41');
  t.teardown(() => notice.close());
  await notice.notify('client1.example.org', 5);
  t.is((await other.test({ svid: 9, file: 'a' })).stat, GRANTED);
  t.is((await other.test({ svid: 9, file: 'b' })).stat, DENIED);
});

test('pitfall 51: over UDP too a lock belongs to the server address that was asked', async (t) => {
  const { node } = await scene(t, ['127.0.0.1', '127.0.0.2']);
  const { address, nlmPort } = node.listeners()[1]!;
  const here = await RpcClient.udp('127.0.0.1', node.nlmPort, '127.0.0.41');
  const there = await RpcClient.udp(address, nlmPort, '127.0.0.41');
  t.teardown(() => (here.close(), there.close()));
  t.is(await here.lock({ file: 'a' }), GRANTED);
  t.is(await there.lock({ file: 'b' }), GRANTED);
  const call = { actor: 'uid:0', door: 'test', commandId: 'one', now: Date.now() };
  await callAdmin(node.admin, { ...call, procedure: 'unlock-ip', request: { address } });
  t.is((await here.test({ svid: 9, file: 'a' })).stat, DENIED);
  t.is((await here.test({ svid: 9, file: 'b' })).stat, GRANTED);
});
