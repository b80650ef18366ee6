import test from 'ava';
import { U64_MAX, U64_ZERO, u64, u64FromBigInt, type U64 } from '../../src/base/u64.js';
import { LedgerError } from '../../src/base/errors.js';
import { CALLER_NAME_BYTES_MAX, COOKIE_BYTES_MAX, NETOBJ_BYTES_MAX } from '../../src/nlm/limits.js';
import {
  isNlmVersion,
  NLM_PROCEDURES,
  NLM_PROGRAM,
  NLM_RES_AFTER_MSG,
  nlmCall,
  nlmProcedure,
  type NlmVersion,
} from '../../src/nlm/procedures.js';
import type { NlmLockArgs } from '../../src/nlm/types.js';
import { narrowStatus, type NlmStatus } from '../../src/nlm/status.js';
import { XdrError } from '../../src/xdr/error.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import { counted, join, text, word } from '../support/builder.js';
import { checkGolden, checkSample } from '../support/codec-rules.js';
import { goldenMessages } from '../support/golden.js';
import { nlmSamples } from './samples.js';

const VERSIONS: readonly NlmVersion[] = [1, 3, 4];

for (const version of VERSIONS) {
  test(`every message of version ${version} is exact both ways, and every truncation of it is an XdrError`, (t) => {
    for (const message of nlmSamples(version)) checkSample(t, message);
  });

  test(`version ${version} has its procedures in number order, each found by its number`, (t) => {
    const numbers = NLM_PROCEDURES[version].map((entry) => entry.number);
    const first = Array.from({ length: 17 }, (_, i) => i);
    t.deepEqual(numbers, version === 1 ? first : [...first, 20, 21, 22, 23]);
    for (let number = 0; number < 30; number += 1) {
      t.is(nlmProcedure(version, number)?.number, numbers.includes(number) ? number : undefined);
    }
    t.is(nlmProcedure(version, 0xffff_ffff), undefined);
  });

  test(`in version ${version} each _MSG is answered by the _RES of the same operation`, (t) => {
    for (const entry of NLM_PROCEDURES[version]) {
      if (entry.kind !== 'msg') continue;
      const answer = nlmProcedure(version, entry.number + NLM_RES_AFTER_MSG);
      t.is(answer?.kind, 'res');
      t.is(answer?.operation, entry.operation);
    }
  });
}

test('version 2 and others are not served', (t) => {
  for (const version of [0, 2, 5, 0xffff_ffff]) {
    t.false(isNlmVersion(version));
    t.is(nlmProcedure(version, 0), undefined);
  }
});

test('messages of Linux clients and of Ganesha are decoded and encoded again, byte for byte', (t) => {
  for (const message of goldenMessages('nlm')) {
    checkGolden(t, message, NLM_PROGRAM, nlmProcedure(message.version, message.procedure));
  }
});

test('versions 1 and 3 never say more than DENIED_GRACE_PERIOD', (t) => {
  const all: readonly NlmStatus[] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  t.deepEqual(all.map(narrowStatus), [0, 1, 2, 3, 4, 1, 2, 2, 2, 2]);
  for (const version of VERSIONS) {
    for (const stat of all) {
      const writer = new XdrWriter();
      nlmCall(version, 'LOCK')?.result.encode(writer, { cookie: text(''), stat });
      t.deepEqual(writer.take(), join(word(0), word(version === 4 ? stat : narrowStatus(stat))));
    }
  }
});

test('a status that the version does not have is refused', (t) => {
  for (const [version, last] of [
    [1, 5],
    [3, 5],
    [4, 9],
  ] as const) {
    const result = nlmCall(version, 'LOCK')?.result;
    t.is(result?.decode(new XdrReader(join(word(0), word(last)))).stat, last);
    t.throws(() => result?.decode(new XdrReader(join(word(0), word(last + 1)))), { instanceOf: XdrError });
  }
  const tested = nlmCall(4, 'TEST')?.result;
  t.throws(() => tested?.decode(new XdrReader(join(word(0), word(5)))), { instanceOf: XdrError });
});

/** A holder's range as a client of `version` hears of it. */
function narrowed(version: NlmVersion, l_offset: U64, l_len: U64): readonly unknown[] {
  const codec = nlmCall(version, 'TEST')?.result;
  const writer = new XdrWriter();
  const holder = { exclusive: true, svid: 1, oh: text(''), l_offset, l_len };
  codec?.encode(writer, { cookie: text(''), stat: { stat: 1, holder } });
  const decoded = codec?.decode(new XdrReader(writer.view())).stat.holder;
  return [decoded?.l_offset, decoded?.l_len];
}

