import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Chain } from '../../src/ledger/chain.js';
import { backup, removeRestoredMarker, restore, restoredMarker } from '../../src/ledger/file/backup.js';
import { FileCheckpoints } from '../../src/ledger/file/checkpoints.js';
import type { FileLedger } from '../../src/ledger/file/ledger.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { groupFolders } from '../../src/ledger/file/layout.js';
import { listGroups, openForReading } from '../../src/ledger/file/reader.js';
import { ledgerStat } from '../../src/ledger/file/stat.js';
import { verify } from '../../src/ledger/file/verify.js';
import type { Checkpoint, Head } from '../../src/ledger/port.js';
import { readAll, sealNext } from './contract.js';
import { smallLedger, temporaryFolder } from './fixture.js';

async function running(
  t: ExecutionContext,
  entries: number,
): Promise<{ data: string; ledger: FileLedger; chain: Chain; heads: Head[] }> {
  const data = await temporaryFolder(t);
  const { ledger } = await openFileLedger(smallLedger(data));
  t.teardown(() => ledger.close());
  const chain = new Chain('default');
  const heads: Head[] = [];
  for (let i = 0; i < entries; i++) {
    await ledger.append(sealNext(chain, 4));
    heads.push(ledger.head());
  }
  return { data, ledger, chain, heads };
}

function checkpointAt(head: Head): Checkpoint {
  return { ...head, version: 1, state: Buffer.from(`state at ${head.position}`) };
}

test('a reader beside a running writer sees what is there, needs no lock and changes nothing', async (t) => {
  const { data, ledger, chain } = await running(t, 30);
  const reader = await openForReading({ data, group: 'default' });
  t.is((await readAll(reader)).length, 30);
  t.is((await reader.tail()).head.position, 30);
  for (let i = 0; i < 40; i++) await ledger.append(sealNext(chain, 4));
  t.is((await readAll(reader, 25)).length, 46);
  t.is((await verify(reader, { running: true })).entries, 70);
  t.deepEqual(await listGroups(data), ['default']);
  await t.throwsAsync(openForReading({ data, group: 'other' }), { code: 'not-found' });
});

test('a live tail that is half written ends the reading without a word', async (t) => {
  const { data, ledger } = await running(t, 3);
  await ledger.close();
  const path = join(data, 'groups/default/segments/0000000000000001.seg');
  const bytes = await readFile(path);
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  bytes.fill(7, (end + 7) & ~7, ((end + 7) & ~7) + 100);
  await writeFile(path, bytes);
  const reader = await openForReading({ data, group: 'default' });
  t.is((await readAll(reader)).length, 3);
  t.regex((await verify(reader)).fault ?? '', /the frame at byte/);
});

test('hazard 17: verify says where a byte is damaged, in entries and in the space written ahead', async (t) => {
  const { data, ledger } = await running(t, 60);
  await ledger.close();
  const reader = await openForReading({ data, group: 'default' });
  const sound = await verify(reader);
  t.is(sound.fault, undefined);
  t.is(sound.entries, 60);
  t.is(sound.events, 240);
  for (const { path } of await reader.segments()) {
    const bytes = await readFile(path);
    for (const at of [20, 100, 300, bytes.length >> 1, bytes.length - 1]) {
      const damaged = Buffer.from(bytes);
      damaged[at] = damaged[at]! ^ 0x40;
      await writeFile(path, damaged);
      t.truthy((await verify(reader)).fault, `${path} byte ${at}`);
    }
    await writeFile(path, bytes);
  }
});

test('a read that must reach a position stops loudly where the log is damaged before it', async (t) => {
  const { data, ledger } = await running(t, 60);
  const [first] = (await readdir(join(data, 'groups/default/segments'))).filter((name) => name.endsWith('.seg')).sort();
  const path = join(data, 'groups/default/segments', first!);
  const bytes = await readFile(path);
  bytes[500] = bytes[500]! ^ 1;
  await writeFile(path, bytes);
  await t.throwsAsync(readAll(ledger), { code: 'damaged', message: /restore a backup/ });
});

test('the newest whole checkpoint at or below the limit, with the hash of the ledger, is taken; others get a line', async (t) => {
  const { data, heads } = await running(t, 40);
  const lines: string[] = [];
  const store = new FileCheckpoints({ data, group: 'default', log: (line) => lines.push(line) });
  t.is(await store.newest(40), undefined);
  for (const position of [5, 12, 20, 33]) await store.write(checkpointAt(heads[position - 1]!));
  t.deepEqual(await store.positions(), [5, 12, 20, 33]);
  const newest = await store.newest(40);
  t.like(newest, { position: 33, epoch: 1, version: 1 });
  t.is(Buffer.from(newest!.state).toString(), 'state at 33');
  t.is((await store.newest(32))?.position, 20);
  t.is((await store.newest(11))?.position, 5);
  t.is(await store.newest(4), undefined);
  t.deepEqual(lines, []);
  const path = join(data, 'groups/default/checkpoints', '0000000000000033.ckpt');
  const bytes = await readFile(path);
  for (const at of [0, 9, 30, 60, 180, bytes.length - 1]) {
    const damaged = Buffer.from(bytes);
    damaged[at] = damaged[at]! ^ 1;
    await writeFile(path, damaged);
    if (at === 180) continue; // zeros that carry nothing
    t.is((await store.newest(40))?.position, 20, `byte ${at}`);
  }
  t.is(lines.length, 5);
  await store.write({ ...checkpointAt(heads[35]!), hash: Buffer.alloc(32, 1) });
  t.is((await store.newest(40))?.position, 20);
  t.regex(lines.at(-2) ?? '', /hash is not that of the ledger/);
});

