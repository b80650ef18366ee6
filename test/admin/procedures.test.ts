import test, { type ExecutionContext } from 'ava';
import { callAdmin, streamAdmin } from '../../src/admin/call.js';
import type { LockRow, Page, PurgeReply, StatusReply, WaiterRow } from '../../src/admin/messages.js';
import { validatorOf } from '../../src/admin/schema.js';
import { LedgerError, type ErrorCode } from '../../src/base/errors.js';
import { share } from '../support/commands.js';
import { FakeNode } from '../support/fake-node.js';

let ids = 0;

/** Each reply is checked against its schema on the way. */
async function ask<Reply>(
  t: ExecutionContext,
  node: FakeNode,
  procedure: string,
  request: object = {},
): Promise<Reply> {
  ids += 1;
  const call = {
    procedure,
    request,
    actor: 'claimed:root',
    door: 'socket',
    commandId: `auto-${ids}`,
    now: 1_932_076_801_000,
  };
  const reply = JSON.parse(JSON.stringify(await callAdmin(node, call)));
  const validator = validatorOf(`${procedure}-reply`);
  t.true(validator(reply), JSON.stringify(validator.errors));
  return reply;
}

async function refuses(
  t: ExecutionContext,
  node: FakeNode,
  procedure: string,
  request: object,
  code: ErrorCode,
): Promise<LedgerError> {
  const error = await t.throwsAsync<LedgerError>(ask(t, node, procedure, request), { instanceOf: LedgerError });
  t.is(error?.code, code);
  return error ?? new LedgerError(code, '');
}

test('unlock-ip drops what came in through the address, lists it, and names what still pins the file system', async (t) => {
  const node = new FakeNode();
  await node.lock({ handle: '0001' });
  await node.lock({ handle: '0002', serverAddress: '10.1.1.3' });
  await node.lock({ handle: '0001', serverAddress: '10.1.1.2', clientAddress: '10.1.0.8', block: true });
  const reply = await ask<PurgeReply>(t, node, 'unlock-ip', { address: '10.1.1.2', reason: 'move', commandId: 'm-1' });
  t.like(reply, { node: 'a', commandId: 'm-1', dryRun: false, repeated: false });
  t.deepEqual(reply.counts, { locks: 1, waiters: 1, shares: 0, files: 1 });
  t.deepEqual(reply.rows.map(({ kind }) => kind).toSorted(), ['lock', 'waiter']);
  t.deepEqual(reply.pins, [{ fileSystem: '/srv/data', locks: 1, waiters: 0, shares: 0, addresses: ['10.1.1.3'] }]);
  t.like(reply.groups[0], { group: 'default', epoch: 3, position: node.position, list: 'kept' });
});

test('zero is a visible answer', async (t) => {
  const reply = await ask<PurgeReply>(t, new FakeNode(), 'unlock-ip', { address: '10.9.9.9' });
  t.deepEqual(reply.counts, { locks: 0, waiters: 0, shares: 0, files: 0 });
  t.deepEqual(reply.rows, []);
});

test('an order repeated under its command id is carried out once and says so', async (t) => {
  const node = new FakeNode();
  await node.lock();
  const first = await ask<PurgeReply>(t, node, 'unlock-ip', { address: '10.1.1.2', commandId: 'm-1' });
  await node.lock({ clientAddress: '10.1.0.8' });
  const again = await ask<PurgeReply>(t, node, 'unlock-ip', { address: '10.1.1.2', commandId: 'm-1' });
  t.true(again.repeated);
  t.deepEqual(again.counts, first.counts);
  t.is(again.groups[0]?.position, first.groups[0]?.position);
  t.is(node.state.lockCount, 1);
});

