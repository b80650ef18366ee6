import { basename } from 'node:path';
import test from 'ava';
import { noteName } from '../../src/audit/evidence/note-files.js';
import { verifyEvidence, type EvidenceOptions, type Fault } from '../../src/audit/evidence/verify.js';
import { decodeEntry, encodeEntry } from '../../src/ledger/entry.js';
import { sha256 } from '../../src/ledger/chain.js';
import { FileCheckpoints } from '../../src/ledger/file/checkpoints.js';
import {
  encodeFrame,
  encodeHeader,
  FRAME_ENTRY,
  frameBytes,
  HEADER_BYTES,
  parseHeader,
} from '../../src/ledger/file/format.js';
import { walkFrames, type PlacedFrame } from '../../src/ledger/file/frames.js';
import { segmentFirsts, segmentName } from '../../src/ledger/file/layout.js';
import { verify, type Fault as ByteFault } from '../../src/ledger/file/verify.js';
import type { SealedEntry } from '../../src/ledger/port.js';
import { newSeed, readSeed } from '../../src/signing/nkey.js';
import { readTrustedKey } from '../../src/signing/note.js';
import { FaultDisk } from '../ledger/fault-disk.js';
import { History } from '../support/history.js';
import { recordBytes } from '../support/events.js';
import { addProjection, DATA, FOLDERS, ledgerOnDisk, noteOf, readerOf } from '../support/ledger-on-disk.js';
import { seededRandom } from '../support/random.js';

/** A run looks at a sample of the bytes and of the entries; NLM_EVIDENCE=all looks at each. */
const ALL = process.env['NLM_EVIDENCE'] === 'all';
const SEED = Number(process.env['NLM_EVIDENCE_SEED'] ?? Date.now() % 100_000);
const pick = seededRandom(SEED);
const every = (step: number): number => (ALL ? 1 : 1 + pick(2 * step));

const KEY = readSeed(newSeed('N'));
const KEYS = [readTrustedKey(KEY.publicKey)];
const LONG = new History(seededRandom(7)).run(ALL ? 7000 : 1500).entries;
const SHORT = new History(seededRandom(11)).run(60).entries;

async function faultsOf(disk: FaultDisk, options: Partial<EvidenceOptions> = {}): Promise<Fault[]> {
  const faults: Fault[] = [];
  const onFault = (fault: Fault): void => void faults.push(fault);
  await verifyEvidence(readerOf(disk), {
    running: false,
    pastDamage: false,
    against: [],
    keys: KEYS,
    onFault,
    ...options,
  });
  return faults;
}

async function firstByteFault(disk: FaultDisk): Promise<ByteFault | undefined> {
  let first: ByteFault | undefined;
  await verify(readerOf(disk), { onFault: (fault) => (first ??= fault) });
  return first;
}

interface Segment {
  readonly path: string;
  readonly first: number;
  readonly bytes: Buffer;
  readonly frames: readonly PlacedFrame[];
}

async function segmentsOf(disk: FaultDisk): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const first of segmentFirsts(await disk.list(FOLDERS.segments))) {
    const path = `${FOLDERS.segments}/${segmentName(first)}`;
    const file = await disk.open(path, 'read');
    const parsed = parseHeader(disk.bytes(path));
    if (parsed.type !== 'valid') throw new Error('a header');
    const frames: PlacedFrame[] = [];
    for await (const group of walkFrames(file, parsed.header.salt)) frames.push(...group.frames);
    segments.push({ path, first, bytes: Buffer.from(disk.bytes(path)), frames });
  }
  return segments;
}

/**
 * A ledger of this segment and the next one alone, which begins at a checkpoint: what a segment holds is judged from its
 * own header on, so a byte in it need not be looked for through all that stands before.
 */
async function part(segments: readonly Segment[], index: number): Promise<FaultDisk> {
  const disk = new FaultDisk();
  for (const { path, bytes } of segments.slice(index, index + 2)) disk.put(path, bytes);
  const parsed = parseHeader(segments[index]!.bytes);
  if (parsed.type !== 'valid' || parsed.header.before.position === 0) return disk;
  const checkpoints = new FileCheckpoints({ data: DATA, group: 'default', storage: disk, log: () => undefined });
  await checkpoints.write({ ...parsed.header.before, version: 1, state: Buffer.from('any') });
  return disk;
}

