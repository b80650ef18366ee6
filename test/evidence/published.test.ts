import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readSigned } from '../../src/audit/evidence/checkpoint.js';
import { notePositions, readNote } from '../../src/audit/evidence/note-files.js';
import { takeCheckpoint } from '../../src/audit/evidence/take.js';
import { durableHead } from '../../src/ledger/file/raw.js';
import { openForReading } from '../../src/ledger/file/reader.js';
import { newSeed, readSeed } from '../../src/signing/nkey.js';
import { readTrustedKey } from '../../src/signing/note.js';
import { History } from '../support/history.js';
import { ledgerOnDisk, noteOf, readerOf } from '../support/ledger-on-disk.js';
import { natsTest, PlainClient, startBusNode, startNats } from '../support/nats.js';
import { temporaryFolder } from '../support/node.js';
import { seededRandom } from '../support/random.js';
import { RpcClient } from '../support/rpc-client.js';

const SEED = newSeed('N');
const KEY = readSeed(SEED);
const KEYS = [readTrustedKey(KEY.publicKey)];

natsTest('a node signs a checkpoint after so many entries, keeps it beside the ledger and publishes it', async (t) => {
  const server = await startNats(t);
  const folder = await temporaryFolder(t);
  const keySeed = join(folder, 'seed');
  await writeFile(keySeed, SEED);
  const { connection } = await PlainClient.connect(t, server);
  const published = connection.subscribe('nlm.checkpoints.default', { max: 3 });
  const audit = { keySeed, everyEntries: 5, origin: 'example.org/locks' };
  const node = await startBusNode(t, server, 'a', { file: { audit } });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  // Each entry waits for the one before: so many entries as calls.
  const lockAndUnlock = async (): Promise<void> => {
    await client.lock({ svid: 1, length: 10n });
    await client.unlock({ svid: 1, length: 10n });
  };
  const sizes: number[] = [];
  const reader = await openForReading({ data: node.data, group: 'default' });
  const more = setInterval(() => void lockAndUnlock(), 20);
  t.teardown(() => clearInterval(more));
  for await (const message of published) {
    const state = readSigned(message.string(), KEYS);
    t.is(state.origin, 'example.org/locks/default');
    t.is(await readNote(reader, state.size), message.string());
    sizes.push(state.size);
  }
  clearInterval(more);
  t.true(sizes[1]! >= sizes[0]! + 5 && sizes[2]! >= sizes[1]! + 5, sizes.join());
  t.true((await notePositions(reader)).includes(sizes[2]!));
});

natsTest('a node signs what there is as it starts, and its end as it stops', async (t) => {
  const server = await startNats(t);
  const folder = await temporaryFolder(t);
  const data = await temporaryFolder(t);
  const keySeed = join(folder, 'seed');
  await writeFile(keySeed, SEED);
  const { connection } = await PlainClient.connect(t, server);
  const published = connection.subscribe('nlm.checkpoints.default', { max: 1 });
  const unsigned = await startBusNode(t, server, 'a', { data });
  const client = await RpcClient.tcp('127.0.0.1', unsigned.nlmPort);
  await client.lock({ svid: 1, length: 10n });
  client.close();
  await unsigned.close();
  const reader = await openForReading({ data, group: 'default' });
  t.deepEqual(await notePositions(reader), []);
  const before = (await reader.quickHead()).position;

  const node = await startBusNode(t, server, 'a', { data, file: { audit: { keySeed } } });
  const sizes: number[] = [];
  for await (const message of published) sizes.push(readSigned(message.string(), KEYS).size);
  t.true(sizes[0]! > before);
  t.deepEqual(await notePositions(reader), sizes);
  const other = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  await other.unlock({ svid: 1, length: 10n });
  other.close();
  await node.close();
  const { position } = await reader.quickHead();
  t.true(position > sizes[0]!);
  t.deepEqual(await notePositions(reader), [...sizes, position]);
  t.is(readSigned(await readNote(reader, position), KEYS).size, position);
});

test('each checkpoint grows from the one before, and is what the whole tree gives', async (t) => {
  const entries = new History(seededRandom(3)).run(100).entries;
  const disk = await ledgerOnDisk(entries);
  const reader = readerOf(disk);
  for (const position of [1, 2, 17, 40, entries.length]) {
    const { note } = await takeCheckpoint({ reader, position, origin: 'nlm-ledger', key: KEY });
    t.is(note, noteOf(entries, position, KEY));
  }
  t.is((await durableHead(reader)).position, entries.length);
});

test('a node signs nothing over a ledger that is not the one it signed before', async (t) => {
  const entries = new History(seededRandom(3)).run(60).entries;
  const other = new History(seededRandom(4)).run(60).entries;
  const reader = readerOf(await ledgerOnDisk(entries));
  const take = (position: number): Promise<unknown> =>
    takeCheckpoint({ reader, position, origin: 'nlm-ledger', key: KEY });
  await take(20);
  await t.throwsAsync(take(19), { code: 'refused', message: /entries are missing/ });
  const disk = await ledgerOnDisk(other);
  const forked = readerOf(disk);
  disk.put(`${forked.folders.root}/notes/${'20'.padStart(16, '0')}.note`, Buffer.from(noteOf(entries, 20, KEY)));
  const fork = takeCheckpoint({ reader: forked, position: 30, origin: 'nlm-ledger', key: KEY });
  await t.throwsAsync(fork, { code: 'refused', message: /another entry at position 20 than was signed/ });
});
