import { encodedEvents, recordsOf, type EventRecord } from '../support/events.js';
import { readFileSync } from 'node:fs';
import { fc, testProp } from '@fast-check/ava';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import { Chain } from '../../src/ledger/chain.js';
import { checkEvents, decodeEntry, encodeEntry } from '../../src/ledger/entry.js';
import { readEnvelope } from '../../src/ledger/envelope.js';
import { dump } from '../../src/ledger/file/dump.js';
import type { Entry } from '../../src/ledger/port.js';

const integer = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.nat(70_000),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);
const field = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
);
const entries: fc.Arbitrary<Omit<Entry, 'events'> & { readonly events: readonly EventRecord[] }> = fc.record({
  version: fc.constant(1),
  group: fc.string({ maxLength: 300 }),
  position: integer,
  epoch: integer,
  node: fc.string({ maxLength: 40 }),
  time: integer,
  previous: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  durable: integer,
  events: fc.array(fc.tuple(fc.nat(100), field, field), { maxLength: 20 }),
});

testProp('an entry is read back as it was written, and its envelope in place', [entries], (t, entry) => {
  const bytes = encodeEntry(entry, encodedEvents(entry.events));
  const read = decodeEntry(bytes);
  checkEvents(read.events);
  t.deepEqual(
    { ...read, previous: [...read.previous], events: recordsOf(read.events) },
    { ...entry, previous: [...entry.previous] },
  );
  t.is(read.events.count, entry.events.length);
  const envelope = readEnvelope(bytes);
  const { position, epoch, time, durable } = entry;
  t.deepEqual(
    { ...envelope, previous: [...envelope.previous] },
    { position, epoch, time, durable, previous: [...entry.previous] },
  );
});

testProp(
  'whatever is done to the bytes, the answer is an entry or LedgerError damaged or newer-version',
  [entries, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat()],
  (t, entry, changes, cut) => {
    const bytes = Buffer.from(encodeEntry(entry, encodedEvents(entry.events)));
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    for (const damaged of [bytes, bytes.subarray(0, cut % bytes.length)]) {
      for (const read of [(found: Uint8Array) => checkEvents(decodeEntry(found).events), readEnvelope]) {
        try {
          read(damaged);
        } catch (error) {
          t.true(
            error instanceof LedgerError && (error.code === 'damaged' || error.code === 'newer-version'),
            String(error),
          );
        }
      }
    }
    t.pass();
  },
);

test('a hostile length allocates nothing and is damaged', (t) => {
  for (const hex of ['ddffffffff', '99ddffffffff', '99c6ffffffff', '9901dbffffffff', 'df7fffffff', 'c9ffffffff01']) {
    t.throws(() => decodeEntry(Buffer.from(hex, 'hex')), { code: 'damaged' });
  }
});

test('the bytes of an entry are pinned', (t) => {
  const chain = new Chain('default');
  const first = chain.seal({
    epoch: 1,
    node: 'a',
    time: 1_700_000_000_000,
    durable: 0,
    events: encodedEvents([[7, 'x', 300]]),
  });
  t.is(
    Buffer.from(first.bytes).toString('hex'),
    '9901a764656661756c740101a161cb4278bcfe56800000c420' + '00'.repeat(32) + '00919307a178cd012c',
  );
  t.is(Buffer.from(first.hash).toString('hex'), GOLDEN_HASH);
});

const GOLDEN_HASH = '84364e81265a421c50bf2b5c421a84ccb3bd7cc1c394582288765573d9410763';

test('sealed bytes are not touched by later entries', (t) => {
  const chain = new Chain('default');
  const sealed = [1, 2, 3].map((n) =>
    chain.seal({ epoch: 1, node: 'a', time: n, durable: 0, events: encodedEvents([[n, 'y'.repeat(n * 9)]]) }),
  );
  const reader = new Chain('default');
  t.deepEqual(
    sealed.map((entry) => recordsOf(reader.check(entry.bytes).events)[0]?.[0]),
    [1, 2, 3],
  );
});

test('a clock that goes back does not take the times of entries with it', (t) => {
  const chain = new Chain('default');
  const times = [10, 5, 11].map(
    (time) => decodeEntry(chain.seal({ epoch: 1, node: 'a', time, durable: 0, events: encodedEvents([]) }).bytes).time,
  );
  t.deepEqual(times, [10, 10, 11]);
});

test('a chain refuses a changed, a dropped, a reordered and a foreign entry', (t) => {
  const chain = new Chain('default');
  const [a, b, c] = [1, 2, 3].map(
    (n) => chain.seal({ epoch: 1, node: 'a', time: n, durable: 0, events: encodedEvents([[n]]) }).bytes,
  );
  const other = new Chain('other').seal({ epoch: 1, node: 'a', time: 1, durable: 0, events: encodedEvents([]) }).bytes;
  const changed = Buffer.from(a!);
  changed[changed.length - 1] = 9;
  for (const order of [[b], [a, c], [a, a], [other], [changed, b]]) {
    const reader = new Chain('default');
    t.throws(() => order.forEach((bytes) => reader.check(bytes!)), { code: 'damaged' });
  }
});

test('hazard 18: a chain that was rewritten holds by itself, and not against a later hash that is kept elsewhere', (t) => {
  const write = (second: string) => {
    const chain = new Chain('default');
    const sealed = ['a', second, 'c'].map((text, i) =>
      chain.seal({ epoch: 1, node: 'a', time: i, durable: 0, events: encodedEvents([[1, text]]) }),
    );
    return { sealed, head: chain.head };
  };
  const kept = write('b').head;
  const rewritten = write('forged').sealed;
  const reader = new Chain('default');
  for (const { bytes } of rewritten) reader.check(bytes);
  t.is(reader.head.position, kept.position);
  t.notDeepEqual(Buffer.from(reader.head.hash), Buffer.from(kept.hash));
});

test('schemas/entry.json takes its examples and what dump prints, and nothing else', async (t) => {
  // A JSON document of our own, checked by the validator below.
  const schema = JSON.parse(readFileSync('schemas/entry.json', 'utf8')) as { examples: unknown[] };
  const validate = new Ajv2020({ strictTuples: false }).compile(schema);
  t.true(schema.examples.length > 0);
  for (const example of schema.examples) t.true(validate(example), JSON.stringify(validate.errors));
  const bytes = new Chain('default').seal({
    epoch: 1,
    node: 'a',
    time: 5,
    durable: 0,
    events: encodedEvents([[1, 2n ** 63n, Buffer.from('ab')]]),
  }).bytes;
  async function* read(): AsyncGenerator<Entry[]> {
    yield [decodeEntry(bytes)];
  }
  for await (const line of dump({ read }, { from: 1, decode: recordsOf })) {
    const entry: unknown = JSON.parse(line);
    t.true(validate(entry), JSON.stringify(validate.errors));
    t.like(entry, { events: [[1, '9223372036854775808', '6162']] });
    t.false(validate({ ...(entry as object), position: 0 }));
    t.false(validate({ ...(entry as object), more: 1 }));
  }
});