/** Where a flipped byte is to be found: the beginning of its header, of its frame, or of the space written ahead. */
function placeOf({ frames }: Segment, at: number): number {
  if (at < HEADER_BYTES) return 0;
  const last = frames.at(-1)!;
  return frames.findLast(({ offset, size }) => offset <= at && at < offset + size)?.offset ?? last.offset + last.size;
}

test('hazard 17: a flipped byte of a segment is found, in its file and at the beginning of its frame', async (t) => {
  t.log(`seed ${SEED}`);
  const segments = await segmentsOf(await ledgerOnDisk(LONG));
  t.true(segments.length > 20);
  let flipped = 0;
  for (const [index, segment] of segments.entries()) {
    const disk = await part(segments, index);
    t.is(await firstByteFault(disk), undefined, segment.path);
    const bytes = disk.bytes(segment.path);
    for (let at = every(60) - 1; at < bytes.length; at += every(60)) {
      bytes[at]! ^= 1 << pick(8);
      const fault = await firstByteFault(disk);
      if (fault?.file !== basename(segment.path) || fault.offset !== placeOf(segment, at)) {
        t.fail(`byte ${at} of ${segment.path}: ${JSON.stringify(fault)}, not at ${placeOf(segment, at)}`);
      }
      bytes[at] = segment.bytes[at]!;
      flipped += 1;
    }
  }
  t.log(`${flipped} bytes flipped, ${LONG.length} entries in ${segments.length} segments`);
  t.true(flipped > 500);
});

/** A segment with these entries, each frame with its right CRC. */
function segmentWith(segment: Segment, payloads: readonly Uint8Array[]): Buffer {
  const parsed = parseHeader(segment.bytes);
  if (parsed.type !== 'valid') throw new Error('a header');
  const frames = payloads.map((payload) => {
    const frame = Buffer.alloc(frameBytes(payload.length));
    encodeFrame(frame, FRAME_ENTRY, parsed.header.salt, payload);
    return frame;
  });
  return Buffer.concat([encodeHeader(parsed.header), ...frames, Buffer.alloc(64)]);
}

test('an entry that is removed, doubled or swapped is found where it was, though every CRC is right', async (t) => {
  const segments = await segmentsOf(await ledgerOnDisk(LONG));
  for (const [index, segment] of segments.entries()) {
    const disk = await part(segments, index);
    const payloads = segment.frames.filter(({ kind }) => kind === FRAME_ENTRY).map(({ payload }) => payload);
    const expect = async (what: string, changed: readonly Uint8Array[], position: number): Promise<void> => {
      disk.put(segment.path, segmentWith(segment, changed));
      const fault = await firstByteFault(disk);
      t.is(fault?.kind, 'chain', what);
      t.is(fault?.position, position, what);
    };
    disk.put(segment.path, segmentWith(segment, payloads));
    t.is(await firstByteFault(disk), undefined);
    for (let i = every(4) - 1; i < payloads.length; i += every(4)) {
      const position = segment.first + i;
      await expect(`doubled ${position}`, payloads.toSpliced(i, 0, payloads[i]!), position);
      const isLast = i === payloads.length - 1;
      // The last entry of all leaves no trace: a checkpoint shows it.
      if (isLast && index === segments.length - 1) continue;
      await expect(`removed ${position}`, payloads.toSpliced(i, 1), position + 1);
      if (!isLast)
        await expect(`swapped ${position}`, payloads.toSpliced(i, 2, payloads[i + 1]!, payloads[i]!), position + 1);
    }
  }
});

async function wholeFolder(): Promise<FaultDisk> {
  const disk = await ledgerOnDisk(SHORT);
  const half = Math.floor(SHORT.length / 2);
  await addProjection(disk, SHORT, half);
  for (const position of [3, half, SHORT.length]) {
    disk.put(`${FOLDERS.root}/notes/${noteName(position)}`, Buffer.from(noteOf(SHORT, position, KEY)));
  }
  return disk;
}

