import test from 'ava';
import { callAdmin } from '../../src/admin/call.js';
import type { GraceReply, PurgeReply } from '../../src/admin/messages.js';
import { validatorOf } from '../../src/admin/schema.js';
import { FakeNode } from '../support/fake-node.js';

function ask<Reply>(node: FakeNode, procedure: string, request: object): Promise<Reply> {
  const call = { procedure, request, actor: 'uid:0', door: 'socket', commandId: `c-${procedure}`, now: 0 };
  // The cast says which procedure was asked.
  return callAdmin(node, call) as Promise<unknown> as Promise<Reply>;
}

test('a grace is opened, shown with who has yet to reclaim, and ended, as its schema says', async (t) => {
  const node = new FakeNode();
  await node.lock({ serverAddress: '10.1.1.2' });
  const opened = await ask<GraceReply>(node, 'grace-open', { address: '10.1.1.2', durationMs: 5000 });
  t.like(opened.graces[0], { scope: 'address', address: '10.1.1.2', policy: 'strict', endsEarly: true, expected: 1 });
  t.is(opened.clients[0]?.expected, 1);
  t.true(validatorOf('grace-status-reply')(await ask(node, 'grace-status', {})));
  const ended = await ask<GraceReply>(node, 'grace-end', { address: '10.1.1.2' });
  t.deepEqual(ended.graces, []);
  await t.throwsAsync(ask(node, 'grace-end', { address: '10.1.1.2' }), { name: 'LedgerError', code: 'not-found' });
});

test('a grace is of an address, of a file system or of everything, never of two at once', async (t) => {
  const node = new FakeNode();
  const both = { address: '10.1.1.2', fileSystem: 'fs1' };
  await t.throwsAsync(ask(node, 'grace-open', both), { name: 'LedgerError', code: 'bad-request' });
  t.is((await ask<GraceReply>(node, 'grace-open', {})).graces[0]?.scope, 'all');
});

test('hazard 12: unlock-ip with reclaimable keeps what it drops for its owners', async (t) => {
  const node = new FakeNode();
  await node.lock({ serverAddress: '10.1.1.2' });
  const reply = await ask<PurgeReply>(node, 'unlock-ip', { address: '10.1.1.2', reclaimable: true });
  t.is(reply.counts.locks, 1);
  t.is((await ask<GraceReply>(node, 'grace-status', {})).clients[0]?.expected, 1);
});