test('a dry run lists and counts, records nothing, and tells what would remain', async (t) => {
  const node = new FakeNode();
  await node.lock();
  await node.lock({ handle: '0002', serverAddress: '10.1.1.3' });
  const before = node.position;
  const reply = await ask<PurgeReply>(t, node, 'unlock-ip', { address: '10.1.1.2', dryRun: true });
  t.deepEqual(reply.counts, { locks: 1, waiters: 0, shares: 0, files: 1 });
  t.is(reply.rows.length, 1);
  t.deepEqual(reply.pins, [{ fileSystem: '/srv/data', locks: 1, waiters: 0, shares: 0, addresses: ['10.1.1.3'] }]);
  t.is(node.position, before);
  t.is(node.state.lockCount, 2);
});

test('an order for another node or another epoch is refused and drops nothing (hazard 14)', async (t) => {
  const node = new FakeNode();
  await node.lock();
  await refuses(t, node, 'unlock-ip', { address: '10.1.1.2', node: 'b' }, 'refused');
  await refuses(t, node, 'unlock-ip', { address: '10.1.1.2', epoch: 2 }, 'refused');
  t.is(node.state.lockCount, 1);
  await ask(t, node, 'unlock-ip', { address: '10.1.1.2', node: 'a', epoch: 3 });
  t.is(node.state.lockCount, 0);
});

test('an address is read as everywhere: 010.1.1.2 is none', async (t) => {
  await refuses(t, new FakeNode(), 'unlock-ip', { address: '010.1.1.2' }, 'bad-address');
  await refuses(t, new FakeNode(), 'unlock-client', { address: '1.2.3' }, 'bad-address');
});

test('unlock-fs drops the whole file system, also for a path below it, and through every address', async (t) => {
  const node = new FakeNode();
  await node.lock();
  await node.lock({ handle: '0002', serverAddress: '10.1.1.3' });
  await node.lock({ handle: '0003', fileSystem: '/srv/other' });
  const reply = await ask<PurgeReply>(t, node, 'unlock-fs', { path: '/srv/data/below' });
  t.is(reply.counts.locks, 2);
  t.deepEqual(reply.pins, [{ fileSystem: '/srv/data', locks: 0, waiters: 0, shares: 0, addresses: [] }]);
  t.is(node.state.lockCount, 1);
});

test('a path that no export serves is an error unless it is forced', async (t) => {
  await refuses(t, new FakeNode(), 'unlock-fs', { path: '/etc' }, 'path-not-served');
  const reply = await ask<PurgeReply>(t, new FakeNode(), 'unlock-fs', { path: '/etc', force: true });
  t.is(reply.counts.locks, 0);
});

test('unlock-client goes by name, by address, or by both together', async (t) => {
  const node = new FakeNode();
  await node.lock({ handle: '01' });
  await node.lock({ handle: '02', clientAddress: '10.1.0.8' });
  await node.lock({ handle: '03', client: 'client2', clientAddress: '10.1.0.8' });
  t.is((await ask<PurgeReply>(t, node, 'unlock-client', { name: 'client1', address: '10.1.0.8' })).counts.locks, 1);
  t.is((await ask<PurgeReply>(t, node, 'unlock-client', { address: '10.1.0.8' })).counts.locks, 1);
  t.is((await ask<PurgeReply>(t, node, 'unlock-client', { name: 'client1' })).counts.locks, 1);
});

test('unlock-lock drops the one lock; a number that is not there is not found', async (t) => {
  const node = new FakeNode();
  await node.lock({ handle: '01' });
  await node.lock({ handle: '02' });
  const [row] = (await ask<Page<LockRow>>(t, node, 'locks', {})).rows;
  t.is((await ask<PurgeReply>(t, node, 'unlock-lock', { lock: row?.lock ?? 0 })).counts.locks, 1);
  t.is(node.state.lockCount, 1);
  await refuses(t, node, 'unlock-lock', { lock: 999 }, 'not-found');
  await refuses(t, node, 'unlock-lock', { lock: 1, group: 'other' }, 'not-found');
});