test('a flipped byte of any file of the folder is found, and its file is named', async (t) => {
  const disk = await wholeFolder();
  t.deepEqual(await faultsOf(disk), []);
  let flipped = 0;
  for (const path of disk.paths().filter((name) => !name.endsWith('.seg'))) {
    const bytes = disk.bytes(path);
    const sound = Buffer.from(bytes);
    for (let at = every(40) - 1; at < bytes.length; at += every(40)) {
      bytes[at]! ^= 1 << pick(8);
      const [fault] = await faultsOf(disk);
      t.is(basename(fault?.file ?? ''), basename(path), `byte ${at} of ${path}: ${JSON.stringify(fault)}`);
      bytes[at] = sound[at]!;
      flipped += 1;
    }
  }
  t.log(`${flipped} bytes flipped`);
});

test('hazard 18: a tail that is cut off is found with a checkpoint, and without one it is not', async (t) => {
  const kept = [{ name: 'kept.note', note: noteOf(SHORT, SHORT.length, KEY) }];
  t.deepEqual(await faultsOf(await ledgerOnDisk(SHORT), { against: kept }), []);
  for (const cut of [1, 2, SHORT.length - 1]) {
    const disk = await ledgerOnDisk(SHORT.slice(0, -cut));
    t.deepEqual(await faultsOf(disk), []);
    const [fault, ...more] = await faultsOf(disk, { against: kept });
    t.is(fault?.kind, 'cut');
    t.regex(
      fault?.why ?? '',
      new RegExp(`ends at position ${SHORT.length - cut}.*its last ${cut} entries are cut off`),
    );
    t.deepEqual(more, []);
  }
});

/** The same entries from `position` on in a chain of their own, with one of them changed: what an owner of the disk can make. */
function rewritten(entries: readonly SealedEntry[], position: number): SealedEntry[] {
  let previous = position === 1 ? Buffer.alloc(32) : Buffer.from(entries[position - 2]!.hash);
  return entries.map((sealed) => {
    if (sealed.position < position) return sealed;
    const entry = decodeEntry(sealed.bytes);
    const node = sealed.position === position ? 'nobody' : entry.node;
    const bytes = encodeEntry({ ...entry, node, previous }, entry.events);
    previous = Buffer.from(sha256(bytes));
    return { ...sealed, bytes, hash: previous };
  });
}

test('hazard 18: a rewritten chain is found with one signed checkpoint, wherever it begins; a later entry is not', async (t) => {
  const size = SHORT.length - 5;
  const against = [{ name: 'kept.note', note: noteOf(SHORT, size, KEY) }];
  for (const position of [1, 2, Math.floor(size / 2), size]) {
    const disk = await ledgerOnDisk(rewritten(SHORT, position));
    t.deepEqual(await faultsOf(disk), []);
    const [fault] = await faultsOf(disk, { against });
    t.is(fault?.kind, 'fork');
    t.is(fault?.position, size);
  }
  t.deepEqual(await faultsOf(await ledgerOnDisk(rewritten(SHORT, size + 1)), { against }), []);
});

test('a checkpoint that was changed, or that another key signed, is told from one that holds', async (t) => {
  const disk = await ledgerOnDisk(SHORT);
  const note = noteOf(SHORT, 9, KEY);
  const kinds = async (text: string): Promise<readonly string[]> =>
    (await faultsOf(disk, { against: [{ name: 'kept', note: text }] })).map(({ kind }) => kind);
  t.deepEqual(await kinds(note), []);
  t.deepEqual(await kinds(note.replace('\nepoch ', '\nepoch 1')), ['signature']);
  t.deepEqual(await kinds(noteOf(SHORT, 9, readSeed(newSeed('N')))), ['signature']);
  t.deepEqual(await kinds('nonsense'), ['derived']);
  t.deepEqual(await kinds(noteOf(rewritten(SHORT, 2), 9, KEY)), ['fork']);
});

