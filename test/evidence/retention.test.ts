import { existsSync, watch } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { notePositions } from '../../src/audit/evidence/note-files.js';
import { Retention } from '../../src/audit/evidence/retention/retention.js';
import { verifyEvidence, type Evidence, type Fault } from '../../src/audit/evidence/verify.js';
import { FileCheckpoints } from '../../src/ledger/file/checkpoints.js';
import { groupFolders, segmentName } from '../../src/ledger/file/layout.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { openForReading, type FileReader } from '../../src/ledger/file/reader.js';
import { newSeed, readSeed } from '../../src/signing/nkey.js';
import { readTrustedKey } from '../../src/signing/note.js';
import { smallLedger } from '../ledger/fixture.js';
import { startNode, temporaryFolder, type TestNode, type TestNodeOptions } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

const SEED = newSeed('N');
const KEYS = [readTrustedKey(readSeed(SEED).publicKey)];

/** A real node whose segments are small, so that some are old soon. */
function startSmallNode(t: ExecutionContext, data: string, file: TestNodeOptions['file'] = {}): Promise<TestNode> {
  const open = async () => {
    const { ledger, recovery } = await openFileLedger(smallLedger(data));
    const checkpoints = new FileCheckpoints({ data, group: 'default', log: () => undefined });
    return { ledger, checkpoints, notes: recovery.notes, restored: false, onRecorded: async () => undefined };
  };
  return startNode(t, { data, file, surroundings: { open } });
}

async function soundness(reader: FileReader): Promise<Evidence & { readonly found: Fault[] }> {
  const found: Fault[] = [];
  const options = { running: true, pastDamage: false, against: [], keys: KEYS };
  const evidence = await verifyEvidence(reader, { ...options, onFault: (fault) => found.push(fault) });
  return { ...evidence, found };
}

test('a node moves its old segments to the archive while it serves; the archive and what is left are sound, and it starts from there', async (t) => {
  const data = await temporaryFolder(t);
  const other = await temporaryFolder(t);
  const keySeed = join(other, 'seed');
  await writeFile(keySeed, SEED);
  const to = join(other, 'archive');
  const { segments } = groupFolders(data, 'default');
  await mkdir(segments, { recursive: true });
  const gone = new Promise<void>((resolve) => {
    const watching = watch(segments, (_event, name) => {
      // It comes once, and goes once.
      if (name === segmentName(1) && !existsSync(join(segments, segmentName(1)))) resolve();
    });
    t.teardown(() => watching.close());
  });
  const archive = { to, olderThanDays: 0, everyMs: 1000 };
  const node = await startSmallNode(t, data, { audit: { keySeed, archive } });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  for (let i = 0; i < 150; i += 1) await client.lock({ svid: i, offset: BigInt(i * 16), length: 8n });

  const reader = await openForReading({ data, group: 'default' });
  await gone;
  for (let i = 0; i < 50; i += 1) await client.unlock({ svid: i, offset: BigInt(i * 16), length: 8n });
  await node.close();

  const first = await reader.first();
  const kept = await soundness(reader);
  t.deepEqual(kept.found, []);
  t.is(kept.first, first);
  t.is(kept.ruled, kept.head.position);
  const archived = await soundness(await openForReading({ data: to, group: 'default' }));
  t.deepEqual(archived.found, []);
  t.is(archived.first, 1);
  t.true(archived.head.position >= first - 1);
  t.true((await notePositions(reader)).includes(first - 1));

  const again = await startSmallNode(t, data);
  t.is(again.admin.groups()[0]?.state?.lockCount, 100);
});

test('where the archive cannot be written nothing is removed, and the reason is told', async (t) => {
  const data = await temporaryFolder(t);
  const other = await temporaryFolder(t);
  const keySeed = join(other, 'seed');
  await writeFile(keySeed, SEED);
  const to = join(other, 'a file');
  await writeFile(to, 'no folder');
  const node = await startSmallNode(t, data);
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  for (let i = 0; i < 150; i += 1) await client.lock({ svid: i, offset: BigInt(i * 16), length: 8n });
  client.close();
  await node.close();
  let retention: Retention | undefined;
  // Nobody waits for a retention: its timer keeps no process.
  const alive = setInterval(() => undefined, 1000);
  const why = await new Promise<string>((resolve, reject) => {
    retention = new Retention({
      data,
      group: 'default',
      to,
      olderThanMs: 0,
      everyMs: 1000,
      keySeed,
      origin: 'nlm-ledger',
      clock: Date.now,
      onArchived: () => reject(new Error('archived to a file')),
      onFailed: resolve,
    });
  });
  clearInterval(alive);
  await retention?.close();
  t.regex(why, /a file/);
  t.is(await (await openForReading({ data, group: 'default' })).first(), 1);
});
