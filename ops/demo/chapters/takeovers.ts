/** Groups move: planned with their locks, planned with a grace, and because their owner was killed. */

import type { Client } from '../client.js';
import { FLOATING } from '../places.js';
import { answered, commanded, expect, type Scene } from '../scene.js';

const { home, work } = FLOATING;

/** The answer to a release; a standby that takes by itself may have done so when it is written. */
function taken(by: string): RegExp {
  return new RegExp(`released by|being taken by ${by}|owned by ${by}`);
}

export async function movedByCarry(scene: Scene): Promise<void> {
  const { stage, narrator } = scene;
  const { anna, ben, cleo, dora } = stage.clients;
  narrator.chapter('A planned takeover, the carry way: the locks move with the ledger');
  const { blocked, granted } = anna.wait(home, 'home/report');
  await blocked;
  narrator.fact('anna waits for home/report, which cleo holds');
  const pause = pauseOf(dora);
  await commanded(
    scene,
    ['release', 'home', '--nats', stage.natsUrl, '--node', 'a', '--reason', 'maintenance of a'],
    taken('b'),
  );
  const life = await stage.until(
    'b',
    'home',
    'b owns home',
    ({ owner, status }) => owner === 'b' && status === 'owned',
  );
  narrator.fact(`b took it by itself; ${home} answered nobody for at most`, await pause.end());
  narrator.fact(`${life.steps.find(({ step }) => step === 'carry')?.detail ?? ''}: nobody reclaims, no grace`);
  await answered(scene, ben, 'locks home/report at b', 'DENIED', () => ben.lock(home, 'home/report'));
  await answered(scene, cleo, 'unlocks home/report at b', 'GRANTED', () => cleo.unlock(home, 'home/report'));
  const began = performance.now();
  expect('how anna was told', 'GRANTED', (await granted).waited?.how);
  narrator.fact('b calls anna back, who began to wait at a: GRANTED', performance.now() - began);
  const back = pauseOf(dora);
  await commanded(scene, ['release', 'home', '--nats', stage.natsUrl, '--node', 'b', '--way', 'carry'], taken('a'));
  await stage.until('a', 'home', 'a owns home', ({ owner, status }) => owner === 'a' && status === 'owned');
  narrator.fact('and back again at once: a owns home; the longest pause was', await back.end());
}

export async function movedByReclaim(scene: Scene): Promise<void> {
  const { stage, narrator } = scene;
  const { ben, dora } = stage.clients;
  const nats = ['--nats', stage.natsUrl];
  narrator.chapter('A planned takeover, the reclaim way: as the kernel patches have it');
  narrator.say(
    'For nodes whose file handles differ: locks are dropped, and their clients reclaim them in a grace period.',
  );
  await answered(scene, dora, 'locks work/plan', 'GRANTED', () => dora.lock(work, 'work/plan'));
  await commanded(scene, ['release', 'work', ...nats, '--node', 'a'], /released by a/);
  await commanded(scene, ['take', 'work', ...nats, '--node', 'b'], /owned by b/);
  await answered(scene, ben, 'locks work/other, in the grace', 'DENIED_GRACE_PERIOD', () =>
    ben.lock(work, 'work/other'),
  );
  await answered(scene, ben, 'locks home/other: the other group has no grace', 'GRANTED', () =>
    ben.lock(home, 'home/other'),
  );
  narrator.say(
    'b notifies the clients (SM_NOTIFY, at the statd that their rpcbind names: a host has one). dora reclaims:',
  );
  const began = performance.now();
  await answered(scene, dora, 'reclaims work/plan at b', 'GRANTED', () =>
    dora.lock(work, 'work/plan', { reclaim: true }),
  );
  await stage.until('b', 'work', 'the grace has ended', ({ steps }) => steps.some(({ step }) => step === 'reclaims'));
  narrator.fact('hers was the last one that was expected: the grace has ended', performance.now() - began);
  await answered(scene, ben, 'locks work/other', 'GRANTED', () => ben.lock(work, 'work/other'));
}

export async function killed(scene: Scene): Promise<void> {
  const { stage, narrator } = scene;
  const { anna, ben, cleo } = stage.clients;
  narrator.chapter('Server a is killed');
  narrator.say(
    'Group home may be taken from an owner that is silent for two seconds. A real cluster fences the dead server too: ' +
      'silence is not death.',
  );
  const { blocked, granted } = cleo.wait(home, 'home/report');
  await blocked;
  narrator.fact('anna holds home/report, cleo waits for it');
  const pid = stage.pidOf('a');
  const began = performance.now();
  narrator.command(`kill -9 ${pid}`);
  await stage.kill('a');
  const seen = await ben.untilAnswered(() => ben.test(home, 'home/report'));
  narrator.fact(`b noticed, took home, and answers at ${home}; from the kill to the answer`, performance.now() - began);
  expect('status of home/report at b', 1, seen.status);
  narrator.fact('no lock was lost, and no client had to do anything: anna still holds home/report');
  await answered(scene, anna, 'unlocks home/report at b', 'GRANTED', () => anna.unlock(home, 'home/report'));
  expect('how cleo was told', 'GRANTED', (await granted).waited?.how);
  narrator.fact('b calls cleo back, who began to wait at a: GRANTED');
  await stage.startNode('a');
  await stage.until(
    'a',
    'home',
    'a knows that b owns home',
    ({ owner, status }) => owner === 'b' && status === 'owned',
  );
  narrator.say('a is started again. It finds what happened in the ledger, and stands by:');
  await commanded(scene, ['groups', '--nats', stage.natsUrl], /home: owned by b/);
}

interface Pause {
  /** The longest time between two answers, so far. */
  end(): Promise<number>;
}

/** A client that keeps asking, and knows how long nobody answered. */
function pauseOf(client: Client): Pause {
  let longest = 0;
  let last = performance.now();
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      await client.untilAnswered(() => client.test(home, 'home/other'));
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
  })();
  // Where the story ends early, nobody asks for it any more.
  asking.catch(() => undefined);
  return {
    end: async () => {
      isOver = true;
      await asking;
      return longest;
    },
  };
}
