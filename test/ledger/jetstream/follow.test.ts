/** Following and claiming, two and three nodes on one real server. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { encodedEvents } from '../../support/events.js';
import { natsTest, startNats } from '../../support/nats.js';
import { freePorts } from '../../support/node-process.js';
import { Relays } from '../../support/relays.js';
import { readAll, sealNext } from '../contract.js';
import { Chain, equalBytes } from '../../../src/ledger/chain.js';
import { gather } from '../../../src/bus/request.js';
import {
  decodeAgreed,
  decodeArchiveHead,
  decodeSynced,
  encodeMessage,
} from '../../../src/ledger/jetstream/peer-messages.js';
import { temporaryFolder } from '../fixture.js';
import { Owner, PLAIN, startLog } from './fixture.js';

natsTest('a follower archives each entry of the owner, synced, and hands it on in order', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startLog(t, name, { servers: [server.url] })));
  b!.log.follow(b!.observer);
  const owner = await Owner.claim(a!);
  await owner.append(50);
  await b!.observer.until(({ positions }) => positions.length === 50);
  t.deepEqual(
    b!.observer.positions,
    Array.from({ length: 50 }, (_, i) => i + 1),
  );
  t.true(equalBytes(b!.log.head().hash, a!.log.head().hash));
  t.is((await readAll(b!.log)).length, 50);
  t.is((await b!.log.caughtUp(5000)).position, 50);
  t.like(b!.log.status(), { stream: 'NLM_g_1', connected: true, position: 50, lag: 0, forks: [] });
});

natsTest('the next owner claims from its archive, and the one before is told and fenced (hazard 10)', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const [a, b] = await Promise.all(
    ['a', 'b'].map((name) => startLog(t, name, { servers: [server.url], members: ['a', 'b'] })),
  );
  const first = await Owner.claim(a!);
  await first.append(5);
  const superseded = new Promise<number>((resolve) => first.claimed.onSuperseded(resolve));
  const second = await Owner.claim(b!);
  t.deepEqual(second.claimed.report.heads, [
    { node: 'b', position: 0, epoch: 0 },
    { node: 'a', position: 5, epoch: 1 },
  ]);
  t.like(second.claimed.report, { republished: 0, lossAccepted: false, reads: { entry: 1, event: 1 } });
  t.is(second.epoch, 2);
  await second.append();
  t.is(await superseded, 2);
  t.deepEqual(await first.ledger.append(sealNext(first.chain, 1, 1)), { type: 'fenced', epoch: 2 });
  await first.ledger.close();
  a!.log.follow(a!.observer);
  await a!.observer.until(({ positions }) => positions.includes(6));
  // What the archive had synced beside the refused publish was set aside, with one line.
  t.deepEqual(a!.observer.rewound, [5]);
  t.is(a!.lines.filter((line) => line.includes('lost the race')).length, 1);
  t.true(equalBytes(a!.log.head().hash, b!.log.head().hash));
});

natsTest('hazard 9: of two claims at once one is durable, the other is fenced and keeps a clean archive', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startLog(t, name, { servers: [server.url] })));
  for (let round = 1; round <= 20; round += 1) {
    const claims = await Promise.all([a!, b!].map(({ log }) => log.claim(PLAIN)));
    const outcomes = await Promise.all(
      claims.map(({ ledger }, i) =>
        ledger.append(sealNext(new Chain('g', ledger.head()), i + 1, ledger.head().epoch + 1)),
      ),
    );
    t.deepEqual(outcomes.map(({ type }) => type).toSorted(), ['durable', 'fenced'], `round ${round}`);
    await Promise.all(claims.map(({ ledger }) => ledger.close()));
  }
  t.deepEqual(
    [...a!.lines, ...b!.lines].filter((line) => line.includes('set aside')),
    [],
  );
});

natsTest('the first claim on NATS publishes a single node’s ledger as its group’s', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const data = await temporaryFolder(t);
  const { openFileLedger } = await import('../../../src/ledger/file/open.js');
  const { smallLedger } = await import('../fixture.js');
  const { ledger } = await openFileLedger({ ...smallLedger(data), group: 'g' });
  const chain = new Chain('g');
  for (let i = 0; i < 30; i += 1) await ledger.append(sealNext(chain, 2));
  await ledger.close();
  const a = await startLog(t, 'a', { servers: [server.url], data });
  const b = await startLog(t, 'b', { servers: [server.url] });
  b.log.follow(b.observer);
  const owner = await Owner.claim(a);
  t.like(owner.claimed.report, { republished: 30, lossAccepted: false });
  await owner.append();
  await b.observer.until(({ positions }) => positions.length === 31);
  t.true(equalBytes(b.log.head().hash, a.log.head().hash));
});

natsTest('a follower that was away takes many entries in one sync, and tells of none before that', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const [a, b] = await Promise.all(['a', 'b'].map((name) => startLog(t, name, { servers: [server.url] })));
  const owner = await Owner.claim(a!);
  const count = 400;
  await owner.append(count);
  let told = 0;
  const words = a!.bus.connection!.subscribe('nlm.peer.g.synced', {
    callback: (_, { data }) => {
      told += 1;
      t.true(decodeSynced(data).position <= b!.log.head().position);
    },
  });
  t.teardown(() => words.unsubscribe());
  await a!.bus.connection!.flush();
  b!.log.follow(b!.observer);
  await b!.observer.until(({ positions }) => positions.length === count);
  await b!.bus.connection!.flush();
  await a!.bus.connection!.flush();
  t.log(`${count} entries, told of ${told} times`);
  t.true(told < 10);
  t.is((await readAll(b!.log)).length, count);
  t.true(equalBytes(b!.log.head().hash, a!.log.head().hash));
  await owner.append(3);
  await b!.observer.until(({ positions }) => positions.length === count + 3);
});

natsTest(
  'what a follower took last is agreed once the owner says so: one server alone may show what no other took',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const [a, b] = await Promise.all(['a', 'b'].map((name) => startLog(t, name, { servers: [server.url] })));
    b!.log.follow(b!.observer);
    const owner = await Owner.claim(a!);
    const connection = a!.bus.connection!;
    const words = connection.subscribe('nlm.peer.g.agreed');
    const agreedBy = async (node: string): Promise<number | undefined> => {
      const heads = await gather(
        connection,
        'nlm.peer.g.heads',
        encodeMessage({}),
        5000,
        ({ data }) => decodeArchiveHead(data),
        (all) => all.length === 2,
      );
      return heads.find((head) => head.node === node)?.agreed;
    };
    await owner.append(3);
    await b!.observer.until(({ positions }) => positions.includes(3));
    t.is(await agreedBy('a'), 3);
    // The third entry says that the second one is.
    t.is(await agreedBy('b'), 2);
    for await (const { data } of words) if (decodeAgreed(data).position === 3) break;
    await b!.bus.connection!.flush();
    t.is(await agreedBy('b'), 3);
  },
);

natsTest('a follower that the server gave up as a slow consumer connects anew, and misses nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const [http = 0] = await freePorts(1);
  const config = join(folder, 'nats.conf');
  await writeFile(config, `jetstream: { store_dir: '${folder}' }\nwrite_deadline: '1s'\nhttp: '127.0.0.1:${http}'\n`);
  const server = await startNats(t, { config });
  const relays = new Relays();
  t.teardown(() => relays.close());
  const port = await relays.between(0, 1, server.port);
  const a = await startLog(t, 'a', { servers: [server.url] });
  const b = await startLog(t, 'b', { servers: [`nats://127.0.0.1:${port}`] });
  const owner = await Owner.claim(a);
  await owner.append();
  b.log.follow(b.observer);
  await b.observer.until(({ positions }) => positions.includes(1));
  const slowConsumers = async (): Promise<number> =>
    ((await (await fetch(`http://127.0.0.1:${http}/varz`)).json()) as { slow_consumers: number }).slow_consumers;
  // It reads nothing for a while, and much is on its way to it.
  relays.cut(1);
  for (let i = 0; i < 12; i += 1) {
    const { position } = owner.chain.head;
    const events = encodedEvents([[1, Buffer.alloc(500_000, i)]]);
    const time = 1_700_000_000_000 + position;
    const entry = owner.chain.seal({ epoch: owner.epoch, node: 'a', time, durable: position, events });
    t.deepEqual(await owner.ledger.append(entry), { type: 'durable' });
  }
  while ((await slowConsumers()) === 0) await delay(20);
  relays.heal(1);
  await owner.append(2);
  const expected = Array.from({ length: 15 }, (_, i) => i + 1);
  await b.observer.until(({ positions }) => positions.includes(15));
  t.deepEqual(b.observer.positions, expected);
  t.true(equalBytes(b.log.head().hash, a.log.head().hash));
});
