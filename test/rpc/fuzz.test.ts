import test from 'ava';
import { NLM_PROCEDURES } from '../../src/nlm/procedures.js';
import { SM_STATUS } from '../../src/nsm/codecs.js';
import { NSM_PROCEDURES } from '../../src/nsm/procedures.js';
import { PMAP_PROCEDURES } from '../../src/portmap/procedures.js';
import { parseUniversalAddress } from '../../src/portmap/universal-address.js';
import { decodeCall, decodeReply } from '../../src/rpc/message.js';
import { RecordError, RecordReader } from '../../src/rpc/record.js';
import { XdrError } from '../../src/xdr/error.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { nlmSamples } from '../nlm/samples.js';
import { callHeader, join, text } from '../support/builder.js';
import type { AnyCodec } from '../support/codec-rules.js';
import { fuzzInputs, fuzzMsMax, fuzzSeed } from '../support/fuzz.js';
import { goldenMessages } from '../support/golden.js';
import { seededRandom, type Random } from '../support/random.js';

/** One input is one mutated message through every decoder that it may meet. */
const INPUTS = fuzzInputs(100_000);
const SEED = fuzzSeed();
// Most inputs end in an error, and its stack would be most of the work.
Error.stackTraceLimit = 0;

const HEADER = join(callHeader(1, 100021, 4, 2, true));
const SEEDS: readonly Buffer[] = [
  ...(['nlm', 'nsm', 'portmap'] as const).flatMap(goldenMessages).map(({ hex }) => Buffer.from(hex, 'hex')),
  ...([1, 3, 4] as const).flatMap(nlmSamples).map(({ bytes }) => Buffer.concat([HEADER, bytes])),
];
const ENTRIES = [...Object.values(NLM_PROCEDURES).flat(), ...NSM_PROCEDURES, ...Object.values(PMAP_PROCEDURES).flat()];
const CODECS: readonly AnyCodec[] = [...ENTRIES.flatMap((entry) => [entry.args, entry.result]), SM_STATUS];
const INTERESTING = [0, 1, 2, 4, 0x7f, 0x80, 0xff];

function mutated(random: Random, seed: Buffer): Buffer {
  const bytes = Buffer.from(seed);
  for (let changes = 1 + random(6); changes > 0; changes -= 1) {
    const at = random(bytes.length);
    if (random(4) === 0)
      bytes.writeUInt32BE(
        [0, 1, 401, 1025, 0x7fff_ffff, 0x8000_0000, 0xffff_fffd, 0xffff_ffff][random(8)]!,
        at & ~3 & (bytes.length - 4),
      );
    else bytes[at] = random(2) === 0 ? random(256) : INTERESTING[random(INTERESTING.length)]!;
  }
  return random(3) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes;
}

/** Whether it came to an end by itself; anything but an XdrError goes through. */
function survives(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof XdrError) return false;
    throw error;
  }
}

test(`${INPUTS} mutated messages throw nothing but XdrError (seed ${SEED})`, (t) => {
  t.timeout(fuzzMsMax(INPUTS));
  const began = performance.now();
  const random = seededRandom(SEED);
  const reader = new XdrReader();
  let taken = 0;
  for (let input = 0; input < INPUTS; input += 1) {
    const bytes = mutated(random, SEEDS[random(SEEDS.length)]!);
    let at = random(bytes.length + 1);
    survives(() => {
      decodeCall(reader.reset(bytes));
      at = reader.offset;
    });
    survives(() => {
      decodeReply(reader.reset(bytes));
      at = reader.offset;
    });
    const codec = CODECS[random(CODECS.length)]!;
    if (survives(() => codec.decode(reader.reset(bytes, at)))) taken += 1;
    if (reader.remaining < 0) t.fail(`read beyond the end: ${bytes.toString('hex')}`);
    parseUniversalAddress(text(bytes.toString('latin1', at)));
  }
  t.log(`${Math.round(INPUTS / ((performance.now() - began) / 1000))} inputs a second`);
  t.true(taken > INPUTS / 100, 'mutations that are all refused early would prove little');
  t.true(taken < INPUTS);
});

test(`${INPUTS / 4} mutated streams throw nothing but RecordError (seed ${SEED})`, (t) => {
  t.timeout(fuzzMsMax(INPUTS));
  const random = seededRandom(SEED);
  const marked = SEEDS.map((seed) => {
    const mark = Buffer.alloc(4);
    mark.writeUInt32BE(0x8000_0000 + seed.length);
    return Buffer.concat([mark, seed]);
  });
  let faults = 0;
  let records = 0;
  for (let input = 0; input < INPUTS / 4; input += 1) {
    const stream = new RecordReader({ recordBytesMax: 4096, fragmentsMax: 8 });
    try {
      for (let chunks = random(6); chunks >= 0; chunks -= 1) {
        const whole = marked[random(marked.length)]!;
        const chunk = random(4) === 0 ? mutated(random, whole) : whole;
        stream.push(chunk, (buffer, start, end) => {
          if (start < 0 || end > buffer.length || start >= end || end - start > 4096)
            t.fail('a record out of its buffer');
          records += 1;
        });
      }
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      faults += 1;
    }
  }
  t.true(records > 0 && faults > 0);
});
