/** Addresses: a floating one that comes and goes under a running node, and IPv6. */
import test from 'ava';
import { clients, floating6, lateFloating } from './harness/addresses.js';
import { locks } from './harness/admin.js';
import { addAddress, removeAddress } from './harness/namespaces.js';
import { holding, oursOnly, packetsDecode, useWorld } from './harness/suite.js';
import { exportOne } from './harness/server.js';

const world = useWorld();

oursOnly('an address that comes is served, one that goes is closed, and the others are undisturbed', async (t) => {
  const { client1, client2, node, network } = world();
  const name = world().file('');
  const b = await holding(client2, `/mnt/one${name}`);
  t.is(await b.do('lock 0 w 0 10'), 'OK');

  await addAddress(network, lateFloating);
  await node.listens(lateFloating);
  await client1.mount(lateFloating, exportOne, '/mnt/late');
  const a = await holding(client1, `/mnt/late${name}`);
  t.is(await a.do('lock 0 w 0 10'), 'EAGAIN');
  t.is(await a.do('lock 0 w 20 10'), 'OK');
  const wait = await a.wait('wait 0 w 0 10');

  await removeAddress(network, lateFloating);
  await node.listens(lateFloating, false);
  t.is(await b.do('lock 0 w 25 1'), 'EAGAIN');
  t.is(await b.do('lock 0 w 40 10'), 'OK');
  t.deepEqual(
    (await locks(node)).filter(({ serverAddress }) => serverAddress === lateFloating).map(({ start }) => start),
    ['20'],
  );

  await addAddress(network, lateFloating);
  await node.listens(lateFloating);
  t.is(await b.do('unlock 0 r 0 10'), 'OK');
  t.is((await a.finish(wait, 'the wait of before the address went')).result, 'OK');
  t.is(await a.do('unlock 0 r 0 0'), 'OK');
  await Promise.all([a.kill(), b.kill()]);
  await client1.run('umount /mnt/late');
});

test.serial('a lock over IPv6 is one with the locks over IPv4', async (t) => {
  const { client1, client2 } = world();
  const name = world().file('');
  for (const guest of world().guests) await guest.mount(floating6, exportOne, '/mnt/six');
  const [a, b] = [await holding(client1, `/mnt/six${name}`), await holding(client2, `/mnt/six${name}`)];
  const c = await holding(client2, `/mnt/one${name}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 5 10'), 'EAGAIN');
  t.is(await c.do('lock 0 w 9 1'), 'EAGAIN');
  t.is(await b.do('test 0 r 0 0'), 'HELD w 0 10');
  t.is(await a.do('unlock 0 r 5 5'), 'OK');
  t.is(await c.do('lock 0 w 5 1'), 'OK');
  t.is(await a.do('lock 0 w 5 1'), 'EAGAIN');
  await Promise.all([a.kill(), b.kill(), c.kill()]);
});

// Ganesha's lock manager calls back a waiter of IPv6 from an IPv4 address, and drops the waiter when that fails.
oursOnly('a wait over IPv6 ends with a callback over IPv6', async (t) => {
  const { client1, client2 } = world();
  await world().packets();
  const name = world().file('');
  const [a, b] = [await holding(client1, `/mnt/six${name}`), await holding(client2, `/mnt/six${name}`)];
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  t.is(await a.do('unlock 0 r 0 10'), 'OK');
  t.is((await b.finish(wait, 'the wait', 20_000)).result, 'OK');
  const capture = await world().packets();
  const source = `ipv6.src == ${floating6} && ipv6.dst == ${clients.client2.ip6}`;
  t.true((await capture.fields(`nlm && ${source}`, ['nlm.procedure_v4'])).length > 0);
  await Promise.all([a.kill(), b.kill()]);
});

packetsDecode(world);
