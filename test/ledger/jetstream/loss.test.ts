/** What a stream loses, and what comes back: rollbacks, forks, deletion. The servers are real, and killed for real. */

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { Chain, equalBytes } from '../../../src/ledger/chain.js';
import { natsTest, PlainClient, startNats } from '../../support/nats.js';
import { NatsServer } from '../../../ops/nats/server.js';
import { readAll, sealNext } from '../contract.js';
import { temporaryFolder } from '../fixture.js';
import { Owner, PLAIN, startCluster, startLog, type LogNode } from './fixture.js';

/** One server whose streams may be set back to an older copy. */
class OneServer {
  readonly #store: string;
  #server: NatsServer;
  #copy = '';

  static async start(t: ExecutionContext): Promise<OneServer> {
    const store = await temporaryFolder(t);
    const one = new OneServer(store, await NatsServer.start({ jetstream: store }));
    t.teardown(() => one.#server.stop('SIGKILL'));
    t.teardown(() => (one.#copy === '' ? undefined : rm(one.#copy, { recursive: true, force: true })));
    return one;
  }

  private constructor(store: string, server: NatsServer) {
    this.#store = store;
    this.#server = server;
  }

  get url(): string {
    return this.#server.url;
  }

  /** Stops it and copies its streams; it is down then. */
  async copy(): Promise<void> {
    await this.#server.stop();
    this.#copy = await mkdtemp(join(tmpdir(), 'nlm-ledger-store-'));
    await cp(this.#store, this.#copy, { recursive: true });
  }

  async start(): Promise<void> {
    this.#server = await NatsServer.start({ port: this.#server.port, jetstream: this.#store });
  }

  /** Killed, and back with what the copy has. */
  async setBack(): Promise<void> {
    await this.#server.stop('SIGKILL');
    await rm(this.#store, { recursive: true, force: true });
    await cp(this.#copy, this.#store, { recursive: true });
    await this.start();
  }
}

/** Six entries that the copy has, and four that it will lose. */
async function ownedAndCopied(server: OneServer, owner: Owner, node: LogNode): Promise<void> {
  await owner.append(6);
  await server.copy();
  await server.start();
  await node.bus.connected(10_000);
  await owner.append(4);
}

natsTest(
  'hazard 9: a stream that was set back under a live owner gets its suffix again, and then the next entry',
  async (t) => {
    const server = await OneServer.start(t);
    const a = await startLog(t, 'a', { servers: [server.url] });
    const owner = await Owner.claim(a);
    await ownedAndCopied(server, owner, a);
    await server.setBack();
    await owner.append();
    t.is(a.log.head().position, 11);
    const b = await startLog(t, 'b', { servers: [server.url] });
    b.log.follow(b.observer);
    await b.observer.until(({ positions }) => positions.length === 11);
    t.true(equalBytes(b.log.head().hash, a.log.head().hash));
  },
);

natsTest(
  'hazard 11: after a rollback a claim without the last owner’s archive needs accept-loss, and says so',
  async (t) => {
    const server = await OneServer.start(t);
    const options = { servers: [server.url], members: ['a', 'b'] };
    const a = await startLog(t, 'a', options);
    const b = await startLog(t, 'b', options);
    b.log.follow(b.observer);
    const owner = await Owner.claim(a);
    await ownedAndCopied(server, owner, a);
    await b.observer.until(({ positions }) => positions.includes(10));
    await b.log.stopFollowing();
    await owner.append();
    await a.close();
    await server.setBack();
    await b.bus.connected(10_000);
    await t.throwsAsync(b.log.claim(PLAIN), { code: 'refused', message: /node a.*--accept-loss/ });
    await t.throwsAsync(b.log.claim({ acceptLoss: false, quorum: true }), {
      code: 'refused',
      message: /node a.*does not answer/,
    });
    const second = await Owner.claim(b, { acceptLoss: true, quorum: false });
    // What b had archived of the lost suffix is back.
    t.true(second.claimed.report.lossAccepted);
    t.true(second.claimed.report.republished >= 3);
    await second.append(2);
    const head = b.log.head();

    // And a comes back with an acknowledged entry that nobody else has: a fork. Nothing is overwritten, nobody follows on.
    const again = await startLog(t, 'a', { ...options, data: a.data });
    const before = await readAll(again.log);
    again.log.follow(again.observer);
    await again.observer.until(({ away }) => away.some((cause) => /FORK/.test(cause?.message ?? '')));
    t.is(again.lines.filter((line) => line.startsWith('FORK in group g')).length, 1);
    t.deepEqual(await readAll(again.log), before);
    t.is(again.log.status().forks.length, 1);
    t.true(equalBytes(b.log.head().hash, head.hash));
    // What b owns goes on, and so does the next claim there.
    await second.append();
    await second.ledger.close();
    await (await Owner.claim(b)).append();
  },
);

natsTest('a stream that was deleted ends its owner; the next claim goes on in the next generation', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const options = { servers: [server.url], members: ['a', 'b'] };
  const [a, b] = await Promise.all([startLog(t, 'a', options), startLog(t, 'b', options)]);
  b.log.follow(b.observer);
  const owner = await Owner.claim(a);
  await owner.append(10);
  await b.observer.until(({ positions }) => positions.length === 10);
  const { connection } = await PlainClient.connect(t, server);
  await connection.request('$JS.API.STREAM.DELETE.NLM_g_1');
  await t.throwsAsync(owner.append(), { code: 'unavailable', message: /NLM_g_1 was deleted/ });
  await owner.ledger.close();
  const next = await Owner.claim(a);
  t.is(a.log.status().stream, 'NLM_g_2');
  await next.append(3);
  await b.observer.until(({ positions }) => positions.length >= 13);
  t.true(equalBytes(b.log.head().hash, a.log.head().hash));
  // A node that comes new has the beginning from the others' archives.
  const c = await startLog(t, 'c', options);
  c.log.follow(c.observer);
  await c.observer.until(({ positions }) => positions.length >= a.log.head().position);
  t.is((await readAll(c.log)).length, a.log.head().position);
  t.true(equalBytes(c.log.head().hash, a.log.head().hash));
});

natsTest(
  'three servers killed and set back to an older copy: an archive brings back what was acknowledged before anyone can claim',
  async (t) => {
    const cluster = await startCluster(t);
    const copies = await temporaryFolder(t);
    const options = { servers: cluster.urls, members: ['a', 'b'], replicas: 3 };
    const [a, b] = await Promise.all([startLog(t, 'a', options), startLog(t, 'b', options)]);
    b.log.follow(b.observer);
    const owner = await Owner.claim(a);
    await owner.append(6);
    await cluster.stopAll();
    for (const [i, store] of cluster.stores.entries()) await cp(store, join(copies, String(i)), { recursive: true });
    await cluster.startAll();
    await owner.append(4);
    await b.observer.until(({ positions }) => positions.includes(10));
    await cluster.stopAll('SIGKILL');
    await a.close();
    for (const [i, store] of cluster.stores.entries()) {
      await rm(store, { recursive: true, force: true });
      await cp(join(copies, String(i)), store, { recursive: true });
    }
    await cluster.startAll();
    await b.bus.connected(10_000);
    // Whichever archive is heard: a's, started again, follows, and the one that claims brings all ten back.
    const again = await startLog(t, 'a', { ...options, data: a.data });
    const claimed = await claimedAtLast(b);
    t.is(claimed.ledger.head().position, 10);
    t.deepEqual(await claimed.append(1), undefined);
    again.log.follow(again.observer);
    await again.observer.until(({ positions }) => positions.includes(11));
    t.true(equalBytes(again.log.head().hash, b.log.head().hash));
  },
);

/** A cluster that was just started has its leaders after some seconds. */
async function claimedAtLast(node: LogNode): Promise<Owner> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await Owner.claim(node);
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

natsTest('an entry that was synced and never reached the stream is published when its node is back', async (t) => {
  const server = await OneServer.start(t);
  const a = await startLog(t, 'a', { servers: [server.url] });
  const owner = await Owner.claim(a);
  await owner.append(3);
  await server.copy();
  const pending = owner.ledger.append(sealNext(owner.chain, 1, owner.epoch));
  await owner.ledger.close();
  t.like(await pending, { type: 'unknown' });
  t.is(a.log.head().position, 4);
  await server.start();
  a.log.follow(a.observer);
  await a.bus.connected(10_000);
  await a.log.caughtUp(5000);
  const b = await startLog(t, 'b', { servers: [server.url] });
  b.log.follow(b.observer);
  await b.observer.until(({ positions }) => positions.length === 4);
  t.true(equalBytes(b.log.head().hash, new Chain('g', owner.chain.head).head.hash));
});
