/** Three servers, three replicas: claims that race, a leader that freezes or goes, servers that restart. */

import { setTimeout as delay } from 'node:timers/promises';
import { connectOnce } from '../../../src/bus/connection.js';
import { Chain, equalBytes } from '../../../src/ledger/chain.js';
import { freeze, natsTest } from '../../support/nats.js';
import { sealNext } from '../contract.js';
import { leaderOf, Owner, PLAIN, replicasLevel, startCluster, startLog } from './fixture.js';

/** A thousand with NLM_ROUNDS=1000. */
const ROUNDS = Number(process.env['NLM_ROUNDS'] ?? 40);
const CLAIM_MS_MAX = 5000;

natsTest('two nodes claim at once on three replicas: one winner each, in bounded time', async (t) => {
  const cluster = await startCluster(t);
  const options = { servers: cluster.urls, members: ['a', 'b'], replicas: 3 };
  const [a, b] = await Promise.all([startLog(t, 'a', options), startLog(t, 'b', options)]);
  await Owner.claim(a).then(async (owner) => {
    await owner.append();
    await owner.ledger.close();
  });
  let longest = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const began = performance.now();
    const claims = await Promise.all([a, b].map(({ log }) => log.claim(PLAIN)));
    const heads = claims.map(({ ledger }) => ledger.head());
    const outcomes = await Promise.all(
      claims.map(({ ledger }, i) =>
        ledger.append(sealNext(new Chain('g', ledger.head()), i + 1, ledger.head().epoch + 1)),
      ),
    );
    // Where one had claimed before the other looked, both claims may stand, one behind the other.
    const won = outcomes.filter(({ type }) => type === 'durable').length;
    const expected = heads[0]?.position === heads[1]?.position ? 1 : 2;
    if (won !== expected) t.fail(`round ${round}: ${won} winners of ${expected}`);
    longest = Math.max(longest, performance.now() - began);
    await Promise.all(claims.map(({ ledger }) => ledger.close()));
  }
  t.log(`${ROUNDS} rounds, the longest ${Math.round(longest)} ms`);
  t.true(longest < CLAIM_MS_MAX);
  const [first, second] = await Promise.all([a, b].map(({ log }) => log.claim(PLAIN)));
  t.true(equalBytes(first!.ledger.head().hash, second!.ledger.head().hash));
});

natsTest(
  'hazard 8: an owner whose leader is frozen acknowledges nothing, another node claims, and the first is fenced when it is back',
  async (t) => {
    const cluster = await startCluster(t);
    const members = ['a', 'b'];
    const first = await startLog(t, 'a', { servers: cluster.urls, members, replicas: 3 });
    await Owner.claim(first).then((owner) => owner.append(3));
    await first.close();
    const leader = await leaderOf(cluster);
    const others = cluster.urls.filter((_, i) => i !== leader);
    const a = await startLog(t, 'a', { servers: [cluster.urls[leader]!], members, replicas: 3, data: first.data });
    const b = await startLog(t, 'b', { servers: others, members, replicas: 3 });
    b.log.follow(b.observer);
    const owner = await Owner.claim(a);
    await owner.append();
    await b.observer.until(({ positions }) => positions.includes(4));
    await freeze(cluster.server(leader)!);
    let isKnown = false;
    const pending = owner.ledger.append(sealNext(owner.chain, 1, owner.epoch)).then((outcome) => {
      isKnown = true;
      return outcome;
    });
    // The lost leader costs JetStream an election of some seconds.
    let next: Owner | undefined;
    while (next === undefined) {
      next = await Owner.claim(b).catch(async () => {
        await delay(200);
        return undefined;
      });
    }
    await next.append(2);
    t.false(isKnown);
    cluster.server(leader)?.signal('SIGCONT');
    t.deepEqual(await pending, { type: 'fenced', epoch: next.epoch });
    await owner.ledger.close();
    a.log.follow(a.observer);
    await a.observer.until(({ positions }) => positions.includes(6));
    t.true(equalBytes(a.log.head().hash, b.log.head().hash));
  },
);

natsTest(
  'a leader that steps down, and servers that restart one by one: the owner goes on, and nothing is lost',
  async (t) => {
    const cluster = await startCluster(t);
    const options = { servers: cluster.urls, members: ['a', 'b'], replicas: 3 };
    const [a, b] = await Promise.all([startLog(t, 'a', options), startLog(t, 'b', options)]);
    b.log.follow(b.observer);
    const owner = await Owner.claim(a);
    await owner.append(5);
    const connection = await connectOnce({ servers: cluster.urls, name: 'test' });
    await connection.request('$JS.API.STREAM.LEADER.STEPDOWN.NLM_g_1', undefined, { timeout: 5000 });
    await connection.close();
    await owner.append(5);
    await replicasLevel(cluster);
    for (const index of [0, 1, 2]) {
      await cluster.stop(index, 'SIGKILL');
      await owner.append(3);
      await cluster.start(index);
      await owner.append(3);
      await replicasLevel(cluster);
    }
    await b.observer.until(({ positions }) => positions.length === 28);
    t.deepEqual(
      b.observer.positions,
      Array.from({ length: 28 }, (_, i) => i + 1),
    );
    t.true(equalBytes(b.log.head().hash, a.log.head().hash));
  },
);

natsTest(
  'hazard 8: an owner that appends nothing and did not hear of the next claim gives the group up once NATS is back',
  async (t) => {
    const cluster = await startCluster(t);
    const members = ['a', 'b'];
    const b = await startLog(t, 'b', { servers: cluster.urls, members, replicas: 3 });
    await Owner.claim(b).then(async (owner) => {
      await owner.append(3);
      await owner.ledger.close();
    });
    const own = ((await leaderOf(cluster)) + 1) % 3;
    const others = cluster.urls.filter((_, i) => i !== own);
    await b.close();
    const a = await startLog(t, 'a', { servers: [cluster.urls[own]!], members, replicas: 3 });
    const idle = await Owner.claim(a);
    await idle.append();
    const superseded = new Promise<number>((resolve) => idle.claimed.onSuperseded(resolve));
    // What is published now never comes to this node.
    await cluster.stop(own, 'SIGKILL');
    const again = await startLog(t, 'b', { servers: others, members, replicas: 3, data: b.data });
    const next = await Owner.claim(again);
    await next.append();
    await cluster.start(own);
    t.is(await superseded, next.epoch);
  },
);