test('unlock-lock drops a share and a waiter by their numbers too, and says what they were', async (t) => {
  const node = new FakeNode();
  await node.lock();
  await node.lock({ clientAddress: '10.1.0.8', block: true });
  await node.submit('default', share({ to: '10.1.1.2', fileSystem: '/srv/data' }));
  const [waiter] = (await ask<Page<WaiterRow>>(t, node, 'waiters')).rows;
  t.is(waiter?.kind, 'waiter');
  const reply = await ask<PurgeReply>(t, node, 'unlock-lock', { lock: waiter?.lock ?? 0 });
  t.like(reply, { counts: { locks: 0, waiters: 1, shares: 0 }, rows: [{ kind: 'waiter', lock: waiter?.lock }] });
  t.like(reply.pins[0], { locks: 1, waiters: 0, shares: 1 });
  const { rows } = await ask<Page<LockRow>>(t, node, 'locks');
  const dropped = await ask<PurgeReply>(t, node, 'unlock-lock', { lock: rows[1]?.lock ?? 0 });
  t.like(dropped, { counts: { locks: 0, waiters: 0, shares: 1 }, rows: [{ kind: 'share', mode: 2, access: 1 }] });
  t.is(node.state.shareCount, 0);
});

test('shares come behind the locks, a page at a time, filters see them, and they pin a file system', async (t) => {
  const node = new FakeNode();
  for (let i = 0; i < 3; i += 1) await node.lock({ handle: `0${i}` });
  for (let i = 0; i < 5; i += 1) {
    const to = i % 2 === 0 ? '10.1.1.2' : '10.1.1.3';
    await node.submit('default', share({ to, fileSystem: '/srv/data', file: `${i}` }));
  }
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<LockRow> = await ask(t, node, 'locks', { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.rows.map(({ kind, lock }) => `${kind} ${lock}`));
    ({ cursor } = page);
  } while (cursor !== undefined);
  t.deepEqual(seen, ['lock 1', 'lock 2', 'lock 3', 'share 4', 'share 5', 'share 6', 'share 7', 'share 8']);
  const { rows } = await ask<Page<LockRow>>(t, node, 'locks', { address: '10.1.1.3' });
  t.like(rows[0], { kind: 'share', lock: 5, mode: 2, access: 1, start: '0', end: 'eof', svid: 0, oh: 'opener' });
  t.is(rows.length, 2);
  const tried = await ask<PurgeReply>(t, node, 'unlock-ip', { address: '10.1.1.2', dryRun: true });
  t.deepEqual(tried.counts, { locks: 3, waiters: 0, shares: 3, files: 6 });
  t.like(tried.pins[0], { locks: 0, waiters: 0, shares: 2, addresses: ['10.1.1.3'] });
  t.deepEqual((await ask<PurgeReply>(t, node, 'unlock-ip', { address: '10.1.1.2' })).pins, tried.pins);
});

test('an order that the ledger did not take says under which id to repeat it', async (t) => {
  const node = new FakeNode();
  node.failure = new LedgerError('io', 'the disk failed');
  const error = await refuses(t, node, 'unlock-ip', { address: '10.1.1.2', commandId: 'm-9' }, 'io');
  t.regex(error.message, /m-9/);
});

test('locks come a page at a time, each once, and filters add up', async (t) => {
  const node = new FakeNode();
  for (let i = 0; i < 25; i += 1) {
    await node.lock({ handle: i.toString(16).padStart(4, '0'), serverAddress: i % 2 === 0 ? '10.1.1.2' : '10.1.1.3' });
  }
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<LockRow> = await ask(t, node, 'locks', { limit: 4, ...(cursor === undefined ? {} : { cursor }) });
    seen.push(...page.rows.map(({ lock }) => lock));
    ({ cursor } = page);
  } while (cursor !== undefined);
  t.is(seen.length, 25);
  t.is(new Set(seen).size, 25);
  const odd = await ask<Page<LockRow>>(t, node, 'locks', {
    address: '10.1.1.3',
    client: 'client1',
    fileSystem: '/srv/data',
  });
  t.is(odd.rows.length, 12);
  t.is((await ask<Page<LockRow>>(t, node, 'locks', { handle: '0001' })).rows.length, 1);
  t.is((await ask<Page<LockRow>>(t, node, 'locks', { clientAddress: '10.9.9.9' })).rows.length, 0);
  await refuses(t, node, 'locks', { cursor: 'nonsense' }, 'bad-request');
});

