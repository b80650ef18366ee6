/** Locks over TCP and UDP, a wait with its callback, a lock through the wrong address, and the purges. */

import { FLOATING } from '../places.js';
import { answered, commanded, expect, type Scene } from '../scene.js';

const { home, work } = FLOATING;

export async function locks(scene: Scene): Promise<void> {
  const { stage, narrator } = scene;
  const { anna, ben, cleo } = stage.clients;
  narrator.chapter('Locks: each is synced to the disk, and on the stream, before its answer leaves');
  await answered(scene, anna, 'locks home/report', 'GRANTED', () => anna.lock(home, 'home/report'));
  await answered(scene, ben, 'locks home/budget', 'GRANTED', () => ben.lock(home, 'home/budget'));
  await answered(scene, ben, 'locks home/report', 'DENIED', () => ben.lock(home, 'home/report'));
  const { blocked, granted } = cleo.wait(home, 'home/report');
  await blocked;
  narrator.fact('cleo wants home/report too: BLOCKED, she waits on her callback port');
  await answered(scene, anna, 'unlocks home/report', 'GRANTED', () => anna.unlock(home, 'home/report'));
  const began = performance.now();
  const { waited } = await granted;
  expect('how cleo was told', 'GRANTED', waited?.how);
  narrator.fact('a calls cleo back: GRANTED, the lock is hers', performance.now() - began);
}

export async function purges(scene: Scene): Promise<void> {
  const { stage, narrator } = scene;
  const { anna, ben, cleo, dora } = stage.clients;
  narrator.chapter('A lock through the wrong address pins the file system');
  narrator.say(
    `Nobody can keep dora from mounting /srv/home through ${work}, the address of the other group. ` +
      `When ${home} leaves, what came in through it is to be dropped, and nothing else.`,
  );
  await answered(scene, dora, `locks home/letters through ${work}`, 'GRANTED', () => dora.lock(work, 'home/letters'));
  narrator.say('Whoever can reach NATS orders it, from b or anywhere; each node answers for itself.');
  const nats = ['--nats', stage.natsUrl];
  await commanded(scene, ['unlock-ip', home, ...nats, '--id', 'move-1', '--reason', 'to server b'], /dropped 2 locks/);
  await answered(scene, anna, 'locks home/budget, which ben had', 'GRANTED', () => anna.lock(home, 'home/budget'));
  await answered(scene, anna, 'locks home/report, which cleo had', 'GRANTED', () => anna.lock(home, 'home/report'));
  await answered(scene, ben, 'locks home/letters, which dora has still', 'DENIED', () =>
    ben.lock(home, 'home/letters'),
  );
  narrator.say('To unmount /srv/home all of its locks have to go, whatever address they came through.');
  await commanded(scene, ['unlock-fs', '--name', 'home', ...nats, '--id', 'move-2'], /dropped 3 locks/);
  await answered(scene, ben, 'locks home/letters', 'GRANTED', () => ben.lock(home, 'home/letters'));
  await answered(scene, cleo, 'locks home/report', 'GRANTED', () => cleo.lock(home, 'home/report'));
}
