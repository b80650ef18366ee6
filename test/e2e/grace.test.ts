/** Grace periods with real clients: they are told to reclaim, and do; new locks wait; what is not reclaimed is missed. */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { clients, floating, otherFloating } from './harness/addresses.js';
import {
  events,
  graceEnd,
  graceOpen,
  graces,
  locks,
  notices,
  notify,
  unlockClient,
  type LedgerEvent,
} from './harness/admin.js';
import type { Capture } from './harness/capture.js';
import { until } from './harness/events.js';
import { holding, oursOnly, packetsDecode, useWorld } from './harness/suite.js';
import { exportOne } from './harness/server.js';

const world = useWorld();

const LOCK = 'nlm.procedure_v4 == 2';
const graceDenied = `${LOCK} && nlm.stat == 4`;

/** The statuses of the answers to every LOCK with `reclaim`, a row each: the address of the client, and the status. */
async function reclaims(capture: Capture): Promise<string[][]> {
  const calls = await capture.fields(`${LOCK} && nlm.reclaim == 1`, ['ip.src', 'rpc.xid']);
  const replies = await capture.fields(`${LOCK} && rpc.msgtyp == 1`, ['ip.dst', 'rpc.xid', 'nlm.stat']);
  return replies
    .filter(([to, xid]) => calls.some(([from, asked]) => from === to && asked === xid))
    .map(([to = '', , status = '']) => [to, status]);
}

async function noGrace(within: number): Promise<void> {
  await until('the end of the grace period', within, async () => (await graces(world().node)).length === 0);
}

/** Waits until the client was refused `times` new locks because of grace. */
async function refusedInGrace(address: string, times: number): Promise<void> {
  await until(`${times} locks refused in grace`, 60_000, async () => {
    // The last packet may not be whole yet.
    const seen = await world()
      .capture.fields(`${graceDenied} && ip.dst == ${address}`, ['frame.number'])
      .catch(() => []);
    return seen.length >= times;
  });
}

/** What the ledger has recorded since `before`. */
async function since(before: number, type: string): Promise<LedgerEvent[]> {
  return (await events(world().node)).slice(before).filter((event) => event['type'] === type);
}

