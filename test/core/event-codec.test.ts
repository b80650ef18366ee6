import { eventOf, recordBytes, recordOf, type EventRecord } from '../support/events.js';
import { readFileSync } from 'node:fs';
import { encode } from '@msgpack/msgpack';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { u64FromBigInt } from '../../src/base/u64.js';
import { bytes, range } from '../support/commands.js';

const SCHEMA = JSON.parse(readFileSync(new URL('../../../schemas/events.json', import.meta.url), 'utf8')) as {
  readonly examples: readonly (readonly [number, ...unknown[]])[];
};
const validate = new Ajv2020({ strict: false }).compile(SCHEMA);

/** Where the table has opaque bytes and wide numbers: what JSON shows as text. */
const OPAQUE: Readonly<Record<number, readonly number[]>> = {
  3: [2],
  4: [5],
  5: [3, 4],
  7: [8],
  9: [7],
  19: [3],
  23: [2],
  24: [7],
  30: [2, 6, 8, 9],
  31: [3, 7, 9, 10],
  40: [1, 2, 6],
  41: [1, 2],
  42: [2],
};

function fromJson(example: readonly [number, ...unknown[]]): EventRecord {
  const [kind, ...fields] = example;
  const wide = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(wide);
    return typeof value === 'string' && /^[0-9]{10,20}$/.test(value) ? BigInt(value) : value;
  };
  return [
    kind,
    ...fields.map((field, i) =>
      OPAQUE[kind]?.includes(i + 1) === true && typeof field === 'string'
        ? new Uint8Array(Buffer.from(field, 'hex'))
        : wide(field),
    ),
  ];
}

test('every kind of event has an example that the schema takes, and that the codec reads and writes again', (t) => {
  t.is(SCHEMA.examples.length, 50);
  for (const example of SCHEMA.examples) {
    t.true(validate(example), JSON.stringify(example) + JSON.stringify(validate.errors));
    const record = fromJson(example);
    t.deepEqual(Buffer.from(recordBytes(eventOf(record))), Buffer.from(encode(record, { useBigInt64: true })));
  }
});

test('a LOCK and its UNLOCK together take less than 160 bytes of ledger', (t) => {
  const call = { port: 65_535, xid: 0xffff_ffff, digest: 0xffff_ffff };
  const wide = { start: u64FromBigInt(2n ** 53n + 1n), end: u64FromBigInt(2n ** 64n - 1n) };
  const granted = recordBytes({
    type: 'lock-granted',
    owner: 1_000_000,
    file: 1_000_000,
    range: wide,
    exclusive: true,
    reclaim: false,
    monitored: true,
    call,
  });
  const released = recordBytes({ type: 'lock-released', owner: 1_000_000, file: 1_000_000, range: wide, call });
  t.true(granted.length + released.length < 160);
});

test('an event of a newer release stops the reader and says so', (t) => {
  t.throws(() => eventOf([99, 1]), { name: 'LedgerError', message: /newer release/ });
});

test('a record that no release writes is damage', (t) => {
  const call = [1, 2, 3];
  for (const record of [
    [0],
    [7, 1],
    [10, 'x'],
    [10, 1, 2],
    [13, 1, 9],
    [8, 1, 1, [0, -1], call],
    [8, 1, 1, [0], call],
    [8, 1, 1, [0, 1], [1, 2]],
    [8, 1, 1, [0, 1.5], call],
    [7, 1, 1, [0, 1], 2, 0, 1, call],
    [4, 1, 1, '10.0.0.1', 7, 'text'],
  ] as EventRecord[]) {
    t.throws(() => eventOf(record), { name: 'LedgerError', message: /not what any release writes/ });
  }
});

test('an order keeps its signature, and one without it is written as ever', (t) => {
  const signature = { key: 'UABC', statement: 'nlm-ledger order v1\n{}', signature: bytes('\xff'.repeat(64)) };
  const order = { commandId: 'c', actor: 'a', door: 'd', reason: 'r' };
  const event = { type: 'address-unlocked', address: '10.0.0.1', counts: { locks: 0, waiters: 0, shares: 0 } } as const;
  t.deepEqual(recordOf({ ...event, order }).at(-1), ['c', 'a', 'd', 'r']);
  const signed = { ...event, order: { ...order, signature } };
  t.deepEqual(eventOf(recordOf(signed)), signed);
  t.throws(() => eventOf([17, '10.0.0.1', [0, 0, 0], ['c', 'a', 'd', 'r', ['UABC']]]), { code: 'damaged' });
});

test('an optional field before one that is there is null', (t) => {
  const order = { commandId: 'c', actor: 'a', door: 'd', reason: 'r' };
  const counts = { locks: 0, waiters: 0, shares: 0 };
  const event = { type: 'client-unlocked', address: '10.0.0.1', counts, order } as const;
  t.deepEqual(recordOf(event), [19, [0, 0, 0], ['c', 'a', 'd', 'r'], null, '10.0.0.1']);
  t.deepEqual(eventOf(recordOf(event)), event);
  const granted = {
    type: 'lock-granted',
    owner: 1,
    file: 1,
    range: range(0, 0),
    exclusive: true,
    reclaim: false,
    monitored: true,
    call: { port: 1, xid: 1, digest: 1 },
    handle: bytes('\xff\x00'),
  } as const;
  t.deepEqual(eventOf(recordOf(granted)), granted);
});
