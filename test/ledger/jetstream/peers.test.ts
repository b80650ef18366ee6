/** What the archives of a group do for each other: suffixes, quorums, a follower's sync, checkpoints, roles. */

import { connectOnce } from '../../../src/bus/connection.js';
import { equalBytes } from '../../../src/ledger/chain.js';
import { openNextGeneration } from '../../../src/ledger/jetstream/generation.js';
import { natsTest, PlainClient, startNats } from '../../support/nats.js';
import { readAll, sealNext } from '../contract.js';
import { temporaryFolder } from '../fixture.js';
import { Bus } from '../../../src/bus/bus.js';
import { openReplicatedLog } from '../../../src/ledger/jetstream/open.js';
import { acquire } from '../fixture.js';
import { Owner, PLAIN, startLog } from './fixture.js';

natsTest(
  'a claim takes what the stream lost out of another node’s archive, and publishes it again first',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const options = { servers: [server.url], members: ['a', 'b', 'c'] };
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => startLog(t, name, options)));
    const owner = await Owner.claim(a!);
    await owner.append(8);
    b!.log.follow(b!.observer);
    await b!.observer.until(({ positions }) => positions.length === 8);
    await owner.ledger.close();
    const { connection } = await PlainClient.connect(t, server);
    await connection.request('$JS.API.STREAM.DELETE.NLM_g_1');
    // c has nothing at all, and claims: what a and b have is the group's ledger.
    const next = await Owner.claim(c!);
    t.is(next.ledger.head().position, 8);
    t.is(next.claimed.report.heads.length, 3);
    t.is((await readAll(c!.log)).length, 8);
    await next.append();
    await b!.observer.until(({ positions }) => positions.length === 9);
    t.true(equalBytes(b!.log.head().hash, c!.log.head().hash));
  },
);

natsTest(
  'hazard 11: with automatic takeover an entry counts once a follower has synced it too, and a claim needs most archives',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const options = { servers: [server.url], members: ['a', 'b', 'c'], waitForFollower: true };
    const a = await startLog(t, 'a', options);
    await t.throwsAsync(a.log.claim({ acceptLoss: false, quorum: true }), {
      code: 'refused',
      message: /only 1 of 3 archives/,
    });
    const b = await startLog(t, 'b', options);
    const owner = await Owner.claim(a, { acceptLoss: false, quorum: true });
    let isDurable = false;
    const pending = owner.append().then(() => (isDurable = true));
    await a.log.caughtUp(5000);
    for (let tries = 0; tries < 20; tries += 1) await b.log.caughtUp(1).catch(() => undefined);
    t.false(isDurable, 'nobody else has it');
    b.log.follow(b.observer);
    await pending;
    t.is(b.log.head().position, 1);
    await owner.append(20);
    t.true(b.log.head().position >= 20);
  },
);

natsTest(
  'a new node begins at a checkpoint of another one, verified against the stream, and follows from there',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const options = { servers: [server.url], members: ['a', 'b'] };
    const [a, b] = await Promise.all([startLog(t, 'a', options), startLog(t, 'b', options)]);
    const owner = await Owner.claim(a);
    await owner.append(510);
    const state = Buffer.alloc(3_000_000, 7);
    const head = a.log.head();
    await owner.append(20);
    await a.log.checkpoints.write({ ...head, version: 1, state });
    b.log.follow(b.observer);
    await b.observer.until(({ positions }) => positions.includes(530));
    t.is(b.observer.positions[0], 511);
    t.deepEqual(b.observer.rewound, [510]);
    const checkpoint = await b.log.checkpoints.newest(b.log.head().position);
    t.is(checkpoint?.position, 510);
    t.true(equalBytes(checkpoint?.state ?? new Uint8Array(), state));
    t.true(equalBytes(b.log.head().hash, a.log.head().hash));
    // It is a full member: its archive is opened again, and claims.
    await b.close();
    const again = await startLog(t, 'b', { ...options, data: b.data });
    t.is(again.log.head().position, 530);
    await owner.ledger.close();
    await (await Owner.claim(again)).append();
  },
);

