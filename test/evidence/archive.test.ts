import test from 'ava';
import { archiveSegments } from '../../src/audit/evidence/archive.js';
import { provesInclusion } from '../../src/audit/evidence/check-proof.js';
import { hashOf, readState } from '../../src/audit/evidence/checkpoint.js';
import { compareLedgers } from '../../src/audit/evidence/compare.js';
import { proveConsistency, proveInclusion } from '../../src/audit/evidence/prove.js';
import { verifyEvidence, type Evidence, type Fault } from '../../src/audit/evidence/verify.js';
import { serialize } from '../../src/core/checkpoint.js';
import { replay } from '../../src/engine/replay.js';
import { FileCheckpoints } from '../../src/ledger/file/checkpoints.js';
import { decodeEntry } from '../../src/ledger/entry.js';
import { groupFolders, segmentFirsts, segmentName } from '../../src/ledger/file/layout.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { encodeHeader, parseHeader } from '../../src/ledger/file/format.js';
import { FileReader } from '../../src/ledger/file/reader.js';
import { newSeed, readSeed } from '../../src/signing/nkey.js';
import { readTrustedKey } from '../../src/signing/note.js';
import type { FaultDisk } from '../ledger/fault-disk.js';
import { History } from '../support/history.js';
import { addProjection, DATA, FOLDERS, ledgerOnDisk, noteOf, readerOf } from '../support/ledger-on-disk.js';
import { seededRandom } from '../support/random.js';

const KEY = readSeed(newSeed('N'));
const KEYS = [readTrustedKey(KEY.publicKey)];
const HISTORY = new History(seededRandom(21)).run(500);
const { entries: ENTRIES } = HISTORY;
const TO = '/archive';

const timeOf = (position: number): number => decodeEntry(ENTRIES[position - 1]!.bytes).time;

function archive(disk: FaultDisk, before: number, to = TO, key = KEY): ReturnType<typeof archiveSegments> {
  return archiveSegments({ reader: readerOf(disk), to, before, origin: 'nlm-ledger', key, dryRun: false });
}

function dryRun(disk: FaultDisk, before: number): ReturnType<typeof archiveSegments> {
  return archiveSegments({ reader: readerOf(disk), to: TO, before, origin: 'nlm-ledger', key: KEY, dryRun: true });
}

function archiveReader(disk: FaultDisk, to = TO): FileReader {
  return new FileReader(disk, groupFolders(to, 'default'), 'default');
}

async function evidenceOf(
  reader: FileReader,
  against: readonly string[] = [],
  keys = KEYS,
): Promise<Evidence & { readonly found: Fault[] }> {
  const found: Fault[] = [];
  const kept = against.map((note, i) => ({ name: `kept ${i}`, note }));
  const evidence = await verifyEvidence(reader, {
    running: false,
    pastDamage: false,
    against: kept,
    keys,
    onFault: (fault) => found.push(fault),
  });
  return { ...evidence, found };
}

async function reopened(disk: FaultDisk): Promise<Buffer> {
  const { ledger } = await openFileLedger({
    data: DATA,
    group: 'default',
    storage: disk,
    acquire: async () => ({ release: () => undefined }),
    log: () => undefined,
  });
  const checkpoints = new FileCheckpoints({ data: DATA, group: 'default', storage: disk, log: () => undefined });
  const { state } = await replay(ledger, checkpoints);
  await ledger.close();
  return Buffer.from(serialize(state));
}

test('old segments go to the archive; what is kept opens, replays to the same state, verifies and says from where', async (t) => {
  const disk = await ledgerOnDisk(ENTRIES);
  const whole = noteOf(ENTRIES, ENTRIES.length, KEY);
  const bytes = new Map(disk.paths().map((path) => [path, Buffer.from(disk.bytes(path))]));
  const went = await archive(disk, timeOf(Math.floor(ENTRIES.length / 2)));
  t.true(went.segments > 2 && went.upTo > 10 && went.upTo <= ENTRIES.length / 2);

  const kept = await evidenceOf(readerOf(disk), [whole]);
  t.deepEqual(kept.found, []);
  t.is(kept.first, went.upTo + 1);
  t.is(kept.ruled, ENTRIES.length);
  t.deepEqual(kept.matched, ['kept 0']);
  t.regex(
    kept.remarks.join('\n'),
    new RegExp(`begins at position ${went.upTo + 1}.*vouched for by the checkpoint at ${went.upTo}`),
  );
  t.deepEqual(await reopened(disk), Buffer.from(serialize(HISTORY.state)));

  const archived = await evidenceOf(archiveReader(disk));
  t.deepEqual(archived.found, []);
  t.is(archived.head.position, went.upTo);
  // Moved, never rewritten.
  for (const first of segmentFirsts(await disk.list(groupFolders(TO, 'default').segments))) {
    const name = `${String(first).padStart(16, '0')}.seg`;
    t.deepEqual(
      disk.bytes(`${groupFolders(TO, 'default').segments}/${name}`),
      bytes.get(`${FOLDERS.segments}/${name}`),
    );
  }

  // A second time, and the archive grows on.
  const again = await archive(disk, timeOf(ENTRIES.length - 5));
  t.true(again.upTo > went.upTo);
  t.deepEqual((await evidenceOf(readerOf(disk), [whole])).found, []);
  t.is((await evidenceOf(archiveReader(disk))).head.position, again.upTo);
  t.is((await archive(disk, timeOf(ENTRIES.length - 5))).segments, 0);
  t.deepEqual(await reopened(disk), Buffer.from(serialize(HISTORY.state)));
});

