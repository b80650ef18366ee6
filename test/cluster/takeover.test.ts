import type { ExecutionContext } from 'ava';
import { callAdmin } from '../../src/admin/call.js';
import type { GroupLifeReply, TakeoverReply } from '../../src/admin/messages.js';
import { natsTest, startBusNode, startNats, until } from '../support/nats.js';
import { temporaryFolder, type TestNode } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

/** 127/8 is on every host: what stands for the floating address. Only the owner's door is open on it. */
const FLOAT = '127.0.0.77';

const GROUP = {
  name: 'web',
  addresses: [FLOAT],
  exports: ['/srv/web'],
  nodes: ['a', 'b'],
};

async function cluster(t: ExecutionContext, group: object) {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const file = {
    exports: [{ path: '/srv/web', handle: { format: 'prefix', prefix: '66696c65' } }],
    groups: [{ ...GROUP, ...group }],
  };
  const start = (name: string): Promise<TestNode> => startBusNode(t, server, name, { file });
  const [a, b] = [await start('a'), await start('b')];
  await until(() => isSettled(a), 'a owns the group');
  return { a, b };
}

function lifeOf(node: TestNode) {
  return node.admin.takeovers()[0]?.port.state?.life;
}

/** It owns the group, and nothing of its takeover is left to do. */
function isSettled(node: TestNode): boolean {
  const [takeover] = node.admin.takeovers();
  return takeover?.running === undefined && takeover?.port.state?.life.status === 'owned';
}

async function order(node: TestNode, procedure: 'release' | 'take', more: object = {}): Promise<TakeoverReply> {
  const request = { group: 'web', ...more };
  const facts = { actor: 'uid:0', door: 'socket', commandId: `${procedure}-${Math.random()}`, now: 0 };
  // The cast states what the procedure answers.
  return (await callAdmin(node.admin, { procedure, request, ...facts })) as TakeoverReply;
}

async function client(t: ExecutionContext, node: TestNode): Promise<RpcClient> {
  const door = node.admin.node().listeners.find(({ address }) => address === FLOAT);
  const made = await RpcClient.tcp(FLOAT, door?.nlmPort ?? 0);
  t.teardown(() => made.close());
  return made;
}

const stepsOf = (reply: GroupLifeReply) => (reply.isKnown ? reply.steps : []);

natsTest(
  'the carry way: what is locked through one node is locked through the next, and nobody is asked to reclaim',
  async (t) => {
    const { a, b } = await cluster(t, { way: 'carry' });
    const first = await client(t, a);
    t.is(await first.lock({ caller: 'holder', svid: 1 }), 0);
    const began = performance.now();
    await order(a, 'release');
    await first.closed;
    const taken = await order(b, 'take');
    const pause = performance.now() - began;
    t.like(taken, { owner: 'b', from: 'a', status: 'owned', way: 'carry' });
    const second = await client(t, b);
    t.is(await second.lock({ caller: 'other', svid: 2, oh: '2@other' }), 1);
    t.is(await second.unlock({ caller: 'holder', svid: 1 }), 0);
    t.is(await second.lock({ caller: 'other', svid: 2, oh: '2@other' }), 0);
    t.log(
      `release and take: ${Math.round(pause)} ms`,
      ...stepsOf(taken).map((s) => `${s.node} ${s.step} ${s.outcome} ${s.milliseconds} ms`),
    );
    await until(() => lifeOf(a)?.node === 'b', 'a knows');
    t.like(await order(b, 'release'), { status: 'released' });
    t.like(await order(a, 'take'), { owner: 'a', from: 'b' });
  },
);

natsTest('the reclaim way: a lock is reclaimed at the taker, the grace ends with it, and it is told', async (t) => {
  const { a, b } = await cluster(t, { way: 'reclaim' });
  const first = await client(t, a);
  t.is(await first.lock({ caller: 'holder', svid: 1 }), 0);
  await order(a, 'release');
  const taken = await order(b, 'take');
  t.regex(stepsOf(taken).find(({ step }) => step === 'grace')?.detail ?? '', /^1 to be reclaimed/);
  const second = await client(t, b);
  t.is(await second.lock({ caller: 'other', svid: 2, oh: '2@other', file: 'file-2' }), 4);
  t.is(await second.lock({ caller: 'holder', svid: 1, reclaim: true }), 0);
  await until(() => lifeOf(b)?.steps.some(({ step }) => step === 'reclaims') === true, 'the grace has ended');
  t.is(lifeOf(b)?.steps.find(({ step }) => step === 'reclaims')?.detail, '1 reclaimed, 0 missed');
  t.is(await second.lock({ caller: 'other', svid: 2, oh: '2@other', file: 'file-2' }), 0);
});

natsTest('on-release: the standby takes by itself what its owner gave up', async (t) => {
  const { a, b } = await cluster(t, { way: 'carry', take: 'on-release' });
  await order(a, 'release');
  await until(() => lifeOf(b)?.node === 'b' && lifeOf(b)?.status === 'owned', 'b owns it');
  const second = await client(t, b);
  t.is(await second.lock({ caller: 'holder', svid: 1 }), 0);
});

natsTest(
  'a restart of the owner is no takeover: it owns the group again, with its locks and without a grace',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const data = await temporaryFolder(t);
    const file = {
      exports: [{ path: '/srv/web', handle: { format: 'prefix', prefix: '66696c65' } }],
      groups: [{ ...GROUP, way: 'reclaim' }],
    };
    const before = await startBusNode(t, server, 'a', { file, data });
    await until(() => isSettled(before), 'a owns the group');
    t.is(await (await client(t, before)).lock({ caller: 'holder', svid: 1 }), 0);
    await before.close();
    const after = await startBusNode(t, server, 'a', { file, data });
    await until(() => lifeOf(after)?.status === 'owned' && after.admin.groups()[1]?.epoch === 2, 'a owns it again');
    const again = await client(t, after);
    t.is(await again.lock({ caller: 'other', svid: 2, oh: '2@other' }), 1);
    t.is(await again.lock({ caller: 'other', svid: 2, oh: '2@other', file: 'file-2' }), 0);
  },
);
