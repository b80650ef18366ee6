/** Thirty behaviours of fcntl locks, between two processes of one client and between two clients. */
import test from 'ava';
import { behaviours, deadlockTitle } from './behaviours.js';
import { play } from './harness/play.js';
import { oursOnly, packetsDecode, useWorld } from './harness/suite.js';

const world = useWorld();

for (const { title, script } of behaviours) {
  test.serial(`one client: ${title}`, async (t) => {
    const { client1 } = world();
    await t.notThrowsAsync(play(client1, client1, world().file(), script));
  });
  const between = title === deadlockTitle ? oursOnly : test.serial; // nothing finds it with Ganesha's lock manager
  between(`two clients: ${title}`, async (t) => {
    const { client1, client2 } = world();
    await t.notThrowsAsync(play(client1, client2, world().file(), script));
  });
}

packetsDecode(world);
