/** A group's ledger goes on for ever: generations of its stream, a full one, and nodes that come when the first is gone. */

import { connectOnce } from '../../../src/bus/connection.js';
import { equalBytes } from '../../../src/ledger/chain.js';
import { openNextGeneration } from '../../../src/ledger/jetstream/generation.js';
import { HEADS_MS_MAX } from '../../../src/ledger/jetstream/limits.js';
import { nlm } from '../../support/in-process.js';
import { natsTest, startNats } from '../../support/nats.js';
import { readAll, sealNext } from '../contract.js';
import { temporaryFolder } from '../fixture.js';
import { Owner, PLAIN, startLog } from './fixture.js';

natsTest('hazard 20: the next generation begins with the last entry; owner and followers go on in it', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const options = { servers: [server.url], members: ['a', 'b'] };
  const [a, b] = await Promise.all([startLog(t, 'a', options), startLog(t, 'b', options)]);
  b.log.follow(b.observer);
  const owner = await Owner.claim(a);
  await owner.append(10);
  const administrator = await connectOnce({ servers: [server.url], name: 'administrator' });
  t.teardown(() => administrator.close());
  t.deepEqual(await openNextGeneration(administrator, 'g'), {
    group: 'g',
    sealed: 'NLM_g_1',
    opened: 'NLM_g_2',
    position: 10,
  });
  await owner.append(5);
  await b.observer.until(({ positions }) => positions.length === 15);
  t.true(equalBytes(b.log.head().hash, a.log.head().hash));
  t.is(b.log.status().stream, 'NLM_g_2');
  const ran = await nlm('ledger', 'generation', 'g', '--nats', server.url);
  t.is(ran.code, 0, ran.err);
  t.regex(ran.out, /^group g goes on in the stream NLM_g_3, which begins with position 15\nNLM_g_2 is sealed: /);
  await owner.append();

  // One that comes new reads what is before out of the sealed streams; once they are deleted, out of an archive.
  const c = await startLog(t, 'c', options);
  c.log.follow(c.observer);
  await c.observer.until(({ positions }) => positions.length === 16);
  for (const stream of ['NLM_g_1', 'NLM_g_2']) await administrator.request(`$JS.API.STREAM.DELETE.${stream}`);
  const d = await startLog(t, 'd', options);
  d.log.follow(d.observer);
  await d.observer.until(({ positions }) => positions.length === 16);
  t.is((await readAll(d.log)).length, 16);
  t.true(equalBytes(d.log.head().hash, a.log.head().hash));
  await owner.ledger.close();
  const next = await Owner.claim(d);
  await next.append();
  t.is(d.log.head().position, 17);
});

natsTest(
  'a claim asks the stream that was followed whether it carries the group: who tells the names of streams may be lost',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const options = { servers: [server.url], members: ['a', 'b'] };
    const [a, b] = await Promise.all([startLog(t, 'a', options), startLog(t, 'b', options)]);
    const owner = await Owner.claim(a);
    b.log.follow(b.observer);
    await owner.append();
    await b.observer.until(({ positions }) => positions.length === 1);
    const spy = await connectOnce({ servers: [server.url], name: 'spy' });
    t.teardown(() => spy.close());
    const asked: string[] = [];
    spy.subscribe('$JS.API.STREAM.*', { callback: (_error, { subject }) => asked.push(subject) });
    spy.subscribe('$JS.API.STREAM.INFO.*', { callback: (_error, { subject }) => asked.push(subject) });
    await spy.flush();
    await owner.ledger.close();
    await Owner.claim(b);
    await spy.flush();
    t.deepEqual([...new Set(asked)], ['$JS.API.STREAM.INFO.NLM_g_1']);
  },
);