test('proofs go on from the checkpoint at which a ledger begins, and are those of the whole one', async (t) => {
  const disk = await ledgerOnDisk(ENTRIES);
  const { upTo } = await archive(disk, timeOf(Math.floor(ENTRIES.length / 2)));
  const size = ENTRIES.length;
  const root = readState(noteOf(ENTRIES, size, KEY)).root;
  for (const position of [upTo + 1, upTo + 7, size]) {
    const proof = await proveInclusion(readerOf(disk), position, size);
    t.true(provesInclusion(ENTRIES[position - 1]!.bytes, position, size, proof.path.map(hashOf), root));
    t.deepEqual(proof, await proveInclusion(readerOf(await ledgerOnDisk(ENTRIES)), position, size));
  }
  t.deepEqual(
    await proveConsistency(readerOf(disk), upTo + 3, size),
    await proveConsistency(readerOf(await ledgerOnDisk(ENTRIES)), upTo + 3, size),
  );
  await t.throwsAsync(proveInclusion(readerOf(disk), upTo - 1, size), { code: 'not-found' });
});

test('nothing is removed that is not sound, or for an archive that is not', async (t) => {
  const disk = await ledgerOnDisk(ENTRIES);
  const names = await disk.list(FOLDERS.segments);
  const before = timeOf(ENTRIES.length - 5);
  const { segments: goes, upTo } = await dryRun(disk, before);
  t.true(goes > 4);
  for (const [index, offset] of [
    [0, 8],
    [2, 300],
    [goes - 1, 300],
  ] as const) {
    const bytes = disk.bytes(`${FOLDERS.segments}/${names[index]!}`);
    bytes[offset]! ^= 1;
    await t.throwsAsync(archive(disk, before), { code: 'damaged' }, `segment ${index}`);
    t.deepEqual(await disk.list(FOLDERS.segments), names);
    bytes[offset]! ^= 1;
  }
  // The first one that stays goes on from another history.
  const stays = disk.bytes(`${FOLDERS.segments}/${names[goes]!}`);
  const sound = Buffer.from(stays);
  const parsed = parseHeader(stays);
  if (parsed.type !== 'valid') return t.fail('a header');
  const elsewhere = { ...parsed.header.before, hash: Buffer.alloc(32, 7) };
  stays.set(encodeHeader({ ...parsed.header, before: elsewhere }));
  await t.throwsAsync(archive(disk, before), { code: 'damaged', message: /hash of the entry before/ });
  t.deepEqual(await disk.list(FOLDERS.segments), names);
  stays.set(sound);
  // A checkpoint that is not the projection there.
  await addProjection(disk, ENTRIES, Math.floor(upTo / 2));
  const [checkpoint] = await disk.list(FOLDERS.checkpoints);
  disk.bytes(`${FOLDERS.checkpoints}/${checkpoint!}`)[250]! ^= 1;
  await t.throwsAsync(archive(disk, before), { code: 'damaged', message: /nothing was removed/ });
  t.deepEqual(await disk.list(FOLDERS.segments), names);
  disk.bytes(`${FOLDERS.checkpoints}/${checkpoint!}`)[250]! ^= 1;
  disk.put(`${groupFolders(TO, 'default').segments}/${names[0]!}`, Buffer.from('something else'));
  await t.throwsAsync(archive(disk, before), { code: 'refused', message: /there already, with other bytes/ });
  t.deepEqual(await disk.list(FOLDERS.segments), names);
});