natsTest('a checkpoint that does not fit the stream, or has another form, is passed over', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const options = { servers: [server.url], members: ['a', 'b'] };
  const a = await startLog(t, 'a', options);
  const owner = await Owner.claim(a);
  await owner.append(505);
  await a.log.checkpoints.write({ ...a.log.head(), version: 99, state: Buffer.alloc(10) });
  const b = await startLog(t, 'b', options);
  b.log.follow(b.observer);
  await b.observer.until(({ positions }) => positions.length === 505);
  t.deepEqual(b.observer.rewound, []);
});

natsTest(
  'a follower that does not read a newer entry says so and stays where it is; a claim tells what all read',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const options = { servers: [server.url], members: ['a', 'b'] };
    const a = await startLog(t, 'a', { ...options, eventVersion: 7 });
    const b = await startLog(t, 'b', { ...options, eventVersion: 3 });
    const owner = await Owner.claim(a);
    t.deepEqual(owner.claimed.report.reads, { entry: 1, event: 3 });
    await owner.append(2);
    b.log.follow(b.observer);
    await b.observer.until(({ positions }) => positions.length === 2);
    const { bytes } = sealNext(owner.chain, 1, owner.epoch);
    bytes[1] = 2;
    const { connection } = await PlainClient.connect(t, server);
    await connection.request('nlm.ledger.g', bytes);
    await b.observer.until(({ away }) => away.some((cause) => /start a release that reads/.test(cause?.message ?? '')));
    t.is(b.log.head().position, 2);
  },
);

natsTest(
  'with the roles of ops/nats a node follows, claims and appends; generations are the administrator’s',
  async (t) => {
    const environment: Record<string, string> = { NLM_STORE: await temporaryFolder(t) };
    for (const role of ['NODE', 'OPERATOR', 'AUDITOR', 'ADMINISTRATOR']) environment[`NLM_${role}_PASSWORD`] = role;
    const server = await startNats(t, { config: 'ops/nats/users.conf', environment });
    const nodes = await Promise.all(
      ['a', 'b'].map(async (node) => {
        const bus = new Bus(
          { servers: [server.url], name: node, user: 'node', password: 'NODE' },
          { onUp: () => undefined, onDown: () => undefined },
        );
        const log = await openReplicatedLog({
        bus, data: await temporaryFolder(t), group: 'g', node, members: ['a', 'b'], replicas: 1, waitForFollower: true,
        eventVersion: 1, checkpointVersion: 1, acquire, log: () => undefined,
      }); // prettier-ignore
        await bus.start(5000);
        t.teardown(() => log.close().then(() => bus.close()));
        return log;
      }),
    );
    const [a, b] = nodes;
    const away: (Error | undefined)[] = [];
    b!.follow({ onEntries: () => undefined, onRewound: () => undefined, onAway: (cause) => away.push(cause) });
    const { ledger, report } = await a!.claim(PLAIN);
    t.is(report.heads.length, 2);
    const { Chain } = await import('../../../src/ledger/chain.js');
    const chain = new Chain('g');
    for (let i = 0; i < 5; i += 1) t.like(await ledger.append(sealNext(chain, 1)), { type: 'durable' });
    const node = await connectOnce({ servers: [server.url], name: 'node', user: 'node', password: 'NODE' });
    t.teardown(() => node.close());
    await t.throwsAsync(openNextGeneration(node, 'g'), { code: 'refused', message: /STREAM\.UPDATE/ });
    const administrator = await connectOnce({
    servers: [server.url], name: 'administrator', user: 'administrator', password: 'ADMINISTRATOR',
  }); // prettier-ignore
    t.teardown(() => administrator.close());
    t.like(await openNextGeneration(administrator, 'g'), { opened: 'NLM_g_2', position: 5 });
    for (let i = 0; i < 5; i += 1) t.like(await ledger.append(sealNext(chain, 1)), { type: 'durable' });
    t.is((await b!.caughtUp(5000)).position, 10);
  },
);