natsTest('a claim does not wait for the archive of a node that is known to be dead', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const a = await startLog(t, 'a', { servers: [server.url], members: ['a', 'b'] });
  const durations: number[] = [];
  for (const dead of [undefined, 'b']) {
    const began = performance.now();
    const owner = await Owner.claim(a, { ...PLAIN, dead });
    durations.push(performance.now() - began);
    t.deepEqual(
      owner.claimed.report.heads.map(({ node }) => node),
      ['a'],
    );
    await owner.ledger.close();
  }
  const [waited = 0, short = 0] = durations;
  t.true(waited >= HEADS_MS_MAX && short < waited, `${waited} ms, then ${short} ms`);
});

natsTest(
  'hazard 20: a generation without its first entry is opened to the end by a repeat, an empty stream has none',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const administrator = await connectOnce({ servers: [server.url], name: 'administrator' });
    t.teardown(() => administrator.close());
    await t.throwsAsync(openNextGeneration(administrator, 'g'), { code: 'not-found', message: /first claim/ });
    const a = await startLog(t, 'a', { servers: [server.url] });
    const owner = await Owner.claim(a);
    await t.throwsAsync(openNextGeneration(administrator, 'g'), { code: 'refused', message: /is empty/ });
    await owner.append(3);
    const ask = async (verb: string, body: object): Promise<void> => {
      const { data } = await administrator.request(`$JS.API.STREAM.${verb}`, JSON.stringify(body));
      t.notRegex(Buffer.from(data).toString(), /"error"/);
    };
    await ask('UPDATE.NLM_g_1', { name: 'NLM_g_1', subjects: ['nlm.sealed.g.1'], discard: 'new', deny_delete: true, deny_purge: true, sealed: true }); // prettier-ignore
    await ask('CREATE.NLM_g_2', { name: 'NLM_g_2', subjects: ['nlm.ledger.g'], discard: 'new', deny_delete: true, deny_purge: true }); // prettier-ignore
    const appended = owner.append(1);
    t.like(await openNextGeneration(administrator, 'g'), { sealed: 'NLM_g_1', opened: 'NLM_g_2', position: 3 });
    await appended;
    t.is(a.log.head().position, 4);
  },
);

natsTest(
  'a stream near its limit takes releases alone, a full one says what to do, and the next generation takes all',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const a = await startLog(t, 'a', { servers: [server.url] });
    const administrator = await connectOnce({ servers: [server.url], name: 'administrator' });
    t.teardown(() => administrator.close());
    const bounded = { name: 'NLM_g_1', subjects: ['nlm.ledger.g'], discard: 'new', deny_delete: true, deny_purge: true, max_bytes: 20_000 }; // prettier-ignore
    await administrator.request('$JS.API.STREAM.CREATE.NLM_g_1', JSON.stringify(bounded));
    const first = await Owner.claim(a);
    const bytes = async (): Promise<number> => {
      const { data } = await administrator.request('$JS.API.STREAM.INFO.NLM_g_1');
      return (JSON.parse(Buffer.from(data).toString()) as { state: { bytes: number } }).state.bytes;
    };
    while ((await bytes()) < 18_100) {
      await first.ledger.append(sealNext(first.chain, 1, first.epoch), { urgent: true });
    }
    await first.ledger.close();
    // A claim weighs the stream; an owner does so from time to time.
    const owner = await Owner.claim(a);
    t.is(owner.ledger.capacity(), 'releases-only');
    const entry = sealNext(owner.chain, 1, owner.epoch);
    await t.throwsAsync(owner.ledger.append(entry), { code: 'no-space' });
    t.like(await owner.ledger.append(entry, { urgent: true }), { type: 'durable' });
    const full = async (): Promise<void> => {
      for (;;) await owner.ledger.append(sealNext(owner.chain, 1, owner.epoch), { urgent: true });
    };
    await t.throwsAsync(full(), { code: 'no-space', message: /nlm-ledger ledger generation g/ });
    await owner.ledger.close();
    await openNextGeneration(administrator, 'g');
    const last = await Owner.claim(a);
    t.is(last.ledger.capacity(), 'open');
    await last.append(3);
  },
);
