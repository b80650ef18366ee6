/** Our node is killed, or stopped, and started again, while clients hold, wait and contend: none of them notices. */
import type { ExecutionContext } from 'ava';
import type { Capture } from './harness/capture.js';
import { floating } from './harness/addresses.js';
import { locks } from './harness/admin.js';
import { holding, ours, oursOnly, packetsDecode, useWorld } from './harness/suite.js';
import { exportOne } from './harness/server.js';
import type { World } from './harness/world.js';

const world = useWorld();

/** No grace answered (status 4), no notice of a reboot sent, no word of lockd in the clients' kernel logs. */
async function unnoticed(t: ExecutionContext, capture: Capture): Promise<void> {
  t.deepEqual(await capture.fields(`(${ours}) && nlm.stat == 4`, ['frame.number', '_ws.col.Info']), []);
  t.deepEqual(await capture.fields(`(${ours}) && stat && rpc.procedure == 6`, ['frame.number', '_ws.col.Info']), []);
  for (const guest of world().guests) t.is(await guest.run('dmesg | grep -i lockd || true'), '');
}

async function holdAcross(t: ExecutionContext, end: (world: World) => Promise<void>): Promise<void> {
  const { client1, client2, node } = world();
  await world().packets();
  const [name, other] = [world().file(), world().file()];
  const a = await holding(client1, name);
  await a.open(1, other);
  const b = await holding(client2, name);
  const c = await holding(client1, name);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await a.do('lock 0 r 100 50'), 'OK');
  t.is(await b.do('lock 0 r 120 100'), 'OK');
  t.is(await a.do('lock 1 w 0 0'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  const before = await locks(node);
  t.is(before.length, 4);

  await end(world());
  const contending = c.post('lock 0 w 130 1'); // asked while nobody answers
  const unlocking = a.post('unlock 1 r 0 0');
  await node.start();

  t.is((await c.finish(contending, 'a lock asked while the node was down')).result, 'EAGAIN');
  t.is((await a.finish(unlocking, 'an unlock while the node was down')).result, 'OK');
  t.is(await c.do('lock 0 w 500 10'), 'OK');
  t.is(await b.do('test 0 w 0 0'), 'HELD w 0 10');
  t.true(wait.open);
  t.is(await a.do('unlock 0 r 0 10'), 'OK');
  t.is((await b.finish(wait, 'the wait of before the restart', 20_000)).result, 'OK');
  t.is(await c.do('lock 0 w 0 1'), 'EAGAIN');
  t.is((await locks(node)).length, 4);
  await Promise.all([a.kill(), b.kill(), c.kill()]);
  const capture = await world().packets();
  await unnoticed(t, capture);
}

oursOnly('after SIGKILL every lock and every waiter is there, and no client notices', async (t) => {
  await holdAcross(t, ({ node }) => node.kill());
});

oursOnly('after a clean restart every lock and every waiter is there, and no client notices', async (t) => {
  await holdAcross(t, ({ node }) => node.stop());
});

oursOnly('SIGKILL under load loses no update and gives no error', async (t) => {
  const { client1, client2, node } = world();
  const file = world().file();
  await client1.run(`printf 0000000000000000 >${file}`);
  const hammers = [client1, client2, client1, client2].map((guest) => guest.start(`hammer ${file}`));
  const kills = 3;
  for (let kill = 1; kill <= kills; kill += 1) {
    for (const hammer of hammers) await hammer.match(new RegExp(`^round ${20 * kill}$|^failed`, 'm'));
    await node.kill();
    await node.start();
  }
  for (const hammer of hammers) await hammer.match(new RegExp(`^round ${20 * (kills + 1)}$|^failed`, 'm'));
  let rounds = 0;
  for (const hammer of hammers) hammer.close();
  for (const hammer of hammers) rounds += Number((await hammer.match(/^done (\d+)$/m))[1]);
  t.is(Number(await client2.run(`cat ${file}`)), rounds);
  t.is((await locks(node)).length, 0);
  t.log(`${rounds} rounds, ${kills} times SIGKILL`);
});

oursOnly('a client that loses its power before a SIGKILL of the node is freed by its notice after it', async (t) => {
  const { client1, client2, node } = world();
  const file = world().file();
  const [a, b] = [await holding(client1, file), await holding(client2, file)];
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  await client1.powerCut();
  await node.kill();
  await node.start();
  t.true(wait.open);
  await client1.boot();
  t.is((await b.finish(wait, 'the grant after the reboot', 60_000)).result, 'OK');
  await client1.mount(floating, exportOne, '/mnt/one');
  const again = await holding(client1, file);
  t.is(await again.do('lock 0 w 20 10'), 'OK');
  await Promise.all([again.kill(), b.kill()]);
});

packetsDecode(world);
