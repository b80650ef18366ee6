import test from 'ava';
import { SM_NAME_BYTES_MAX, SM_STATUS } from '../../src/nsm/codecs.js';
import { NSM_PROCEDURES, NSM_PROGRAM, nsmProcedure, type NsmProcedure } from '../../src/nsm/procedures.js';
import { STAT_FAIL, STAT_SUCC } from '../../src/nsm/types.js';
import { XdrError } from '../../src/xdr/error.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { counted, join, padded, text, word } from '../support/builder.js';
import { checkGolden, checkSample, sample, type Sample } from '../support/codec-rules.js';
import { goldenMessages } from '../support/golden.js';

function named<Name extends NsmProcedure['name']>(name: Name): Extract<NsmProcedure, { name: Name }> | undefined {
  const isNamed = (entry: NsmProcedure): entry is Extract<NsmProcedure, { name: Name }> => entry.name === name;
  return NSM_PROCEDURES.find(isNamed);
}

const PRIV = '0123456789abcdef';
const myId = { my_name: text('localhost'), my_prog: 100021, my_vers: 3, my_proc: 16 };
const myIdBytes = join(counted('localhost'), word(100021), word(3), word(16));
const monId = { mon_name: text('client1'), my_id: myId };
const monIdBytes = Buffer.concat([join(counted('client1')), myIdBytes]);
const NOTHING = Buffer.alloc(0);

const SAMPLES: readonly Sample[] = [
  sample('NULL', named('NULL')?.args, undefined, NOTHING),
  sample('SM_STAT', named('SM_STAT')?.args, { mon_name: text('client1') }, join(counted('client1'))),
  sample(
    'SM_STAT result',
    named('SM_STAT')?.result,
    { res_stat: STAT_FAIL, state: 3 } as const,
    join(word(1), word(3)),
  ),
  sample(
    'SM_MON',
    named('SM_MON')?.args,
    { mon_id: monId, priv: text(PRIV) },
    Buffer.concat([monIdBytes, join(padded(PRIV))]),
  ),
  sample(
    'SM_MON result',
    named('SM_MON')?.result,
    { res_stat: STAT_SUCC, state: -1 } as const,
    join(word(0), word(0xffff_ffff)),
  ),
  sample('SM_UNMON', named('SM_UNMON')?.args, monId, monIdBytes),
  sample('SM_UNMON result', named('SM_UNMON')?.result, { state: 3 }, join(word(3))),
  sample('SM_UNMON_ALL', named('SM_UNMON_ALL')?.args, myId, myIdBytes),
  sample('SM_UNMON_ALL result', named('SM_UNMON_ALL')?.result, { state: 3 }, join(word(3))),
  sample('SM_SIMU_CRASH', named('SM_SIMU_CRASH')?.args, undefined, NOTHING),
  sample(
    'SM_NOTIFY',
    named('SM_NOTIFY')?.args,
    { mon_name: text('client1'), state: 7 },
    join(counted('client1'), word(7)),
  ),
  sample('SM_NOTIFY result', named('SM_NOTIFY')?.result, undefined, NOTHING),
  sample(
    'status',
    SM_STATUS,
    { mon_name: text('client1'), state: 7, priv: text(PRIV) },
    join(counted('client1'), word(7), padded(PRIV)),
  ),
];

test('every message of NSM is exact both ways, and every truncation of it is an XdrError', (t) => {
  for (const message of SAMPLES) checkSample(t, message);
});

test('the procedures of NSM are found by version and number', (t) => {
  NSM_PROCEDURES.forEach((entry, number) => {
    t.is(entry.number, number);
    t.is(nsmProcedure(1, number), entry);
    t.is(nsmProcedure(2, number), undefined);
  });
  t.is(nsmProcedure(1, 7), undefined);
});

test('the SM_NOTIFY of a Linux client is decoded and encoded again, byte for byte', (t) => {
  for (const message of goldenMessages('nsm')) {
    checkGolden(t, message, NSM_PROGRAM, nsmProcedure(message.version, message.procedure));
  }
});

test('a name beyond its limit and a result that is none are refused', (t) => {
  const long = join(counted('x'.repeat(SM_NAME_BYTES_MAX + 1)), word(1));
  t.throws(() => named('SM_NOTIFY')?.args.decode(new XdrReader(long)), { instanceOf: XdrError });
  t.throws(() => named('SM_MON')?.result.decode(new XdrReader(join(word(2), word(1)))), { instanceOf: XdrError });
});
