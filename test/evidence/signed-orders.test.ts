import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { callAdmin } from '../../src/admin/call.js';
import type { PurgeReply } from '../../src/admin/messages.js';
import { decodeEvents } from '../../src/core/event-codec.js';
import type { AddressUnlocked, Event } from '../../src/core/event.js';
import { openForReading } from '../../src/ledger/file/reader.js';
import { newSeed, readPublicKey, readSeed, verifies } from '../../src/signing/nkey.js';
import { orderStatement } from '../../src/signing/statement.js';
import { nlm } from '../support/in-process.js';
import { startNode, type TestNode } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

const SEED = newSeed('U');
const ALICE = readSeed(SEED);
const AGE_MS = 60_000;

async function strictNode(t: ExecutionContext, may?: readonly string[]): Promise<TestNode> {
  const keys = [{ name: 'alice', key: ALICE.publicKey, ...(may === undefined ? {} : { may }) }];
  return startNode(t, { file: { audit: { orders: { require: true, ageMs: AGE_MS, keys } } } });
}

interface Signed {
  readonly procedure?: string;
  readonly request?: object;
  readonly time?: number;
  readonly seed?: string;
  /** What is sent in place of what was signed. */
  readonly sent?: object;
}

function send(
  node: TestNode,
  { procedure = 'unlock-ip', request, time = Date.now(), seed = SEED, sent }: Signed,
): Promise<object> {
  const order = request ?? { address: '127.0.0.1', commandId: 'move-1', reason: 'to b' };
  const key = readSeed(seed);
  const bytes = key.sign(Buffer.from(orderStatement(procedure, order, time)));
  const signature = { key: key.publicKey, time, signature: Buffer.from(bytes).toString('base64') };
  const call = {
    procedure,
    request: { ...(sent ?? order), signature },
    actor: 'claimed:mallory',
    door: 'socket',
    commandId: 'any',
    now: Date.now(),
  };
  return callAdmin(node.admin, call);
}

async function purges(node: TestNode): Promise<AddressUnlocked[]> {
  const found: Event[] = [];
  const reader = await openForReading({ data: node.data, group: 'default' });
  for await (const entries of reader.read(1))
    for (const { events } of entries) decodeEvents(events, (event) => found.push(event));
  return found.filter((event) => event.type === 'address-unlocked');
}

test('a signed order is carried out once, and the ledger has who signed what', async (t) => {
  const node = await strictNode(t);
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  await client.lock({ svid: 1, length: 10n });
  const time = Date.now();
  t.is(((await send(node, { time })) as PurgeReply).counts.locks, 1);
  await client.lock({ svid: 1, length: 10n });
  const again = (await send(node, { time })) as PurgeReply;
  t.true(again.repeated, 'the copy of a signed order does nothing');
  t.is(node.admin.groups()[0]?.state?.lockCount, 1);
  const [purge, ...more] = await purges(node);
  t.deepEqual(more, []);
  const { actor, signature } = purge!.order;
  t.is(actor, 'nkey:alice');
  // As a third party checks it: the event alone, and the key.
  t.true(
    verifies(
      readPublicKey(signature!.key),
      Buffer.from(signature!.statement),
      Buffer.from(signature!.signature, 'latin1'),
    ),
  );
  t.regex(
    signature!.statement,
    /"procedure":"unlock-ip","request":\{"address":"127\.0\.0\.1","commandId":"move-1","reason":"to b"\}/,
  );
});

test('what is not signed, stale, changed, unnamed or not permitted is refused and drops nothing', async (t) => {
  const node = await strictNode(t, ['unlock-ip']);
  const order = { address: '127.0.0.1', commandId: 'c' };
  const unsigned = {
    procedure: 'unlock-ip',
    request: order,
    actor: 'uid:0',
    door: 'files',
    commandId: 'c',
    now: Date.now(),
  };
  await t.throwsAsync(callAdmin(node.admin, unsigned), { code: 'refused', message: /signed orders alone/ });
  await t.notThrowsAsync(callAdmin(node.admin, { ...unsigned, request: { ...order, dryRun: true } }));
  for (const time of [Date.now() - AGE_MS - 5000, Date.now() + AGE_MS + 5000]) {
    await t.throwsAsync(send(node, { time }), { code: 'refused', message: /counts for 60 s \(audit\.orders\.ageMs\)/ });
  }
  const changes = [
    { address: '127.0.0.2', commandId: 'c' },
    { address: '127.0.0.1', commandId: 'd' },
    { ...order, reason: 'other' },
    { ...order, node: 'test' },
  ];
  for (const sent of changes)
    await t.throwsAsync(send(node, { request: order, sent }), { code: 'refused', message: /not of this order/ });
  await t.throwsAsync(send(node, { request: { address: '127.0.0.1' } }), {
    code: 'bad-request',
    message: /needs a command id/,
  });
  await t.throwsAsync(send(node, { seed: newSeed('U') }), { code: 'refused', message: /not in audit\.orders\.keys/ });
  await t.throwsAsync(send(node, { procedure: 'unlock-client', request: { name: 'x', commandId: 'c' } }), {
    code: 'refused',
    message: /may not order unlock-client/,
  });
  t.deepEqual(await purges(node), []);
});

test('the command line signs an order; a node that knows no keys refuses what is signed', async (t) => {
  const node = await strictNode(t);
  const seed = join(node.data, 'alice.seed');
  await writeFile(seed, `${SEED}\n`, { mode: 0o600 });
  const socket = ['--socket', join(node.data, 'socket')];
  t.is((await nlm('unlock-ip', '127.0.0.1', ...socket)).code, 4);
  const signed = await nlm('unlock-ip', '127.0.0.1', '--sign', seed, '--reason', 'x', '--json', ...socket);
  t.is(signed.code, 0, signed.err);
  t.is((await purges(node))[0]?.order.actor, 'nkey:alice');
  const other = await startNode(t);
  const refused = await nlm('unlock-ip', '127.0.0.1', '--sign', seed, '--socket', join(other.data, 'socket'));
  t.is(refused.code, 4);
  t.regex(refused.err, /not in audit\.orders\.keys/);
});
