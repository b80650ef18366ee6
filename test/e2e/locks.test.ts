/** Locks of real clients against each other: contention, order, flock, death, interrupted waits, a reboot. */
import test from 'ava';
import { within } from './harness/events.js';
import type { GuestProcess } from './harness/guest.js';
import { holding, packetsDecode, useWorld } from './harness/suite.js';
import { floating } from './harness/addresses.js';
import { exportOne } from './harness/server.js';

const world = useWorld();

/** Ends the hammers and gives the rounds of all together. */
async function finish(hammers: readonly GuestProcess[]): Promise<number> {
  let rounds = 0;
  for (const hammer of hammers) {
    hammer.close();
    rounds += Number((await hammer.match(/^done (\d+)$/m))[1]);
  }
  return rounds;
}

test.serial('four processes on two clients that lock, add one and unlock lose no update', async (t) => {
  const file = world().file();
  await world().client1.run(`printf 0000000000000000 >${file}`);
  const hammers = world().guests.flatMap((guest) => [guest.start(`hammer ${file}`), guest.start(`hammer ${file}`)]);
  for (const hammer of hammers) await hammer.match(/^round 40$/m);
  const rounds = await finish(hammers);
  t.is(Number(await world().client2.run(`cat ${file}`)), rounds);
  t.log(`${rounds} rounds`);
});

test.serial('waiters on one lock are granted in the order in which they came', async (t) => {
  const { client1, client2 } = world();
  const file = world().file();
  const holder = await holding(client1, file);
  const first = await holding(client2, file);
  const second = await holding(client1, file);
  t.is(await holder.do('lock 0 w 0 10'), 'OK');
  const firstWait = await first.wait('wait 0 w 0 10');
  const secondWait = await second.wait('wait 0 w 0 10');
  await holder.kill();
  t.is((await first.finish(firstWait)).result, 'OK');
  t.true(secondWait.open);
  t.is(await first.do('unlock 0 r 0 10'), 'OK');
  t.is((await second.finish(secondWait)).result, 'OK');
  await Promise.all([first.kill(), second.kill()]);
});

test.serial('flock of one client excludes the other, shared ones do not', async (t) => {
  const file = world().file();
  const [a, b] = [await holding(world().client1, file), await holding(world().client2, file)];
  t.is(await a.do('flock 0 ex'), 'OK');
  t.is(await b.do('flock 0 ex nb'), 'EAGAIN');
  t.is(await b.do('flock 0 sh nb'), 'EAGAIN');
  const wait = await b.wait('flock 0 sh');
  t.is(await a.do('flock 0 sh'), 'OK');
  t.is((await b.finish(wait)).result, 'OK');
  t.is(await a.do('flock 0 ex nb'), 'EAGAIN');
  t.is(await b.do('flock 0 un'), 'OK');
  await Promise.all([a.kill(), b.kill()]);
});

test.serial('a process that is killed while it holds frees the one that waits', async (t) => {
  const file = world().file();
  const [a, b] = [await holding(world().client1, file), await holding(world().client2, file)];
  t.is(await a.do('lock 0 w 0 0'), 'OK');
  const wait = await b.wait('wait 0 w 5 5');
  await a.kill();
  t.is((await b.finish(wait, 'the wait', 20_000)).result, 'OK');
  await b.kill();
});

test.serial('a process that is killed while it waits leaves no lock behind', async (t) => {
  const file = world().file();
  const [a, b] = [await holding(world().client1, file), await holding(world().client2, file)];
  t.is(await a.do('lock 0 w 0 0'), 'OK');
  await b.wait('wait 0 w 5 5');
  await b.kill();
  const c = await holding(world().client2, file);
  t.is(await a.do('unlock 0 r 0 0'), 'OK');
  t.is((await c.finish(c.post('wait 0 w 0 0'), 'the lock', 20_000)).result, 'OK');
  await Promise.all([a.kill(), c.kill()]);
});

test.serial('an interrupted wait for an upgrade keeps the read lock', async (t) => {
  const file = world().file();
  const [a, b] = [await holding(world().client1, file), await holding(world().client2, file)];
  t.is(await a.do('lock 0 r 0 10'), 'OK');
  t.is(await b.do('lock 0 r 0 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  await b.interrupt(wait);
  t.is((await b.finish(wait)).result, 'EINTR');
  t.is(await a.do('lock 0 w 0 10'), 'EAGAIN');
  t.is(await a.do('test 0 w 0 10'), 'HELD r 0 10');
  t.is(await b.do('unlock 0 r 0 10'), 'OK');
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  await Promise.all([a.kill(), b.kill()]);
});

for (const statdFirst of [false, true]) {
  const how = statdFirst ? ', also when its locks still carry the state of before' : '';
  test.serial(
    `a client that loses its power keeps its lock until it is up again, then who waits has it${how}`,
    async (t) => {
      const { client1, client2 } = world();
      const file = world().file();
      const [a, b] = [await holding(client1, file), await holding(client2, file)];
      t.is(await a.do('lock 0 w 0 10'), 'OK');
      await client1.powerCut();
      t.is(await b.do('lock 0 w 0 10'), 'EAGAIN');
      const wait = await b.wait('wait 0 w 0 10');
      const booted = client1.boot({ statdFirst });
      t.is((await within('the grant after the reboot', 60_000, wait.answer)).result, 'OK');
      await booted;
      await client1.mount(floating, exportOne, '/mnt/one');
      const again = await holding(client1, file);
      t.is(await again.do('lock 0 w 0 10'), 'EAGAIN');
      t.is(await again.do('lock 0 w 10 10'), 'OK');
      await Promise.all([again.kill(), b.kill()]);
    },
  );
}

packetsDecode(world);
