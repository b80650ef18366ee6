import type { ExecutionContext } from 'ava';
import { callAdmin } from '../../src/admin/call.js';
import type { GroupLifeReply, TakeoverReply } from '../../src/admin/messages.js';
import { openSources } from '../../src/audit/source.js';
import { auditTakeover } from '../../src/audit/takeover.js';
import { newSeed, readPublicKey, readSeed, verifies } from '../../src/signing/nkey.js';
import { orderStatement } from '../../src/signing/statement.js';
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

async function cluster(t: ExecutionContext, group: object, more: object = {}, starts = ['a', 'b']) {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const file = {
    exports: [{ path: '/srv/web', handle: { format: 'prefix', prefix: '66696c65' } }],
    groups: [{ ...GROUP, ...group }],
    ...more,
  };
  const nodes = new Map<string, TestNode>();
  for (const name of starts) nodes.set(name, await startBusNode(t, server, name, { file }));
  const [a, b] = [nodes.get('a')!, nodes.get('b')!];
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
  const facts = { actor: 'uid:0', door: 'socket', commandId: `${procedure}-${Math.random()}`, now: Date.now() };
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

natsTest('a takeover from an owner that did not release is counted from its last entry, over both nodes', async (t) => {
  const { a, b } = await cluster(t, { way: 'carry' });
  const first = await client(t, a);
  t.is(await first.lock({ caller: 'holder', svid: 1 }), 0);
  await a.close();
  const taken = await order(b, 'take', { force: true, reason: 'a is off' });
  t.like(taken, { owner: 'b', from: 'a', status: 'owned' });
  const [source] = await openSources(b.data, 'web', () => undefined);
  const told = await auditTakeover(source!, undefined, () => undefined);
  const [last, ...rest] = told.moments;
  t.like(last, { node: 'a', what: 'last-entry', kind: 'group' });
  const claim = rest.find(({ what }) => what === 'group-claimed');
  t.like(claim, { node: 'b', position: last!.position + 1 });
  t.regex(claim!.detail, /a is off/);
  const serving = rest.findLast(({ what }) => what === 'group-serving');
  t.is(told.withoutGrantsMs, serving!.time - last!.time);
  // The first claim of a group was no takeover from anybody.
  const begun = await auditTakeover(source!, 1, () => undefined);
  t.is(begun.moments[0]?.what, 'group-claimed');
});

natsTest('a forced take at a node that has not followed the group yet takes what there is', async (t) => {
  // The one that starts first finds no stream, and looks for one again later.
  const { a, b } = await cluster(t, { way: 'carry' }, {}, ['b', 'a']);
  await a.close();
  t.like(await order(b, 'take', { force: true, reason: 'a is off' }), { owner: 'b', from: 'a', status: 'owned' });
});

natsTest('release and take may be signed; a copy of a signed take does not bring the group back', async (t) => {
  const alice = readSeed(newSeed('U'));
  const keys = [{ name: 'alice', key: alice.publicKey }];
  const { a, b } = await cluster(t, { way: 'carry' }, { audit: { orders: { require: true, keys } } });
  await t.throwsAsync(order(a, 'release'), { code: 'refused', message: /signed orders alone/ });
  const sign = (procedure: string, commandId: string): object => {
    const time = Date.now();
    const bytes = alice.sign(Buffer.from(orderStatement(procedure, { group: 'web', commandId }, time)));
    return { commandId, signature: { key: alice.publicKey, time, signature: Buffer.from(bytes).toString('base64') } };
  };
  await order(a, 'release', sign('release', 'r-1'));
  const take = sign('take', 't-1');
  t.is(((await order(b, 'take', take)) as GroupLifeReply & { owner: string }).owner, 'b');
  const signature = lifeOf(b)?.order.signature;
  t.is(lifeOf(b)?.order.actor, 'nkey:alice');
  t.true(
    verifies(
      readPublicKey(signature!.key),
      Buffer.from(signature!.statement),
      Buffer.from(signature!.signature, 'latin1'),
    ),
  );
  await order(b, 'release', sign('release', 'r-2'));
  await until(() => lifeOf(a)?.status === 'released', 'a knows');
  await order(a, 'take', sign('take', 't-2'));
  await until(() => lifeOf(b)?.node === 'a', 'b knows');
  await order(a, 'release', sign('release', 'r-3'));
  await until(() => lifeOf(b)?.status === 'released', 'b knows of the release');
  await t.throwsAsync(order(b, 'take', take), { code: 'refused', message: /carried out before, as takeover/ });
});

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
