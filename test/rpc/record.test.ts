import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { beginRecord, endRecord, RecordError, RecordReader, type RecordFault } from '../../src/rpc/record.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import { join, padded, text, word } from '../support/builder.js';

const LIMITS = { recordBytesMax: 64, fragmentsMax: 4 };
const LAST = 0x8000_0000;

/** Records in the fragments given, one string a fragment. */
const stream = (records: readonly (readonly string[])[]): Buffer =>
  Buffer.concat(
    records.flatMap((fragments) =>
      fragments.map((fragment, i) =>
        Buffer.concat([join(word(fragment.length + (i === fragments.length - 1 ? LAST : 0))), Buffer.from(fragment)]),
      ),
    ),
  );

function recordsOf(chunks: readonly Buffer[], reader = new RecordReader(LIMITS)): string[] {
  const records: string[] = [];
  for (const chunk of chunks) {
    reader.push(chunk, (buffer, start, end) => records.push(buffer.toString('latin1', start, end)));
  }
  return records;
}

function faultOf(...chunks: readonly Buffer[]): RecordFault | undefined {
  try {
    recordsOf(chunks);
  } catch (error) {
    if (error instanceof RecordError) return error.fault;
    throw error;
  }
  return undefined;
}

const RECORDS = [['one'], ['tw', 'o'], ['', 'thr', '', 'ee'], ['four and some more'], ['fi', 've', '']];
const WHOLE = ['one', 'two', 'three', 'four and some more', 'five'];

test('records come out whole at every split of the stream in two, and in three', (t) => {
  const bytes = stream(RECORDS);
  for (let a = 0; a <= bytes.length; a += 1) {
    t.deepEqual(recordsOf([bytes.subarray(0, a), bytes.subarray(a)]), WHOLE);
    for (let b = a; b <= bytes.length; b += 1) {
      t.deepEqual(recordsOf([bytes.subarray(0, a), bytes.subarray(a, b), bytes.subarray(b)]), WHOLE);
    }
  }
});

test('records come out whole one byte at a time', (t) => {
  t.deepEqual(recordsOf([...stream(RECORDS)].map((byte) => Buffer.from([byte]))), WHOLE);
});

test('a record that lies whole in a chunk is not copied', (t) => {
  const chunk = stream([['whole']]);
  new RecordReader(LIMITS).push(chunk, (buffer, start, end) => {
    t.is(buffer, chunk);
    t.deepEqual([start, end], [4, 9]);
  });
  t.plan(2);
});

test('a record that came in parts is the reader’s own and not the chunk’s', (t) => {
  const bytes = stream([['parted']]);
  const first = Buffer.from(bytes.subarray(0, 6));
  const reader = new RecordReader(LIMITS);
  t.deepEqual(recordsOf([first], reader), []);
  first.fill(0);
  t.deepEqual(recordsOf([bytes.subarray(6)], reader), ['parted']);
});

test('a record begun and not ended shows', (t) => {
  const bytes = stream([['a', 'b']]);
  for (let at = 0; at <= bytes.length; at += 1) {
    const reader = new RecordReader(LIMITS);
    recordsOf([bytes.subarray(0, at)], reader);
    t.is(reader.isInRecord, at > 0 && at < bytes.length);
  }
});

test('a record at its limits is taken, one beyond them is refused by its mark alone', (t) => {
  t.is(faultOf(stream([['x'.repeat(64)]])), undefined);
  t.is(faultOf(join(word(LAST + 65))), 'record-too-long');
  t.is(faultOf(join(word(0x7fff_ffff))), 'record-too-long');
  t.is(faultOf(join(word(0xffff_ffff))), 'record-too-long');
  t.is(faultOf(stream([['x'.repeat(60), 'x'.repeat(4)]])), undefined);
  t.is(faultOf(join(word(60), padded('x'.repeat(60)), word(LAST + 5))), 'record-too-long');
  t.is(faultOf(stream([['a', 'b', 'c', 'd']])), undefined);
  t.is(faultOf(stream([['a', 'b', 'c', 'd', 'e']])), 'too-many-fragments');
  t.is(faultOf(stream([['', '', '', '', 'e']])), 'too-many-fragments');
  t.is(faultOf(stream([['']])), 'empty-record');
  t.is(faultOf(stream([['', '']])), 'empty-record');
});

test('records before a fault are delivered', (t) => {
  const records: string[] = [];
  const bytes = Buffer.concat([stream([['good']]), join(word(0xffff_ffff))]);
  t.throws(
    () =>
      new RecordReader(LIMITS).push(bytes, (buffer, start, end) => records.push(buffer.toString('latin1', start, end))),
    { instanceOf: RecordError },
  );
  t.deepEqual(records, ['good']);
});

test('a mark that announces the largest record allocates no more than what has come', (t) => {
  const mark = join(word(LAST + 0x3fff_ffff));
  const before = process.memoryUsage().arrayBuffers;
  const readers = Array.from({ length: 1000 }, () => {
    const reader = new RecordReader({ recordBytesMax: 0x4000_0000, fragmentsMax: 1 });
    reader.push(Buffer.concat([mark, Buffer.from('x')]), () => t.fail());
    return reader;
  });
  t.true(process.memoryUsage().arrayBuffers - before < 4_000_000);
  t.true(readers.every((reader) => reader.isInRecord));
});

test('a writer marks several records in a row', (t) => {
  const writer = new XdrWriter();
  for (const s of ['one!', 'two!']) {
    const mark = beginRecord(writer);
    writer.fixed(text(s));
    endRecord(writer, mark);
  }
  t.deepEqual(writer.take(), stream([['one!'], ['two!']]));
});

testProp(
  'any records in any fragments come out whole from any chunks',
  [
    fc.array(
      fc.array(fc.string({ minLength: 1, maxLength: 16, unit: 'binary-ascii' }), { minLength: 1, maxLength: 4 }),
    ),
    fc.array(fc.nat(400), { maxLength: 12 }),
  ],
  (t, records, cuts) => {
    const bytes = stream(records);
    const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
    const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
    t.deepEqual(
      recordsOf(chunks),
      records.map((fragments) => fragments.join('')),
    );
  },
);
