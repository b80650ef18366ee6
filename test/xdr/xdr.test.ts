import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { bytesFrom } from '../../src/base/bytes.js';
import { u64FromBigInt } from '../../src/base/u64.js';
import { XdrError, type XdrReason } from '../../src/xdr/error.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import { counted, join, long, padded, text, word } from '../support/builder.js';

const reasonOf = (run: () => unknown): XdrReason | undefined => {
  try {
    run();
  } catch (error) {
    if (error instanceof XdrError) return error.reason;
    throw error;
  }
  return undefined;
};

test('each item is big-endian, a multiple of four bytes, and padded with zeros', (t) => {
  const writer = new XdrWriter();
  writer.uint(0xffff_fffe);
  writer.int(-2);
  writer.hyper(u64FromBigInt(2n ** 53n + 1n));
  writer.bool(true);
  writer.opaque(text('abcde'));
  writer.string(text(''));
  writer.fixed(text('xyz'));
  const expected = join(word(0xffff_fffe), word(0xffff_fffe), long(2n ** 53n + 1n), word(1), counted('abcde'), word(0));
  const bytes = writer.take();
  t.deepEqual(bytes, Buffer.concat([expected, join(padded('xyz'))]));

  const reader = new XdrReader(bytes);
  t.is(reader.uint(), 0xffff_fffe);
  t.is(reader.int(), -2);
  t.deepEqual(reader.hyper(), u64FromBigInt(2n ** 53n + 1n));
  t.true(reader.bool());
  t.is(reader.opaque(5), text('abcde'));
  t.is(reader.string(0), text(''));
  t.is(reader.fixed(3), text('xyz'));
  t.is(reader.remaining, 0);
});

test('a length beyond its limit, or beyond what is left, is refused before anything is allocated', (t) => {
  for (const length of [5, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    const bytes = join(word(length), padded('abcd'));
    t.is(
      reasonOf(() => new XdrReader(bytes).opaque(4)),
      'too-long',
    );
    t.is(
      reasonOf(() => new XdrReader(bytes).string(4)),
      'too-long',
    );
    t.is(
      reasonOf(() => new XdrReader(bytes).skipOpaque(4)),
      'too-long',
    );
    // Without a limit of use the bytes that are there are one.
    t.is(
      reasonOf(() => new XdrReader(bytes).opaque(0xffff_ffff)),
      'truncated',
    );
  }
});

test('ten thousand hostile lengths cost no memory', (t) => {
  const bytes = join(word(0x3fff_ffff), padded('abcd'));
  const before = process.memoryUsage();
  for (let i = 0; i < 10_000; i += 1) reasonOf(() => new XdrReader(bytes).opaque(0xffff_ffff));
  const after = process.memoryUsage();
  t.true(after.external + after.arrayBuffers - before.external - before.arrayBuffers < 1_000_000);
});

test('the padding must be there, and need not be zero', (t) => {
  t.is(
    reasonOf(() => new XdrReader(Buffer.from([0, 0, 0, 1, 65, 0, 0])).opaque(8)),
    'truncated',
  );
  t.is(new XdrReader(Buffer.from([0, 0, 0, 1, 65, 1, 2, 3])).opaque(8), text('A'));
});

test('only 0 and 1 are booleans, and an enumeration ends with its last value', (t) => {
  for (const n of [2, 0x0100_0000, 0xffff_ffff])
    t.is(
      reasonOf(() => new XdrReader(join(word(n))).bool()),
      'bad-value',
    );
  t.is(new XdrReader(join(word(3))).enumeration(3), 3);
  t.is(
    reasonOf(() => new XdrReader(join(word(4))).enumeration(3)),
    'bad-value',
  );
  t.is(
    reasonOf(() => new XdrReader(join(word(0xffff_ffff))).enumeration(3)),
    'bad-value',
  );
});

test('a reader sees nothing outside its range', (t) => {
  const bytes = join(word(1), word(2), word(3));
  const reader = new XdrReader(bytes, 4, 8);
  t.is(reader.uint(), 2);
  t.is(
    reasonOf(() => reader.uint()),
    'truncated',
  );
  t.is(reader.reset(bytes, 8).uint(), 3);
});

test('what was read stays as it was when the buffer is overwritten', (t) => {
  const bytes = join(counted('a file handle of some length'));
  const handle = new XdrReader(bytes).opaque(64);
  bytes.fill(0);
  t.is(handle, text('a file handle of some length'));
});

test('a writer grows, is used again, and hands out bytes of the caller’s own', (t) => {
  const writer = new XdrWriter();
  const large = 'x'.repeat(5001);
  writer.uint(0);
  writer.opaque(text(large));
  writer.patch(0, 77);
  const taken = writer.take();
  t.is(writer.position, 0);
  writer.uint(1);
  t.deepEqual(writer.view(), join(word(1)));
  t.deepEqual(taken, join(word(77), counted(large)));
  t.is(writer.reset().position, 0);
});

testProp(
  'any sequence of items is read as it was written',
  [
    fc.array(
      fc.oneof(
        fc.record({ type: fc.constant('uint' as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
        fc.record({ type: fc.constant('int' as const), value: fc.integer() }),
        fc.record({ type: fc.constant('hyper' as const), value: fc.bigInt(0n, 2n ** 64n - 1n).map(u64FromBigInt) }),
        fc.record({ type: fc.constant('bool' as const), value: fc.boolean() }),
        fc.record({ type: fc.constant('opaque' as const), value: fc.uint8Array({ maxLength: 80 }).map(bytesFrom) }),
      ),
    ),
  ],
  (t, items) => {
    const writer = new XdrWriter();
    for (const item of items) {
      if (item.type === 'hyper') writer.hyper(item.value);
      else if (item.type === 'bool') writer.bool(item.value);
      else if (item.type === 'opaque') writer.opaque(item.value);
      else writer[item.type](item.value);
    }
    const reader = new XdrReader(writer.view());
    for (const item of items) t.deepEqual(reader[item.type](80) as unknown, item.value);
    t.is(reader.remaining, 0);
  },
);
