import test, { type ExecutionContext } from 'ava';
import { callAdmin } from '../../src/admin/call.js';
import type { GroupsReply, TakeoverReply } from '../../src/admin/messages.js';
import { order } from '../support/commands.js';
import { FakeNode } from '../support/fake-node.js';
import { Scene } from './member.js';
import { SharingNode } from './sharing-node.js';

async function nodes(t: ExecutionContext, names: readonly string[] = ['a', 'b']) {
  const made = new Scene(t);
  const members = names.map((name) => made.node(name, { nodes: names, hooks: {}, way: 'carry' }));
  await members[0]!.own(order('start-a'));
  return members.map((member, index) => new SharingNode(names[index]!, member));
}

test('an order to release and one to take move a group, and answer how it stands', async (t) => {
  const [a, b] = await nodes(t);
  const released = await a!.ask<TakeoverReply>('release', { group: 'web', reason: 'maintenance' });
  t.like(released, { node: 'a', commandId: 'generated-release', status: 'released', role: 'following', owner: 'a' });
  const taken = await b!.ask<TakeoverReply>('take', { group: 'web', commandId: 'c1' });
  t.like(taken, { node: 'b', commandId: 'c1', status: 'owned', role: 'owning', owner: 'b', from: 'a', takeover: 2 });
  t.true(taken.isKnown && taken.steps.some(({ step, outcome }) => step === 'serve' && outcome === 'done'));
  t.deepEqual(await b!.ask<TakeoverReply>('take', { group: 'web', commandId: 'c1' }), taken);
});

test('hazard 14: an order for another node or epoch does nothing', async (t) => {
  const [a, b] = await nodes(t);
  await t.throwsAsync(a!.ask('release', { group: 'web', node: 'b' }), {
    code: 'refused',
    message: /this is node a, not b/,
  });
  await t.throwsAsync(a!.ask('release', { group: 'web', epoch: 7 }), { code: 'refused', message: /in epoch 1, not 7/ });
  await t.throwsAsync(b!.ask('take', { group: 'web', node: 'c' }), { code: 'refused' });
  t.like((await a!.ask<GroupsReply>('groups', {})).shared?.[0], { status: 'owned', owner: 'a', takeover: 1 });
});

test('a release goes to every node, and those that do not own the group say who does', async (t) => {
  const [, b] = await nodes(t);
  await t.throwsAsync(b!.ask('release', { group: 'web' }, 'nats'), {
    code: 'refused',
    message: 'node b does not own group web: node a does',
  });
});

test('on the bus a take names its node, unless one alone can be meant', async (t) => {
  const [a, b, c] = await nodes(t, ['a', 'b', 'c']);
  await a!.ask('release', { group: 'web' });
  for (const node of [a!, b!, c!]) {
    await t.throwsAsync(node.ask('take', { group: 'web' }, 'nats'), {
      code: 'refused',
      message: /name the node.*b, c/,
    });
  }
  t.like(await c!.ask('take', { group: 'web', node: 'c' }, 'nats'), { status: 'owned', owner: 'c' });
  const [one, two] = await nodes(t);
  await one!.ask('release', { group: 'web' });
  await t.throwsAsync(one!.ask('take', { group: 'web' }, 'nats'), { code: 'refused', message: /node b takes it/ });
  t.like(await two!.ask('take', { group: 'web' }, 'nats'), { status: 'owned', owner: 'b' });
});

test('a group that the node does not share is not found, and it says which it has', async (t) => {
  const [a] = await nodes(t);
  for (const procedure of ['release', 'take', 'group-status']) {
    await t.throwsAsync(a!.ask(procedure, { group: 'other' }), { code: 'not-found', message: /it has web/ });
  }
  const facts = { actor: '', door: '', commandId: '', now: 0 };
  const alone = callAdmin(new FakeNode(), { procedure: 'release', request: { group: 'web' }, ...facts });
  await t.throwsAsync(alone, { code: 'not-found', message: /it shares none/ });
});

test('group-status tells the steps of the last takeover with who did them', async (t) => {
  const [a, b] = await nodes(t);
  await a!.ask('release', { group: 'web' });
  await b!.ask('take', { group: 'web' });
  const { groups } = await a!.ask<{ groups: readonly { steps: readonly { step: string; node: string }[] }[] }>(
    'group-status',
    { group: 'web' },
  );
  const steps = groups[0]!.steps.map(({ step, node }) => `${node} ${step}`);
  t.is(steps[0], 'a address-down');
  t.is(steps.at(-1), 'b notify');
});