test('a holder beyond 32 bits is clamped for versions 1 and 3, and to the end of the file stays so', (t) => {
  const last = u64(0, 0xffff_ffff);
  for (const version of [1, 3] as const) {
    t.deepEqual(narrowed(version, u64(0, 10), u64(0, 20)), [u64(0, 10), u64(0, 20)]);
    t.deepEqual(narrowed(version, u64(0, 10), U64_ZERO), [u64(0, 10), U64_ZERO]);
    t.deepEqual(narrowed(version, u64(1, 0), U64_ZERO), [last, U64_ZERO]);
    t.deepEqual(narrowed(version, u64(1, 0), u64(0, 7)), [last, u64(0, 1)]);
    t.deepEqual(narrowed(version, u64(0, 10), u64(1, 0)), [u64(0, 10), u64(0, 0xffff_fff6)]);
    t.deepEqual(narrowed(version, u64(0, 0xffff_fff0), u64(0, 0x20)), [u64(0, 0xffff_fff0), u64(0, 0x10)]);
    t.deepEqual(narrowed(version, U64_ZERO, U64_MAX), [U64_ZERO, last]);
    t.deepEqual(narrowed(version, U64_MAX, u64(0, 1)), [last, u64(0, 1)]);
  }
  t.deepEqual(narrowed(4, U64_MAX, U64_MAX), [U64_MAX, U64_MAX]);
});

const REQUEST: NlmLockArgs = {
  cookie: text(''),
  block: false,
  exclusive: false,
  alock: { caller_name: text(''), fh: text(''), oh: text(''), svid: 0, l_offset: U64_ZERO, l_len: U64_ZERO },
  reclaim: false,
  state: 0,
};

test('64-bit ranges are exact at every edge', (t) => {
  const codec = nlmCall(4, 'LOCK')?.args;
  for (const n of [0n, 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
    const range = { l_offset: u64FromBigInt(n), l_len: u64FromBigInt(2n ** 64n - 1n - n) };
    const writer = new XdrWriter();
    codec?.encode(writer, { ...REQUEST, alock: { ...REQUEST.alock, ...range } });
    t.like(codec?.decode(new XdrReader(writer.view())), { alock: range });
  }
});

test('a request beyond 32 bits cannot be sent in versions 1 and 3, and says so', (t) => {
  for (const version of [1, 3] as const) {
    const far = { ...REQUEST, alock: { ...REQUEST.alock, l_offset: u64(1, 0) } };
    const error = t.throws(() => nlmCall(version, 'LOCK')?.args.encode(new XdrWriter(), far), {
      instanceOf: LedgerError,
    });
    t.is(error?.code, 'bad-request');
  }
});

test('cookies, names and handles are taken up to their limits and not a byte beyond', (t) => {
  const codec = nlmCall(4, 'LOCK')?.args;
  const limits = [
    [COOKIE_BYTES_MAX, (s: string) => ({ ...REQUEST, cookie: text(s) })],
    [CALLER_NAME_BYTES_MAX, (s: string) => ({ ...REQUEST, alock: { ...REQUEST.alock, caller_name: text(s) } })],
    [NETOBJ_BYTES_MAX, (s: string) => ({ ...REQUEST, alock: { ...REQUEST.alock, fh: text(s) } })],
    [NETOBJ_BYTES_MAX, (s: string) => ({ ...REQUEST, alock: { ...REQUEST.alock, oh: text(s) } })],
  ] as const;
  for (const [max, request] of limits) {
    const writer = new XdrWriter();
    codec?.encode(writer, request('x'.repeat(max)));
    t.deepEqual(codec?.decode(new XdrReader(writer.take())), request('x'.repeat(max)));
    codec?.encode(writer, request('x'.repeat(max + 1)));
    t.throws(() => codec?.decode(new XdrReader(writer.take())), { instanceOf: XdrError });
  }
});

const shareBytes = (mode: number, access: number): Buffer =>
  join(word(0), counted('c'), counted('f'), counted('o'), word(mode), word(access), word(0));

test('a share mode beyond 3 is refused', (t) => {
  const codec = nlmCall(3, 'SHARE')?.args;
  t.is(codec?.decode(new XdrReader(shareBytes(3, 0))).share.mode, 3);
  t.throws(() => codec?.decode(new XdrReader(shareBytes(4, 0))), { instanceOf: XdrError });
  t.throws(() => codec?.decode(new XdrReader(shareBytes(0, 4))), { instanceOf: XdrError });
});
