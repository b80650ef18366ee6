/** SIGKILL at any moment under load. NLM_KILLS: rounds in all; NLM_KILL_SEED: the first seed, to repeat a failure. */

import test from 'ava';
import type { LockRow, Page } from '../../src/admin/messages.js';
import { askNode } from '../../src/cli/node-client.js';
import { CallbackListener } from '../support/callback-listener.js';
import { temporaryFolder } from '../support/node.js';
import { freePorts, NodeProcess } from '../support/node-process.js';
import { seededRandom, type Random } from '../support/random.js';
import { Actor } from '../support/storm/actor.js';
import { faultsOf } from '../support/storm/check.js';

const ROUNDS = Number(process.env['NLM_KILLS'] ?? 12);
/** Kills that one ledger goes through before everything is given back and its table must be empty. */
const ROUNDS_A_LIFE = 6;
const FIRST_SEED = Number(process.env['NLM_KILL_SEED'] ?? Date.now() % 1_000_000);
const ACTORS = 12;
const LOAD_MS_MAX = 250;

async function list(socket: string, procedure: 'locks' | 'waiters'): Promise<readonly LockRow[]> {
  return (await askNode<Page<LockRow>>(socket, procedure, { limit: 1000 })).rows;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** The moment of a kill is what is tested: it has to be a time. */
async function load(actors: readonly Actor[], node: NodeProcess, random: Random): Promise<void> {
  for (const actor of actors) actor.start();
  await pause(random(LOAD_MS_MAX));
  await node.end('SIGKILL');
  await Promise.all(actors.map((actor) => actor.stop()));
}

async function start(node: NodeProcess, random: Random): Promise<void> {
  // Now and then it dies while it starts.
  if (random(8) === 0) {
    node.spawn();
    await pause(random(900));
    await node.end('SIGKILL');
  }
  node.spawn();
  await node.serving();
}

test('after SIGKILL under load each acknowledged grant is there, each release is gone, and waiters get their callbacks', async (t) => {
  t.timeout(120_000 + ROUNDS * 10_000);
  let answered = 0;
  let callbacks = 0;
  for (let done = 0, seed = FIRST_SEED; done < ROUNDS; seed += 1) {
    t.log(`seed ${seed}`);
    const random = seededRandom(seed);
    const data = await temporaryFolder(t);
    const [nlmPort = 0, nsmPort = 0] = await freePorts(2);
    const listener = await CallbackListener.open();
    const node = new NodeProcess({
      data,
      nlmPort,
      nsmPort,
      clients: [{ network: '127.0.0.0/8', callbackPort: listener.port, callbackTransport: 'tcp' }],
    });
    const actors = Array.from(
      { length: ACTORS },
      (_, index) =>
        new Actor({
          svid: index + 1,
          transport: index % 3 === 2 ? 'udp' : 'tcp',
          port: nlmPort,
          files: 2,
          places: 3,
          random: seededRandom(seed * 100 + index),
        }),
    );
    listener.answer = ({ args: { alock, exclusive } }) =>
      actors[alock.svid - 1]?.granted(alock.fh, BigInt(alock.l_offset.low), exclusive ? 'exclusive' : 'shared') ?? 1;
    try {
      await start(node, random);
      for (let round = 0; round < ROUNDS_A_LIFE && done < ROUNDS; round += 1, done += 1) {
        await load(actors, node, random);
        await start(node, random);
        const waiters = await list(node.socket, 'waiters');
        const locks = await list(node.socket, 'locks');
        const faults = [...faultsOf(actors, locks, waiters), ...actors.flatMap((actor) => actor.faults)];
        if (faults.length > 0) t.fail(`seed ${seed} round ${round}:\n${faults.join('\n')}`);
      }
      // All is given back, and so every waiter has its callback: nothing may be left.
      for (const actor of actors) actor.start({ draining: true });
      const drained = Promise.all(actors.map((actor) => actor.finished()));
      const outcome = await Promise.race([drained.then(() => 'drained'), pause(20_000).then(() => 'stuck')]);
      const left = [...(await list(node.socket, 'locks')), ...(await list(node.socket, 'waiters'))];
      t.deepEqual(
        [outcome, left],
        ['drained', []],
        `seed ${seed}: after everything was given back\n${node.log.slice(-5).join('\n')}`,
      );
    } finally {
      answered += actors.reduce((sum, actor) => sum + actor.answered, 0);
      callbacks += actors.reduce((sum, actor) => sum + actor.callbacks, 0);
      await node.end('SIGKILL');
      for (const actor of actors) await actor.stop();
      for (const actor of actors) actor.close();
      listener.close();
    }
    if (!t.passed) break;
  }
  t.log(`${ROUNDS} kills, ${answered} calls answered, ${callbacks} callbacks`);
  t.true(answered > ROUNDS && callbacks > 0);
});
