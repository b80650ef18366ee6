/** The story that the demo tells, chapter by chapter. */

import { FLOATING, NODE_ADDRESS } from './places.js';
import type { Narrator } from './narrator.js';
import { locks, purges } from './chapters/locks.js';
import { killed, movedByCarry, movedByReclaim } from './chapters/takeovers.js';
import { replay } from './chapters/replay.js';
import type { Scene } from './scene.js';
import type { Stage } from './stage.js';

/** @throws where something is not as it should be */
export async function tell(stage: Stage, narrator: Narrator): Promise<void> {
  const scene: Scene = { stage, narrator };
  narrator.say(
    'Two servers, a and b, serve NFS file locks. Two floating addresses, with a file system each, move between them. ' +
      'Everything runs here, as you, on loopback addresses, and is gone afterwards.',
  );
  await cast(scene);
  await locks(scene);
  await purges(scene);
  await movedByCarry(scene);
  await movedByReclaim(scene);
  await killed(scene);
  await replay(scene);
}

async function cast({ stage, narrator }: Scene): Promise<void> {
  narrator.chapter('The cast');
  let began = performance.now();
  const lap = (): number => {
    const ms = performance.now() - began;
    began = performance.now();
    return ms;
  };
  await stage.startNats();
  narrator.fact(`nats-server with JetStream at ${stage.natsUrl}: it carries orders and the shared ledger`, lap());
  await Promise.all([stage.startNode('a'), stage.startNode('b'), stage.startNode('w')]);
  narrator.fact(`nodes a (${NODE_ADDRESS.a}) and b (${NODE_ADDRESS.b}); w only keeps a copy of the ledger`, lap());
  for (const group of ['home', 'work'] as const) {
    await stage.until('b', group, `a owns group ${group}`, ({ owner, status, steps }) => {
      return owner === 'a' && status === 'owned' && steps.some(({ step }) => step === 'announce');
    });
  }
  narrator.fact('a owns both groups, b follows their ledgers', lap());
  narrator.say(
    `Group home: /srv/home behind ${FLOATING.home}. Group work: /srv/work behind ${FLOATING.work}. ` +
      `NLM listens on port ${stage.nlmPort} of every address. The clients are anna, ben, cleo and dora.`,
  );
}