/** The ranges that a client holds, as `first-last`. */
async function heldBy(client: string): Promise<string[]> {
  const rows = (await locks(world().node)).filter((row) => row.client === client);
  return rows.map(({ start, end }) => `${start}-${end}`).toSorted(byText);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

async function told(t: ExecutionContext, address: string, expected: readonly string[]): Promise<void> {
  const rows = await until('the answers to the notices', 30_000, async () => {
    const now = await notices(world().node, address);
    return now.filter(({ phase }) => phase === 'answered').length >= expected.length && now;
  });
  const answered = rows.filter(({ phase }) => phase === 'answered').map(({ client }) => client);
  t.deepEqual(answered.toSorted(byText), [...expected].toSorted(byText));
}

oursOnly(
  'clients that are notified reclaim what is expected, and the last reclaim ends the grace period',
  async (t) => {
    const { client1, client2, node } = world();
    await world().packets();
    const [name, other] = [world().file(), world().file()];
    const a = await holding(client1, name);
    await a.open(1, other);
    const b = await holding(client2, name);
    const c = await holding(client2, name);
    t.is(await a.do('lock 0 w 0 10'), 'OK');
    t.is(await a.do('lock 1 r 0 0'), 'OK');
    t.is(await b.do('lock 0 w 20 10'), 'OK');
    const before = (await events(node)).length;

    const opened = await graceOpen(node, ['--address', floating, '--seconds', '120']);
    t.like(opened.graces[0], { scope: 'address', policy: 'strict', expected: 3 });
    const fresh = c.post('lock 0 w 100 10');
    await refusedInGrace(clients.client2.ip4, 2);
    t.true(fresh.open);
    t.is(await b.do('unlock 0 r 25 5'), 'OK'); // UNLOCK works in grace

    const begun = performance.now();
    t.is(await notify(node, [floating]), 2);
    await told(t, floating, [clients.client1.ip4, clients.client2.ip4]);
    await noGrace(30_000);
    const early = performance.now() - begun;
    t.is((await c.finish(fresh, 'the new lock', 20_000)).result, 'OK');

    const capture = await world().packets();
    const answers = await reclaims(capture);
    t.deepEqual(answers.map(([client = '']) => client).toSorted(byText), [
      clients.client1.ip4,
      clients.client1.ip4,
      clients.client2.ip4,
    ]);
    t.deepEqual(new Set(answers.map(([, status]) => status)), new Set(['0']));
    const refusals = await capture.fields(graceDenied, ['frame.time_epoch']);
    const [first = 0, second = 0] = refusals.map(([time]) => Number(time));
    t.true(second - first > 4 && second - first < 8, 'Linux asks again after five seconds');
    t.is((await since(before, 'lock-granted')).filter((event) => event['reclaim'] === true).length, 3);
    t.deepEqual(await since(before, 'reclaim-missed'), []);
    t.like((await since(before, 'grace-ended')).at(-1), { why: 'complete' });
    t.deepEqual(await heldBy('client1'), ['0-9', '0-eof']);
    t.is(await c.do('lock 0 w 5 1'), 'EAGAIN');
    t.log(`all reclaimed ${Math.round(early)} ms after the order to notify`);
    await Promise.all([a.kill(), b.kill(), c.kill()]);
  },
);

oursOnly('who comes in through another address or another file system is not in that grace period', async (t) => {
  const { client1, client2, node } = world();
  await client2.mount(otherFloating, exportOne, '/mnt/other');
  const name = world().file('');
  const [a, b] = [await holding(client1, `/mnt/one${name}`), await holding(client2, `/mnt/other${name}`)];
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  await graceOpen(node, ['--address', floating, '--seconds', '120']);
  t.is(await b.do('lock 0 w 100 10'), 'OK');
  t.is(await b.do('lock 0 w 5 1'), 'EAGAIN'); // what is expected stands in its way
  await graceEnd(node, ['--address', floating]);
  await until('the lock is free', 10_000, async () => (await b.do('lock 0 w 0 10')) === 'OK');
  await Promise.all([a.kill(), b.kill()]);
  await client2.run('umount /mnt/other');
});

oursOnly('a lock of a client without power is told as missed at the limit, and is free', async (t) => {
  const { client1, client2, node } = world();
  const name = world().file();
  const [a, b] = [await holding(client1, name), await holding(client2, name)];
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 20 10'), 'OK');
  await client1.powerCut();
  const before = (await events(node)).length;
  const begun = performance.now();
  await graceOpen(node, ['--address', floating, '--seconds', '20']);
  t.is(await notify(node, [floating]), 2);
  const wait = b.post('wait 0 w 0 10');
  await told(t, floating, [clients.client2.ip4]);
  await until('the reclaim of the living', 10_000, async () => (await graces(node))[0]?.expected === 1);
  t.is((await b.finish(wait, 'the lock of the dead', 40_000)).result, 'OK');
  const took = performance.now() - begun;
  t.true(took > 20_000);
  t.like((await since(before, 'grace-ended')).at(-1), { why: 'limit' });
  const missed = await since(before, 'reclaim-missed');
  t.is(missed.length, 1);
  t.is((await since(before, 'reclaims-settled')).length, 1);
  t.deepEqual(await heldBy('client1'), []);
  t.log(`free ${Math.round(took)} ms after the beginning of a grace period of 20 s`);
  await client1.boot();
  await client1.mount(floating, exportOne, '/mnt/one');
  await b.kill();
});

for (const policy of ['strict', 'lenient'] as const) {
  const strict = policy === 'strict';
  oursOnly(
    `a reclaim of what the ledger does not know is ${strict ? 'refused where grace is strict' : 'granted where grace is lenient'}`,
    async (t) => {
      const { client1, client2, node } = world();
      await client2.mount(otherFloating, exportOne, '/mnt/other');
      const name = world().file('');
      const a = await holding(client1, `/mnt/one${name}`);
      const b = await holding(client2, `/mnt/other${name}`);
      const c = await holding(client2, `/mnt/one${name}`);
      t.is(await a.do('lock 0 w 0 10'), 'OK');
      t.is(await b.do('lock 0 w 100 10'), 'OK'); // keeps the grace period open: its address is told last
      t.is((await unlockClient(node, 'client1')).counts.locks, 1); // its kernel goes on to believe in it
      await world().packets();
      const before = (await events(node)).length;
      t.is((await graceOpen(node, ['--policy', policy])).graces[0]?.expected, 1);
      const fresh = c.post('lock 0 w 0 10');
      await refusedInGrace(clients.client2.ip4, 1);
      await notify(node, [floating, '--known']);
      const [reclaim] = await until('the reclaim', 30_000, async () => {
        const found = await since(before, strict ? 'reclaim-refused' : 'lock-granted');
        return found.length > 0 && found;
      });
      t.like(reclaim, strict ? { why: 'not-expected', serverAddress: floating } : { reclaim: true });
      t.deepEqual(await heldBy('client1'), strict ? [] : ['0-9']);
      t.true(fresh.open);
      t.is(await notify(node, [otherFloating]), 1);
      if (!strict) {
        // nobody knows whether all is in
        await until('the reclaim', 30_000, async () => (await graces(node))[0]?.expected === 0);
        await graceEnd(node, []);
      }
      await noGrace(30_000);
      t.is((await c.finish(fresh, 'the new lock', 20_000)).result, strict ? 'OK' : 'EAGAIN');
      const answers = await reclaims(await world().packets());
      t.deepEqual(answers, [
        [clients.client1.ip4, strict ? '1' : '0'],
        [clients.client2.ip4, '0'],
      ]);
      await Promise.all([a.kill(), b.kill(), c.kill()]);
      await client2.run('umount /mnt/other');
    },
  );
}

oursOnly('a ledger from an old backup learns from the clients what was granted since', async (t) => {
  const { client1, client2, node } = world();
  const backup = join(tmpdir(), `nlm-ledger-e2e-${process.pid}`, 'backup');
  t.teardown(() => rm(backup, { recursive: true, force: true }));
  const [name, other] = [world().file(), world().file()];
  const a = await holding(client1, name);
  await a.open(1, other);
  const b = await holding(client2, name);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 100 10'), 'OK');
  t.is(await b.do('lock 0 w 200 10'), 'OK');
  await node.ledger(['backup', backup]);
  t.is(await b.do('unlock 0 r 200 10'), 'OK');
  t.is(await a.do('lock 0 w 20 10'), 'OK');
  t.is(await a.do('lock 1 w 0 0'), 'OK');
  t.is(await b.do('lock 0 r 40 10'), 'OK');

  await node.kill();
  node.loseLedger();
  await node.ledger(['restore', backup]);
  const before = (await events(node)).length;
  await world().packets();
  await node.start();
  t.like((await graces(node))[0], { scope: 'all', policy: 'lenient' });
  const fresh = b.post('lock 0 w 20 10'); // must not be granted: it was client1's, although the ledger forgot
  await until('all that is held is reclaimed', 60_000, async () => {
    return (await since(before, 'lock-granted')).filter(({ reclaim }) => reclaim === true).length === 5;
  });
  t.true(fresh.open);
  await graceEnd(node, []);
  t.is((await b.finish(fresh, 'the new lock', 20_000)).result, 'EAGAIN');
  // what was released since the backup is missed, and free
  t.is(await a.do('lock 0 w 200 10'), 'OK');
  t.deepEqual(await heldBy('client1'), ['0-9', '0-eof', '20-29', '200-209']);
  t.deepEqual(await heldBy('client2'), ['100-109', '40-49']);
  t.is((await since(before, 'reclaim-missed')).length, 1);
  const answers = await reclaims(await world().packets());
  t.is(answers.length, 5);
  t.deepEqual(new Set(answers.map(([, status]) => status)), new Set(['0']));
  await Promise.all([a.kill(), b.kill()]);
});

oursOnly('a client that rebooted while the node was down is freed by the repeated notice', async (t) => {
  const { client1, client2, node } = world();
  const file = world().file();
  const [a, b] = [await holding(client1, file), await holding(client2, file)];
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  await node.kill();
  await client1.powerCut();
  await client1.boot();
  const begun = performance.now();
  await node.start();
  t.is((await b.finish(wait, 'the grant after the notice', 90_000)).result, 'OK');
  t.deepEqual(await heldBy('client1'), []);
  t.log(`free ${Math.round(performance.now() - begun)} ms after the start of the node`);
  await client1.mount(floating, exportOne, '/mnt/one');
  const again = await holding(client1, file);
  t.is(await again.do('lock 0 w 20 10'), 'OK');
  await Promise.all([again.kill(), b.kill()]);
});

packetsDecode(world);
