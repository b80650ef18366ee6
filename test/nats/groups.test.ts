/** Groups on several nodes, through a real NATS server: who owns one serves it, and its locks are where it is. */

import type { ExecutionContext } from 'ava';
import type { AdminPort, GroupView } from '../../src/admin/port.js';
import { openNextGeneration } from '../../src/ledger/jetstream/generation.js';
import { NatsServer } from '../../ops/nats/server.js';
import { freeze, natsTest, PlainClient, startBusNode, startNats, until } from '../support/nats.js';
import { temporaryFolder, type TestNode, type TestNodeOptions } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

const GRANTED = 0;
const DENIED = 1;
const DENIED_GRACE_PERIOD = 4;
const NOLOCKS = 2;
const STALE_FH = 7;
const GROUP = 'web';

interface Place {
  readonly server: NatsServer;
  readonly floating: string;
  readonly take: 'by-command' | 'on-release' | 'on-silence';
}

const LISTEN: Readonly<Record<string, string>> = { a: '127.0.78.1', b: '127.0.78.2', w: '127.0.78.3' };
let addresses = 10;

async function place(t: ExecutionContext, take: Place['take']): Promise<Place> {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  return { server, floating: `127.0.77.${(addresses += 1)}`, take };
}

function start(t: ExecutionContext, where: Place, name: string, options: TestNodeOptions = {}): Promise<TestNode> {
  return startBusNode(t, where.server, name, {
    ...options,
    file: {
      listen: [LISTEN[name] ?? '127.0.78.9'],
      exports: [{ path: '/srv/web', handle: { format: 'any' } }],
      groups: [
        {
          name: GROUP,
          addresses: [where.floating],
          exports: ['/srv/web'],
          nodes: ['a', 'b'],
          witnesses: ['w'],
          take: where.take,
          silenceMs: 2000,
        },
      ],
    },
  });
}

function view(admin: AdminPort): GroupView {
  const found = admin.groups().find(({ name }) => name === GROUP);
  if (found === undefined) throw new Error('no such group');
  return found;
}

const owns = (node: TestNode): boolean => view(node.admin).status === 'serving';

async function client(t: ExecutionContext, node: TestNode, address: string): Promise<RpcClient> {
  const port = node.listeners().find((listener) => listener.address === address)?.nlmPort ?? 0;
  const found = await RpcClient.tcp(address, port);
  t.teardown(() => found.close());
  return found;
}

natsTest('the first of its nodes owns a new group, and a standby has every lock', async (t) => {
  const where = await place(t, 'by-command');
  const b = await start(t, where, 'b');
  const a = await start(t, where, 'a');
  await until(
    () => owns(a) && view(a.admin).state?.life.steps.some(({ step }) => step === 'notify') === true,
    'a owns',
  );
  t.is(view(b.admin).status, 'standby');
  const through = await client(t, a, where.floating);
  t.is(await through.lock({ svid: 1 }), GRANTED);
  await until(() => view(b.admin).state?.lockCount === 1, 'b has the lock');
  t.is(view(b.admin).statusReason, 'owned by a');
  // Through an address of its own, a node serves what it owns, and nothing else.
  t.is(await (await client(t, a, '127.0.78.1')).lock({ svid: 2 }), DENIED);
  t.is(await (await client(t, b, '127.0.78.2')).lock({ svid: 2 }), STALE_FH);
});

natsTest('an owner that comes back owns again, with its locks', async (t) => {
  const where = await place(t, 'by-command');
  const data = await temporaryFolder(t);
  const first = await start(t, where, 'a', { data });
  await until(() => owns(first), 'a owns');
  t.is(await (await client(t, first, '127.0.78.1')).lock({ svid: 1 }), GRANTED);
  await first.close();
  const again = await start(t, where, 'a', { data });
  await until(() => owns(again), 'a owns again');
  t.is(view(again.admin).epoch, 2);
  t.is(await (await client(t, again, '127.0.78.1')).lock({ svid: 2 }), DENIED);
});

natsTest(
  'a standby takes the group of an owner that is silent, carries its locks, and the old one stands by',
  async (t) => {
    const where = await place(t, 'on-silence');
    const data = await temporaryFolder(t);
    const witness = await start(t, where, 'w');
    const b = await start(t, where, 'b');
    const a = await start(t, where, 'a', { data });
    await until(() => owns(a), 'a owns');
    t.is(await (await client(t, a, where.floating)).lock({ svid: 1 }), GRANTED);
    await a.close();
    await until(() => owns(b), 'b owns');
    t.is(view(witness.admin).status, 'standby');
    t.is(await (await client(t, b, where.floating)).lock({ svid: 2 }), DENIED);
    const back = await start(t, where, 'a', { data });
    await until(() => view(back.admin).state?.life.node === 'b', 'a knows');
    t.is(view(back.admin).status, 'standby');
    t.true(owns(b));
  },
);