test('past damage the rest is read, and each bad place is named', async (t) => {
  const disk = await ledgerOnDisk(LONG);
  const segments = await segmentsOf(disk);
  const spots = [3, 8].map((index) => ({ ...segments[index]!, frame: segments[index]!.frames[2]! }));
  for (const { path, frame } of spots) disk.bytes(path)[frame.offset + 20]! ^= 1;
  const stopped = await faultsOf(disk);
  t.deepEqual(
    stopped.map(({ file, offset }) => [file, offset]),
    [[basename(spots[0]!.path), spots[0]!.frame.offset]],
  );
  const faults = await faultsOf(disk, { pastDamage: true });
  t.deepEqual(
    faults.map(({ kind, file, offset }) => [kind, file, offset]),
    spots.map(({ path, frame }) => ['bytes', basename(path), frame.offset]),
  );
});

test('behind a hole the rules and the signed checkpoints go on from the next checkpoint that is there', async (t) => {
  const disk = await ledgerOnDisk(LONG);
  const segments = await segmentsOf(disk);
  const { path, frames } = segments[3]!;
  const behind = segments[6]!.first;
  await addProjection(disk, LONG, behind);
  disk.put(`${FOLDERS.root}/notes/${noteName(behind)}`, Buffer.from(noteOf(LONG, behind, KEY)));
  disk.bytes(path)[frames[2]!.offset + 20]! ^= 1;
  const whole = { name: 'kept', note: noteOf(LONG, LONG.length, KEY) };
  const verified = await verifyEvidence(readerOf(disk), {
    running: false,
    pastDamage: true,
    against: [whole],
    keys: KEYS,
    onFault: () => undefined,
  });
  t.is(verified.faults, 1);
  t.is(verified.ruled, LONG.length);
  t.deepEqual(verified.matched, ['kept']);
  t.regex(verified.remarks.join('\n'), new RegExp(`behind position ${behind} the rules are asked again`));

  // A forged event behind it is found, as everywhere.
  const forged = decodeEntry(LONG.at(-1)!.bytes);
  const event = { type: 'waiter-granted', waiter: 999_999 } as const;
  const bytes = encodeEntry(
    { ...forged, position: LONG.length + 1, previous: LONG.at(-1)!.hash },
    { count: 1, bytes: recordBytes(event) },
  );
  const longer = [...LONG, { position: LONG.length + 1, epoch: forged.epoch, bytes, hash: sha256(bytes) }];
  const other = await ledgerOnDisk(longer);
  await addProjection(other, LONG, behind);
  other.bytes(path)[frames[2]!.offset + 20]! ^= 1;
  const faults = await faultsOf(other, { pastDamage: true });
  t.deepEqual(faults.map(({ kind, position }) => [kind, position]).at(-1), ['rules', LONG.length + 1]);
});

test('an epoch that went back and a clock that ran backwards are found', async (t) => {
  const entries = SHORT.slice(0, 12);
  const changed = (change: (entry: ReturnType<typeof decodeEntry>) => object): SealedEntry[] => {
    let previous: Uint8Array = Buffer.alloc(32);
    return entries.map((sealed, i) => {
      const entry = decodeEntry(sealed.bytes);
      const bytes = encodeEntry(
        {
          ...entry,
          previous,
          ...(i < 7 ? { epoch: 5 } : {}),
          ...(i === 7 ? { epoch: 5, ...change(entry) } : {}),
          ...(i > 7 ? { epoch: 5 } : {}),
        },
        entry.events,
      );
      previous = sha256(bytes);
      return { position: sealed.position, epoch: 5, bytes, hash: previous };
    });
  };
  const find = async (list: SealedEntry[]): Promise<unknown> => {
    const disk = new FaultDisk();
    const [segment] = await segmentsOf(await ledgerOnDisk(changed(() => ({})).slice(0, 1)));
    disk.put(
      segment!.path,
      segmentWith(
        segment!,
        list.map(({ bytes }) => bytes),
      ),
    );
    const fault = await firstByteFault(disk);
    return fault === undefined ? undefined : [fault.kind, fault.position];
  };
  t.is(await find(changed(() => ({}))), undefined);
  t.deepEqual(await find(changed(() => ({ epoch: 4 }))), ['order', 8]);
  t.deepEqual(await find(changed(({ time }) => ({ time: time - 1_000_000 }))), ['order', 8]);
  t.deepEqual(await find(changed(() => ({ durable: 8 }))), ['order', 8]);
});