test('what stays, and what the archive has of earlier, is not read: it is not what a removal rests on', async (t) => {
  const disk = await ledgerOnDisk(ENTRIES);
  const half = await archive(disk, timeOf(Math.floor(ENTRIES.length / 2)));
  const before = timeOf(ENTRIES.length - 25);
  const next = await dryRun(disk, before);
  const last = segmentFirsts(await disk.list(FOLDERS.segments)).at(-1)!;
  t.true(next.segments > 0 && last > next.upTo + 1);
  const stays = disk.bytes(`${FOLDERS.segments}/${segmentName(last)}`);
  const [earlier] = await disk.list(groupFolders(TO, 'default').segments);
  const archived = disk.bytes(`${groupFolders(TO, 'default').segments}/${earlier!}`);
  stays[300]! ^= 1;
  archived[300]! ^= 1;
  t.is((await archive(disk, before)).upTo, next.upTo);
  t.true(next.upTo > half.upTo);
  // Both are for audit verify.
  t.is((await evidenceOf(readerOf(disk))).found[0]?.kind, 'bytes');
  t.is((await evidenceOf(archiveReader(disk))).found[0]?.kind, 'bytes');
  stays[300]! ^= 1;
  archived[300]! ^= 1;
  t.deepEqual((await evidenceOf(readerOf(disk))).found, []);
  t.deepEqual((await evidenceOf(archiveReader(disk))).found, []);
});

test('an archive may begin later than the ledger did, with another key; one that lacks what went last is refused', async (t) => {
  const disk = await ledgerOnDisk(ENTRIES);
  const half = await archive(disk, timeOf(Math.floor(ENTRIES.length / 2)));
  const other = readSeed(newSeed('N'));
  const second = await archive(disk, timeOf(Math.floor((ENTRIES.length * 3) / 4)), '/second', other);
  t.true(second.upTo > half.upTo);
  const later = await evidenceOf(archiveReader(disk, '/second'), [noteOf(ENTRIES, second.upTo, KEY)]);
  t.deepEqual(
    later.found.map(({ kind }) => kind),
    ['signature'],
  );
  const trusted = [...KEYS, readTrustedKey(other.publicKey)];
  const both = await evidenceOf(archiveReader(disk, '/second'), [noteOf(ENTRIES, second.upTo, KEY)], trusted);
  t.deepEqual(both.found, []);
  t.deepEqual([both.first, both.ruled, ...both.matched], [half.upTo + 1, second.upTo, 'kept 0']);

  const names = await disk.list(FOLDERS.segments);
  await t.throwsAsync(archive(disk, timeOf(ENTRIES.length - 5)), {
    code: 'damaged',
    message: /archive.*the segment before it, which begins at \d+, is missing/,
  });
  t.deepEqual(await disk.list(FOLDERS.segments), names);
  t.true((await archive(disk, timeOf(ENTRIES.length - 5), '/second')).upTo > second.upTo);
});

test('a first segment that is gone without a checkpoint is missing, not archived', async (t) => {
  const disk = await ledgerOnDisk(ENTRIES);
  const [first] = await disk.list(FOLDERS.segments);
  await disk.remove(`${FOLDERS.segments}/${first!}`);
  t.is((await evidenceOf(readerOf(disk))).found[0]?.kind, 'chain');
  await t.throwsAsync(reopened(disk), { code: 'damaged' });
});

test('archives of several nodes are compared: the same, a longer one, and the first entry that differs', async (t) => {
  const whole = readerOf(await ledgerOnDisk(ENTRIES));
  const shorter = readerOf(await ledgerOnDisk(ENTRIES.slice(0, -7)));
  const same = await compareLedgers(whole, shorter);
  t.is(same.differs, undefined);
  t.deepEqual([same.from, same.to, ...same.heads], [1, ENTRIES.length - 7, ENTRIES.length, ENTRIES.length - 7]);
  const forked = new History(seededRandom(21)).run(100);
  forked.pass(60_000);
  forked.run(50);
  const found = await compareLedgers(whole, readerOf(await ledgerOnDisk(forked.entries)));
  const place = found.differs?.position ?? 0;
  t.true(place > 1 && Buffer.compare(ENTRIES[place - 1]!.bytes, forked.entries[place - 1]!.bytes) !== 0);
  t.is(Buffer.compare(ENTRIES[place - 2]!.bytes, forked.entries[place - 2]!.bytes), 0);
  const disk = await ledgerOnDisk(ENTRIES);
  await archive(disk, timeOf(Math.floor(ENTRIES.length / 2)));
  const rest = await compareLedgers(whole, readerOf(disk));
  t.is(rest.differs, undefined);
  t.true(rest.from > 1);
});
