import test from 'ava';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Checkpointer } from '../../src/engine/checkpoint/checkpointer.js';
import { startNode, temporaryFolder } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

test('a checkpoint is folded from the files by a worker while the node serves, and the next start begins at it', async (t) => {
  const data = await temporaryFolder(t);
  const node = await startNode(t, { data });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  for (let i = 0; i < 100; i += 1) t.is(await client.lock({ svid: 1, offset: BigInt(i * 10), length: 5n }), 0);
  const written: object[] = [];
  const checkpointer = new Checkpointer({ data, group: 'default', log: (_message, details) => written.push(details) });
  await checkpointer.run();
  t.like(written[0], { type: 'written' });
  t.is(await client.unlock({ svid: 1, offset: 990n, length: 5n }), 0);
  client.close();
  await node.close();
  t.deepEqual((await readdir(join(data, 'groups', 'default', 'checkpoints'))).length, 1);

  const again = await startNode(t, { data });
  const after = await RpcClient.tcp('127.0.0.1', again.nlmPort);
  t.teardown(() => after.close());
  t.is(again.admin.groups()[0]?.state?.lockCount, 99);
  t.is(await after.lock({ svid: 2, offset: 980n, length: 1n }), 1);
  t.is(await after.lock({ svid: 2, offset: 990n, length: 5n }), 0);
});

test('a second checkpoint goes on from the first, and is to the byte what the whole ledger adds up to', async (t) => {
  const data = await temporaryFolder(t);
  const node = await startNode(t, { data });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  const folder = join(data, 'groups', 'default', 'checkpoints');
  const log = (_message: string, details: object): void => void t.like(details, { type: 'written' });
  const worker = new Checkpointer({ data, group: 'default', log });
  for (let i = 0; i < 50; i += 1) t.is(await client.lock({ svid: i % 7, offset: BigInt(i * 10), length: 5n }), 0);
  await worker.run();
  for (let i = 0; i < 50; i += 3) t.is(await client.unlock({ svid: i % 7, offset: BigInt(i * 10), length: 3n }), 0);
  await worker.run();
  await worker.close();
  const names = (await readdir(folder)).sort();
  t.is(names.length, 2);
  const second = join(folder, names[1] ?? '');
  const bytes = await readFile(second);
  for (const name of names) await rm(join(folder, name));
  const another = new Checkpointer({ data, group: 'default', log });
  await another.run();
  await another.close();
  t.deepEqual(await readFile(second), bytes);
});

test('a group that falls quiet gets its checkpoint then, unless next to nothing has happened', async (t) => {
  const data = await temporaryFolder(t);
  await startNode(t, { data });
  const quietMs = 5;
  let first: (details: object) => void = () => undefined;
  const written = new Promise<object>((resolve) => (first = resolve));
  const checkpointer = new Checkpointer({
    data,
    group: 'default',
    quietMs,
    log: (_message, details) => first(details),
  });
  t.teardown(() => checkpointer.close());
  const idle = new Checkpointer({ data, group: 'default', quietMs, log: () => t.fail('ten events are no tail') });
  t.teardown(() => idle.close());
  idle.count(10);
  checkpointer.count(60_000);
  t.like(await written, { type: 'written' });
});
