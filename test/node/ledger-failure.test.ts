/** A ledger that fails under a live node: nothing untrue is answered, and the node comes back by itself. */

import test, { type ExecutionContext } from 'ava';
import { CallbackListener } from '../support/callback-listener.js';
import { LedgerFaults } from '../support/fault-ledger.js';
import { startNode, type TestNode } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';
import { purge } from '../support/unlock.js';

const GRANTED = 0;
const DENIED = 1;
const DENIED_NOLOCKS = 2;
const BLOCKED = 3;

async function scene(
  t: ExecutionContext,
): Promise<{ node: TestNode; faults: LedgerFaults; client: RpcClient; listener: CallbackListener }> {
  const faults = new LedgerFaults();
  const listener = await CallbackListener.open();
  t.teardown(() => listener.close());
  const clients = [{ network: '127.0.0.0/8', callbackPort: listener.port }];
  const node = await startNode(t, { surroundings: faults.surroundings, file: { clients } });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  return { node, faults, client, listener };
}

/** Asks again with the same xid until there is an answer, as a client does. */
async function asked<R>(ask: () => Promise<R>): Promise<R> {
  for (;;) {
    const timer = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 200));
    const answer = await Promise.race([ask(), timer]);
    if (answer !== undefined) return answer;
  }
}

test('after an append that failed nothing is answered, the state is that of the ledger, and copies are answered', async (t) => {
  const { node, faults, client, listener } = await scene(t);
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  faults.hold();
  const arrival = faults.arrival();
  const answers: unknown[] = [];
  const note = (answer: unknown) => answers.push(answer);
  void client.unlock({ svid: 1, xid: 7000 }).then(note);
  await arrival;
  // Decided on what was never to be: the next batch, and answers that need no event.
  void client.lock({ svid: 3, file: 'other', xid: 7001 }).then(note);
  void client.test({ svid: 3 }).then(note);
  await client.ping();
  faults.fail('io');
  faults.release();
  await client.ping();
  t.is(node.admin.groups()[0]?.status, 'down');
  t.regex(node.admin.groups()[0]?.statusReason ?? '', /EIO/);
  await t.throwsAsync(purge(node.admin, { type: 'address', address: '127.0.0.1' }), { message: /EIO/ });
  t.deepEqual([answers, listener.callbacks], [[], []]);

  t.is((await asked(() => client.test({ svid: 3 }))).holder?.svid, 1, 'the lock is still held');
  t.is(faults.opened, 2);
  t.is(await client.unlock({ svid: 1, xid: 7000 }), GRANTED);
  await listener.received(1);
  t.is(listener.callbacks[0]?.args.alock.svid, 2);
  t.is(await client.lock({ svid: 3, file: 'other', xid: 7001 }), GRANTED);
});

test('a ledger that keeps failing is tried again until it works', async (t) => {
  const { faults, client } = await scene(t);
  t.is(await client.lock({ svid: 1 }), GRANTED);
  faults.fail('io');
  void client.lock({ svid: 2, file: 'b' });
  await client.ping();
  // The first entry of the group that comes back fails too.
  faults.fail('io');
  t.is((await asked(() => client.test({ svid: 2 }))).stat, DENIED);
  t.is(faults.opened, 3);
});

test('on a full disk grants are refused while releases and purges go on, and grants and wakes come back with the space', async (t) => {
  const { node, faults, client, listener } = await scene(t);
  t.is(await client.lock({ svid: 1 }), GRANTED);
  t.is(await client.lock({ svid: 2, block: true }), BLOCKED);
  t.is(await client.lock({ svid: 3, file: 'b' }), GRANTED);
  faults.capacity = 'releases-only';
  t.is(await client.lock({ svid: 4, file: 'c' }), DENIED_NOLOCKS);
  t.is(node.admin.groups()[0]?.status, 'degraded');
  t.is(await client.unlock({ svid: 1 }), GRANTED);
  t.like(await purge(node.admin, { type: 'client', name: 'nobody' as never }), { type: 'purged' });
  t.is(await client.unlock({ svid: 3, file: 'b' }), GRANTED);
  t.is(listener.callbacks.length, 0, 'no waiter is granted');
  faults.capacity = 'open';
  await listener.received(1);
  t.is((await client.test({ svid: 4 })).holder?.svid, 2);
  t.is(await client.lock({ svid: 4, file: 'c' }), GRANTED);
});

test('a disk that fills while a grant is on its way takes the group down, and it comes back', async (t) => {
  const { faults, client } = await scene(t);
  t.is(await client.lock({ svid: 1 }), GRANTED);
  faults.fail('no-space');
  void client.lock({ svid: 2, file: 'b', xid: 8000 });
  t.is(await asked(() => client.lock({ svid: 2, file: 'b', xid: 8000 })), GRANTED);
  t.is(faults.opened, 2);
});

test('a node that is stopped while its ledger is being opened again ends cleanly', async (t) => {
  const { node, faults, client } = await scene(t);
  faults.fail('io');
  void client.lock({ svid: 1 });
  while (node.admin.groups()[0]?.status !== 'down') await client.ping();
  await t.notThrowsAsync(node.close());
});