test('a backup of a running ledger is verified, restores into an empty folder alone, and leaves its marker', async (t) => {
  const { data, ledger, chain, heads } = await running(t, 50);
  await new FileCheckpoints({ data, group: 'default', log: t.log }).write(checkpointAt(heads[40]!));
  const parent = await temporaryFolder(t);
  const target = join(parent, 'backup');
  const [copied] = await backup({ data, target, now: 1 });
  t.like(copied, { group: 'default', position: 50, hash: Buffer.from(heads[49]!.hash).toString('hex') });
  await ledger.append(sealNext(chain, 1));
  await t.throwsAsync(backup({ data, target, now: 1 }), { code: 'refused' });
  const restored = join(parent, 'data');
  await t.throwsAsync(restore({ source: target, data, now: 2 }), { code: 'refused', message: /empty/ });
  await restore({ source: target, data: restored, now: 2 });
  t.like(await restoredMarker(restored), { complete: true, time: 2, backup: { time: 1 } });
  await removeRestoredMarker(restored);
  t.is(await restoredMarker(restored), undefined);
  const { ledger: again } = await openFileLedger(smallLedger(restored));
  t.teardown(() => again.close());
  t.is(again.head().position, 50);
  const next = new Chain('default', again.head());
  for (let i = 0; i < 20; i++) await again.append(sealNext(next, 4));
  t.is((await readAll(again)).length, 70);
  t.is((await new FileCheckpoints({ data: restored, group: 'default', log: t.log }).newest(70))?.position, 41);
});

test('a backup has the signed checkpoints of what it has, and a restore brings them back', async (t) => {
  const { data } = await running(t, 50);
  const parent = await temporaryFolder(t);
  const notesOf = (folder: string): string => join(groupFolders(folder, 'default').root, 'notes');
  const noteAt = (position: number): string => `${String(position).padStart(16, '0')}.note`;
  await mkdir(notesOf(data));
  // One past the head was signed while the backup was taken: it says nothing of what the backup has.
  for (const position of [30, 50, 51]) await writeFile(join(notesOf(data), noteAt(position)), `note of ${position}`);
  await backup({ data, target: join(parent, 'backup'), now: 1 });
  await restore({ source: join(parent, 'backup'), data: join(parent, 'data'), now: 2 });
  t.deepEqual((await readdir(notesOf(join(parent, 'data')))).sort(), [noteAt(30), noteAt(50)]);
  t.is(await readFile(join(notesOf(join(parent, 'data')), noteAt(50)), 'utf8'), 'note of 50');
});

test('a folder below a file is an error that says so, for a backup and for a reader', async (t) => {
  const { data } = await running(t, 1);
  const nowhere = join(data, 'groups/default/segments/0000000000000001.seg', 'folder');
  const error = { code: 'not-found', message: /a part of the path is a file/ };
  await t.throwsAsync(backup({ data, target: nowhere, now: 1 }), error);
  await t.throwsAsync(listGroups(nowhere), error);
  await t.throwsAsync(openForReading({ data: nowhere, group: 'default' }), error);
});

test('a damaged backup is not restored, and a start on what was copied of it is refused', async (t) => {
  const { data } = await running(t, 50);
  const parent = await temporaryFolder(t);
  const target = join(parent, 'backup');
  await backup({ data, target, now: 1 });
  const path = join(target, 'groups/default/segments/0000000000000001.seg');
  const bytes = await readFile(path);
  bytes[400] = bytes[400]! ^ 1;
  await writeFile(path, bytes);
  const restored = join(parent, 'data');
  await t.throwsAsync(restore({ source: target, data: restored, now: 2 }), { code: 'damaged' });
  await t.throwsAsync(restoredMarker(restored), { code: 'damaged', message: /run nlm-ledger ledger restore again/ });
});

test('stat tells size, entries, times and what recovery set aside', async (t) => {
  const { data } = await running(t, 50);
  const stat = await ledgerStat(await openForReading({ data, group: 'default' }), data);
  t.like(stat, {
    group: 'default',
    entries: 50,
    head: 50,
    epoch: 1,
    firstTime: 1_700_000_000_000,
    lastTime: 1_700_000_000_049,
  });
  t.true(stat.segments > 1 && stat.usedBytes <= stat.fileBytes && stat.freeBytes > 0);
  t.deepEqual(stat.aside, []);
});
