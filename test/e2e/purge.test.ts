/** unlock-ip, unlock-fs and unlock-client while two clients hold locks through two addresses on two file systems. */
import test from 'ava';
import { clients, floating, floating6, otherFloating } from './harness/addresses.js';
import {
  locks as allLocks,
  resolvedLocks as allResolved,
  unlockClient,
  unlockFs,
  unlockIp,
  waiters,
  type Lock,
} from './harness/admin.js';
import { until } from './harness/events.js';
import type { Holder, Pending } from './harness/holder.js';
import type { LedgerNode } from './harness/node.js';
import { holding, oursOnly, packetsDecode, useWorld } from './harness/suite.js';
import { exportOne, exportTwo } from './harness/server.js';

const world = useWorld();

// client1 comes in through one floating address (suite.ts), client2 also through the other; both file systems.
test.before(async () => {
  const { client1, client2 } = world();
  await client1.mount(floating, exportTwo, '/mnt/two');
  await client2.mount(otherFloating, exportOne, '/mnt/other/one');
  await client2.mount(otherFloating, exportTwo, '/mnt/other/two');
  await client2.mount(floating6, exportTwo, '/mnt/six/two');
});

// What comes in over IPv6 is the affair of the first test and of the last: Linux asks again after thirty seconds, in
// which the others run.
const isIp4 = ({ serverAddress }: Lock): boolean => serverAddress !== floating6;
const locks = async (node: LedgerNode) => (await allLocks(node)).filter(isIp4);
const resolvedLocks = async (node: LedgerNode) => (await allResolved(node)).filter(isIp4);
let dropped: { readonly holder: Holder; readonly wait: Pending } | undefined;

oursOnly('unlock-ip drops a waiter of the address too, who is not called back', async (t) => {
  const { client1, client2, node } = world();
  const name = world().file('');
  const a = await holding(client1, `/mnt/two${name}`);
  const b = await holding(client2, `/mnt/six/two${name}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  t.like((await unlockIp(node, floating6)).counts, { locks: 0, waiters: 1 });
  t.is(await a.do('unlock 0 r 0 10'), 'OK');
  t.deepEqual(await allLocks(node), []);
  t.true(wait.open);
  dropped = { holder: b, wait };
  await a.kill();
});

oursOnly('locks and waiters show who holds what, through which address', async (t) => {
  const { client1, client2, node } = world();
  const name = world().file('');
  const a = await holding(client1, `/mnt/one${name}`);
  const b = await holding(client2, `/mnt/other/one${name}`);
  t.is(await a.do('lock 0 w 5 10'), 'OK');
  const wait = await b.wait('wait 0 r 0 0');
  const [held, ...none] = await locks(node);
  t.like(held, { client: 'client1', clientAddress: clients.client1.ip4, serverAddress: floating });
  t.like(held, { start: '5', end: '14', exclusive: true });
  t.is(none.length, 0);
  const [waiting] = await waiters(node);
  t.like(waiting, { client: 'client2', clientAddress: clients.client2.ip4, serverAddress: otherFloating });
  t.like(waiting, { start: '0', end: 'eof', exclusive: false });
  await a.kill();
  t.is((await b.finish(wait)).result, 'OK');
  await b.kill();
});

oursOnly('locks --resolve names the path of the file that a client has locked', async (t) => {
  const { client1, node } = world();
  const [name, other] = [world().file(''), world().file('')];
  const a = await holding(client1, `/mnt/one${name}`);
  await a.open(1, `/mnt/two${other}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await a.do('lock 1 r 0 10'), 'OK');
  const paths = (await resolvedLocks(node)).map(({ path }) => path);
  t.deepEqual(new Set(paths), new Set([`${exportOne}${name}`, `${exportTwo}${other}`]));
  await a.kill();
  await until('no lock', 5000, async () => (await locks(node)).length === 0);
});

oursOnly('unlock-ip drops the locks of one address and calls back who waited for them', async (t) => {
  const { client1, client2, node } = world();
  const [name, other] = [world().file(''), world().file('')];
  const a = await holding(client1, `/mnt/one${name}`);
  await a.open(1, `/mnt/two${other}`);
  const b = await holding(client2, `/mnt/other/one${name}`);
  const watcher = await holding(client1, `/mnt/one${name}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await a.do('lock 1 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 20 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  const { counts, rows } = await unlockIp(node, floating);
  t.like(counts, { locks: 2, waiters: 0 });
  t.deepEqual(new Set(rows.map(({ serverAddress }) => serverAddress)), new Set([floating]));
  t.is((await b.finish(wait, 'the wait', 20_000)).result, 'OK');
  t.is(await watcher.do('test 0 w 20 10'), 'HELD w 20 10');
  t.like((await unlockIp(node, floating)).counts, { locks: 0, waiters: 0 });
  await Promise.all([a.kill(), b.kill(), watcher.kill()]);
  await until('no lock', 5000, async () => (await locks(node)).length === 0);
});

oursOnly('unlock-fs drops every lock of the file system, through whatever address, and no other', async (t) => {
  const { client1, client2, node } = world();
  const [name, other] = [world().file(''), world().file('')];
  const a = await holding(client1, `/mnt/one${name}`);
  await a.open(1, `/mnt/two${other}`);
  const b = await holding(client2, `/mnt/other/one${other}`);
  const c = await holding(client2, `/mnt/other/one${name}`);
  const watcher = await holding(client2, `/mnt/other/two${other}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await a.do('lock 1 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 20 10'), 'OK');
  const wait = await c.wait('wait 0 w 0 10');
  await client1.run('mkdir -p /mnt/one/below');
  const { counts } = await unlockFs(node, `${exportOne}/below`);
  t.is(counts.locks, 2);
  t.is(counts.waiters, 1); // it was one of this file system: dropped too
  t.true(wait.open);
  t.is(await watcher.do('test 0 w 0 10'), 'HELD w 0 10');
  t.deepEqual(
    (await locks(node)).map(({ client, start, end }) => [client, start, end]),
    [['client1', '0', '9']],
  );
  await Promise.all([a.kill(), b.kill(), c.kill(), watcher.kill()]);
});

oursOnly('unlock-client drops the locks of one client and calls back who waited for them', async (t) => {
  const { client1, client2, node } = world();
  const name = world().file('');
  const a = await holding(client1, `/mnt/one${name}`);
  const b = await holding(client2, `/mnt/other/one${name}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 20 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  t.is((await unlockClient(node, 'client1')).counts.locks, 1);
  t.is((await b.finish(wait, 'the wait', 20_000)).result, 'OK');
  await Promise.all([a.kill(), b.kill()]);
});

oursOnly('the client whose waiter was dropped asks again, and has the lock in the end', async (t) => {
  if (dropped === undefined) return t.fail('its waiter was not dropped');
  const { holder, wait } = dropped;
  t.is((await holder.finish(wait, 'the repeated wait', 45_000)).result, 'OK');
  await holder.kill();
  return undefined;
});

packetsDecode(world);