natsTest(
  'while NATS does not answer nothing is granted, the node says so, and on its return all goes on',
  async (t) => {
    const where = await place(t, 'by-command');
    const a = await start(t, where, 'a');
    await until(() => owns(a), 'a owns');
    const through = await client(t, a, where.floating);
    t.is(await through.lock({ svid: 1 }), GRANTED);
    await freeze(where.server);
    const held = through.lock({ svid: 1, offset: 200n, length: 10n, file: 'other' });
    await until(() => view(a.admin).status === 'degraded', 'a says that its ledger does not answer');
    t.regex(view(a.admin).statusReason, /has not taken an entry/);
    // Who asks meanwhile is told to come back.
    t.is(await through.lock({ svid: 2, file: 'third' }), DENIED_GRACE_PERIOD);
    where.server.signal('SIGCONT');
    t.is(await held, GRANTED);
    await until(() => owns(a), 'a serves again');
    t.is(await through.lock({ svid: 2 }), DENIED);
  },
);

natsTest(
  'a stream that is deleted under its owner: the node claims the group anew by itself, and no lock is lost',
  async (t) => {
    const where = await place(t, 'by-command');
    const [a, b] = [await start(t, where, 'a'), await start(t, where, 'b')];
    await until(() => owns(a), 'a owns');
    const through = await client(t, a, where.floating);
    t.is(await through.lock({ svid: 1 }), GRANTED);
    await until(() => view(b.admin).state?.lockCount === 1, 'b has the lock');
    const { connection } = await PlainClient.connect(t, where.server);
    await connection.request('$JS.API.STREAM.DELETE.NLM_web_1');
    // The call that finds it gone stays without an answer: its client asks again, over a connection that is still there.
    void through.lock({ svid: 2, file: 'other' }).catch(() => undefined);
    await until(() => owns(a) && view(a.admin).epoch === 2, 'a owns again');
    const isDoorOpen = (): boolean =>
      a.listeners().some(({ address, nlmPort }) => address === where.floating && (nlmPort ?? 0) > 0);
    await until(isDoorOpen, 'its door is open');
    const again = await client(t, a, where.floating);
    t.is(await again.lock({ svid: 3 }), DENIED);
    t.is(await again.lock({ svid: 2, file: 'other' }), GRANTED);
    const { data } = await connection.request('$JS.API.STREAM.NAMES');
    t.deepEqual((JSON.parse(Buffer.from(data).toString()) as { streams: string[] }).streams, ['NLM_web_2']);
    await until(() => view(b.admin).state?.lockCount === 2, 'b follows on');
  },
);

natsTest('a full stream: who gives back may, nobody gets a lock, until its next generation is there', async (t) => {
  const where = await place(t, 'by-command');
  const { connection } = await PlainClient.connect(t, where.server);
  const bytesMax = 100_000;
  const bounded = { name: 'NLM_web_1', subjects: ['nlm.ledger.web'], discard: 'new', max_bytes: bytesMax };
  await connection.request('$JS.API.STREAM.CREATE.NLM_web_1', JSON.stringify(bounded));
  const a = await start(t, where, 'a');
  await until(() => owns(a), 'a owns');
  const through = await client(t, a, where.floating);
  const fill = async (): Promise<number> => {
    const { data } = await connection.request('$JS.API.STREAM.INFO.NLM_web_1');
    return (JSON.parse(Buffer.from(data).toString()) as { state: { bytes: number } }).state.bytes / bytesMax;
  };
  let svid = 0;
  while ((await fill()) < 0.91) t.is(await through.lock({ svid: (svid += 1), file: `${svid}` }), GRANTED);
  await until(() => view(a.admin).status === 'degraded', 'it is seen that the stream is nearly full');
  t.is(await through.lock({ svid: svid + 1, file: 'more' }), NOLOCKS);
  t.is(await through.unlock({ svid: 1, file: '1' }), GRANTED);
  await openNextGeneration(connection, GROUP);
  await until(() => owns(a), 'it is seen that there is room');
  t.is(await through.lock({ svid: svid + 1, file: 'more' }), GRANTED);
  t.is(await through.lock({ svid: 1, file: '2' }), DENIED);
});
