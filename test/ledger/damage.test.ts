import { encodedEvents } from '../support/events.js';
import test, { type ExecutionContext } from 'ava';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Chain } from '../../src/ledger/chain.js';
import { encodeEntry } from '../../src/ledger/entry.js';
import {
  encodeFrame,
  encodeHeader,
  FRAME_ENTRY,
  FRAME_HEAD_BYTES,
  frameBytes,
  HEADER_BYTES,
  parseFrame,
  parseHeader,
  type SegmentHeader,
} from '../../src/ledger/file/format.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { nodeStorage } from '../../src/ledger/file/node-storage.js';
import type { Storage } from '../../src/ledger/file/storage.js';
import { sealNext } from './contract.js';
import { acquire, smallLedger, temporaryFolder } from './fixture.js';

interface Place {
  readonly data: string;
  readonly segments: string;
  readonly aside: string;
}

async function place(t: ExecutionContext): Promise<Place> {
  const data = await temporaryFolder(t);
  const root = join(data, 'groups', 'default');
  return { data, segments: join(root, 'segments'), aside: join(root, 'aside') };
}

/** A ledger with `entries` entries, stopped in a clean way. */
async function filled(t: ExecutionContext, entries: number): Promise<Place> {
  const found = await place(t);
  const { ledger } = await openFileLedger(smallLedger(found.data));
  const chain = new Chain('default');
  for (let i = 0; i < entries; i++) await ledger.append(sealNext(chain, 4));
  await ledger.close();
  return found;
}

async function lastSegment(at: Place): Promise<string> {
  const names = (await readdir(at.segments)).filter((name) => name.endsWith('.seg')).sort();
  return join(at.segments, names.at(-1) ?? '');
}

function soundHeader(bytes: Buffer): SegmentHeader {
  const parsed = parseHeader(bytes);
  if (parsed.type !== 'valid') throw new Error(`the header is ${parsed.type}`);
  return parsed.header;
}

/** Offsets of the frames of a segment, by a reader of its own. */
function frameOffsets(bytes: Buffer): { offset: number; kind: number; size: number }[] {
  const { salt } = soundHeader(bytes);
  const frames = [];
  let at = HEADER_BYTES;
  for (;;) {
    const frame = parseFrame(bytes, at, salt);
    if (frame.type !== 'valid') return frames;
    frames.push({ offset: at, kind: frame.frame.kind, size: frame.frame.size });
    at += frame.frame.size;
  }
}

/** Takes the frames behind the last entry away: what a kill before the idle mark leaves. */
function withoutMarks(bytes: Buffer): { bytes: Buffer; last: { offset: number; size: number } } {
  const frames = frameOffsets(bytes);
  const last = frames.findLast((frame) => frame.kind === FRAME_ENTRY)!;
  return { bytes: Buffer.from(bytes).fill(0, last.offset + last.size), last };
}

async function unchanged(t: ExecutionContext, at: Place, act: () => Promise<unknown>): Promise<void> {
  const look = async (): Promise<Record<string, string>> => {
    const files: Record<string, string> = {};
    for (const name of await readdir(at.segments))
      files[name] = (await readFile(join(at.segments, name))).toString('hex');
    return files;
  };
  const before = await look();
  await act();
  t.deepEqual(await look(), before);
}

test('hazard 17: a flipped bit anywhere in the last entry, once it is marked, stops the start and changes nothing', async (t) => {
  const at = await filled(t, 5);
  const path = await lastSegment(at);
  const sound = await readFile(path);
  const { last } = withoutMarks(sound);
  for (let i = 0; i < last.size; i++) {
    const bytes = Buffer.from(sound);
    bytes[last.offset + i] = bytes[last.offset + i]! ^ (1 << (i % 8));
    await writeFile(path, bytes);
    const error = await t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'damaged' });
    if (i === 20) {
      t.regex(error.message, /restore a backup/);
      t.regex(error.message, /position 5/);
      await unchanged(t, at, () => t.throwsAsync(openFileLedger(smallLedger(at.data))));
    }
  }
});

test('hazard 17: the same bit before the idle mark looks like a torn tail: copied aside, cut, and told', async (t) => {
  const at = await filled(t, 5);
  const path = await lastSegment(at);
  const { bytes, last } = withoutMarks(await readFile(path));
  bytes[last.offset + 30] = bytes[last.offset + 30]! ^ 4;
  await writeFile(path, bytes);
  const lines: string[] = [];
  const { ledger, recovery } = await openFileLedger({ ...smallLedger(at.data), log: (line) => lines.push(line) });
  t.teardown(() => ledger.close());
  t.is(ledger.head().position, 4);
  t.is(recovery.notes.length, 1);
  t.is(lines.length, 1);
  const [copy] = await readdir(at.aside);
  const torn = await readFile(join(at.aside, copy!));
  t.deepEqual(torn, bytes.subarray(last.offset, last.offset + torn.length));
  t.true(bytes.subarray(last.offset + torn.length).every((byte) => byte === 0));
});

test('an idle ledger soon writes its mark by itself', async (t) => {
  const { data, segments } = await place(t);
  const { ledger } = await openFileLedger({ ...smallLedger(data), idleMarkMs: 5 });
  t.teardown(() => ledger.close());
  const chain = new Chain('default');
  await ledger.append(sealNext(chain, 1));
  const path = join(segments, '0000000000000001.seg');
  while (frameOffsets(await readFile(path)).length < 2) await delay(2);
  t.deepEqual(
    frameOffsets(await readFile(path)).map((frame) => frame.kind),
    [1, 2],
  );
  await ledger.append(sealNext(chain, 1));
  t.is(ledger.head().position, 2);
});