test('locks finds the path of a file where it is asked to', async (t) => {
  const node = new FakeNode();
  await node.lock({ handle: '0001' });
  t.is((await ask<Page<LockRow>>(t, node, 'locks', { resolve: true })).rows[0]?.path, '/srv/data/a.db');
  t.is((await ask<Page<LockRow>>(t, node, 'locks')).rows[0]?.path, undefined);
});

test('waiters tell behind whom they stand and for how long', async (t) => {
  const node = new FakeNode();
  await node.lock();
  await node.lock({ client: 'client2', clientAddress: '10.1.0.8', block: true });
  const { rows } = await ask<Page<WaiterRow>>(t, node, 'waiters');
  t.is(rows.length, 1);
  t.like(rows[0], { client: 'client2', waitingMs: 1000, start: '0', end: 'eof' });
  t.like(rows[0]?.behind[0], { client: 'client1', clientAddress: '10.1.0.7', svid: 17, exclusive: true });
});

test('a long purge is paged: the first hundred rows, then purge-report from its cursor', async (t) => {
  const node = new FakeNode();
  for (let i = 0; i < 1200; i += 1) await node.lock({ handle: i.toString(16).padStart(4, '0') });
  const reply = await ask<PurgeReply>(t, node, 'unlock-ip', { address: '10.1.1.2' });
  t.is(reply.rows.length, 100);
  const [group] = reply.groups;
  const rest = await ask<{ rows: readonly unknown[]; cursor?: string }>(t, node, 'purge-report', {
    group: 'default',
    position: group?.position ?? 0,
    cursor: group?.cursor ?? '',
  });
  t.is(rest.rows.length, 1000);
  t.is(rest.cursor, '1100');
  await refuses(t, node, 'purge-report', { group: 'default', position: 1 }, 'not-found');
});

test('what still pins a file system is told of each that lost a lock, also behind the rows of the answer', async (t) => {
  const node = new FakeNode();
  const late = { handle: 'ffff', fileSystem: '/srv/late' };
  await node.lock({ ...late, serverAddress: '10.1.1.3', exclusive: false });
  await node.lock({ ...late, exclusive: false });
  for (let i = 0; i < 120; i += 1) await node.lock({ handle: i.toString(16).padStart(4, '0') });
  const reply = await ask<PurgeReply>(t, node, 'unlock-ip', { address: '10.1.1.2' });
  t.false(reply.rows.some(({ fileSystem }) => fileSystem === '/srv/late'));
  t.like(
    reply.pins.find(({ fileSystem }) => fileSystem === '/srv/late'),
    { locks: 1, addresses: ['10.1.1.3'] },
  );
});

test('status is as bad as the worst group', async (t) => {
  const node = new FakeNode();
  for (const status of ['serving', 'grace', 'degraded', 'down'] as const) {
    node.status = status;
    t.is((await ask<StatusReply>(t, node, 'status')).status, status);
  }
  await refuses(t, node, 'locks', {}, 'unavailable');
});

test('trace takes an address in any of its forms', async (t) => {
  const node = new FakeNode();
  await ask(t, node, 'trace', { address: '::ffff:10.1.0.7', on: true });
  t.true(node.traced.has('10.1.0.7'));
  await ask(t, node, 'trace', { address: '10.1.0.7', on: false });
  t.is(node.traced.size, 0);
});

test('a procedure that is not there is a bad request that names those that are', async (t) => {
  const error = await t.throwsAsync<LedgerError>(ask(t, new FakeNode(), 'unlock_ip', {}));
  t.regex(error?.message ?? '', /unlock-ip/);
});

test('watch hands on what happens until it is closed', async (t) => {
  const node = new FakeNode();
  const items: object[] = [];
  const stream = streamAdmin(node, 'watch', {}, (item) => items.push(item));
  await node.lock();
  stream.close();
  const { length } = items;
  await node.lock({ handle: '0002' });
  t.true(length > 0);
  t.is(items.length, length);
});