test('damage before the last entry stops the start, wherever it is', async (t) => {
  const at = await filled(t, 5);
  const path = await lastSegment(at);
  const { bytes } = withoutMarks(await readFile(path));
  const [first] = frameOffsets(bytes);
  for (const offset of [0, 1, 5, 9, 13, 16, 40]) {
    const damaged = Buffer.from(bytes);
    damaged[first!.offset + offset] = damaged[first!.offset + offset]! ^ 0x10;
    await writeFile(path, damaged);
    await t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'damaged' });
  }
});

test('bytes of a client that look like a frame do not turn a torn tail into damage', async (t) => {
  const at = await filled(t, 3);
  const path = await lastSegment(at);
  const { bytes, last } = withoutMarks(await readFile(path));
  const fake = Buffer.alloc(256);
  encodeFrame(fake, FRAME_ENTRY, 0x1234_5678, Buffer.from('anything'));
  fake.copy(bytes, last.offset + 16);
  await writeFile(path, bytes);
  const { ledger } = await openFileLedger(smallLedger(at.data));
  t.is(ledger.head().position, 2);
  await ledger.close();
});

test('a missing segment, a foreign one and a damaged header stop the start', async (t) => {
  const at = await filled(t, 60);
  const names = (await readdir(at.segments)).filter((name) => name.endsWith('.seg')).sort();
  t.true(names.length >= 3);
  for (const [index, name] of names.entries()) {
    const path = join(at.segments, name);
    const bytes = await readFile(path);
    if (index < names.length - 1) {
      await rm(path);
      await t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'damaged', message: /is missing/ });
    }
    await writeFile(path, Buffer.concat([flipped(bytes.subarray(0, 50), 49), bytes.subarray(50)]));
    await t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'damaged', message: /header/ });
    const header = soundHeader(bytes);
    await writeFile(path, Buffer.concat([encodeHeader({ ...header, group: 'other' }), bytes.subarray(160)]));
    await t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'damaged', message: /other/ });
    await writeFile(path, bytes);
  }
  const { ledger } = await openFileLedger(smallLedger(at.data));
  t.is(ledger.head().position, 60);
  await ledger.close();
});

test('a half-made last segment is moved aside, and the ledger goes on behind the one before', async (t) => {
  const at = await filled(t, 60);
  const half = join(at.segments, '0000000000000061.seg');
  await writeFile(half, Buffer.concat([Buffer.from('NLMLED'), Buffer.alloc(500)]));
  const { ledger, recovery } = await openFileLedger(smallLedger(at.data));
  t.teardown(() => ledger.close());
  t.is(ledger.head().position, 60);
  t.regex(recovery.notes.join(), /0000000000000061\.seg/);
  t.deepEqual(await readdir(at.aside), ['0000000000000061.seg']);
});

test('a newer segment or a newer entry stops the start and names the version that it needs', async (t) => {
  const at = await filled(t, 2);
  const path = await lastSegment(at);
  const sound = await readFile(path);
  const segment = Buffer.from(sound);
  segment.writeUInt32LE(7, 8);
  await writeFile(path, segment);
  await t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'newer-version', message: /version 7/ });
  const parsed = soundHeader(sound);
  const { bytes, last } = withoutMarks(sound);
  const newer = encodeEntry(
    {
      version: 3,
      group: 'default',
      position: 3,
      epoch: 1,
      node: 'a',
      time: 1,
      previous: Buffer.alloc(32),
      durable: 2,
    },
    encodedEvents([]),
  );
  const frame = Buffer.alloc(frameBytes(newer.length));
  encodeFrame(frame, FRAME_ENTRY, parsed.salt, newer);
  frame.copy(bytes, last.offset + last.size);
  await writeFile(path, bytes);
  await unchanged(t, at, () =>
    t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'newer-version', message: /version 3/ }),
  );
});

test('an entry that was rewritten with a right CRC breaks the chain: the start stops', async (t) => {
  const at = await filled(t, 4);
  const path = await lastSegment(at);
  const bytes = await readFile(path);
  const parsed = soundHeader(bytes);
  const second = frameOffsets(bytes)[1]!;
  const payload = Buffer.from(bytes.subarray(second.offset + FRAME_HEAD_BYTES));
  const length = bytes.readUInt32LE(second.offset);
  payload[length - 1] = payload[length - 1]! ^ 1;
  encodeFrame(bytes.subarray(second.offset), FRAME_ENTRY, parsed.salt, payload.subarray(0, length));
  await writeFile(path, bytes);
  await t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'damaged', message: /hash/ });
});

test('a folder in use, a read-only disk and a failing one each say what to do', async (t) => {
  const at = await filled(t, 2);
  const { ledger } = await openFileLedger(smallLedger(at.data));
  await t.throwsAsync(openFileLedger(smallLedger(at.data)), { code: 'busy', message: /status/ });
  await ledger.close();
  for (const [code, message] of [
    ['EROFS', /read-write/],
    ['EIO', /replace the disk/],
  ] as const) {
    await t.throwsAsync(openFileLedger({ ...smallLedger(at.data), storage: failing(code), acquire }), {
      code: 'io',
      message,
    });
  }
});

test('a group name that is no plain folder name is refused', async (t) => {
  for (const group of ['', '..', 'a/b', 'A', 'a'.repeat(64), '-a']) {
    await t.throwsAsync(openFileLedger({ ...smallLedger('/nowhere'), group }), { code: 'bad-request' });
  }
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = copy[at]! ^ 1;
  return copy;
}

/** The real disk, but for files that cannot be read (EIO) or written (EROFS). */
function failing(code: string): Storage {
  return {
    ...nodeStorage,
    async open(path, mode) {
      const refused = code === 'EIO' ? mode === 'read' : mode !== 'read';
      if (refused) throw Object.assign(new Error(code), { code });
      return nodeStorage.open(path, mode);
    },
  };
}
