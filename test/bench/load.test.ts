import test from 'ava';
import { NO_BYTES } from '../../src/base/bytes.js';
import { nlmCall } from '../../src/nlm/procedures.js';
import { decodeCall, encodeRefusal, encodeSuccess } from '../../src/rpc/message.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import { Calls, FAULT, LOCK, statusOfReply, syntheticHandles, UNLOCK } from '../../ops/bench/load/calls.js';
import { Histogram } from '../../ops/bench/load/histogram.js';
import { Slots } from '../../ops/bench/load/slots.js';
import { median, ratios } from '../../ops/bench/run/statistics.js';

const HANDLES = syntheticHandles(1000);
const TARGET = { file: 999, owner: 13, offsetHigh: 0x100, offsetLow: 0xffff_ffc0 };

test('a patched call decodes to what was asked for', (t) => {
  const calls = new Calls({ handles: HANDLES, callers: 8 });
  const bytes = Buffer.alloc(2 * calls.bytesMax);
  calls.write(bytes, 0, LOCK, 1, { ...TARGET, file: 0, owner: 0 });
  const end = calls.write(bytes, 0, LOCK, 0xfeed_beef, TARGET);
  t.is(bytes.readUInt32BE(0), 0x8000_0000 + end - 4);
  const reader = new XdrReader(bytes, 4, end);
  const { xid, procedure, refusal } = decodeCall(reader);
  t.deepEqual({ xid, procedure, refusal }, { xid: 0xfeed_beef, procedure: LOCK, refusal: undefined });
  const args = nlmCall(4, 'LOCK')!.args.decode(reader);
  t.is(reader.offset, end);
  const { caller_name, fh, svid, l_offset, l_len } = args.alock;
  t.is<string, string>(caller_name, 'bench-05');
  t.is<string, string>(fh, HANDLES[999]!.toString('latin1'));
  t.is(svid, 1013);
  t.deepEqual(l_offset, { high: 0x100, low: 0xffff_ffc0 });
  t.deepEqual(l_len, { high: 0, low: 32 });
});

test('the locks of two owners of one caller differ in their owner handle', (t) => {
  const calls = new Calls({ handles: HANDLES, callers: 1 });
  const [a, b] = [1, 2].map((owner) => {
    const bytes = Buffer.alloc(calls.bytesMax);
    const reader = new XdrReader(bytes, 4, calls.write(bytes, 0, UNLOCK, 7, { ...TARGET, owner }));
    decodeCall(reader);
    return nlmCall(4, 'UNLOCK')!.args.decode(reader).alock;
  });
  t.is(a!.caller_name, b!.caller_name);
  t.not(a!.oh, b!.oh);
});

test('a reply counts with its xid, its cookie and its status alone', (t) => {
  const reply = (xid: number, cookie: number, stat: 0 | 4): Buffer => {
    const writer = new XdrWriter();
    encodeSuccess(writer, xid);
    writer.uint(8);
    writer.uint(cookie);
    writer.fixed(NO_BYTES);
    writer.uint(0);
    writer.uint(stat);
    return writer.take();
  };
  const status = (bytes: Buffer): number => statusOfReply(bytes, 0, bytes.length, LOCK, 5);
  t.is(status(reply(5, 5, 0)), 0);
  t.is(status(reply(5, 5, 4)), 4);
  t.is(status(reply(6, 5, 0)), FAULT);
  t.is(status(reply(5, 6, 0)), FAULT);
  t.is(status(reply(5, 5, 0).subarray(0, 30)), FAULT);
  const writer = new XdrWriter();
  encodeRefusal(writer, 5, { type: 'SYSTEM_ERR' });
  t.is(status(writer.take()), FAULT);
});

test('a reply finds its slot while the call is in flight, and no other', (t) => {
  const slots = new Slots(48, 12);
  const seen = new Set<number>();
  for (let round = 0; round < 100; round += 1) {
    for (const slot of slots.all) {
      slots.number(slot);
      t.false(seen.has(slot.xid));
      seen.add(slot.xid);
      t.is(slots.find(slot.xid), slot);
      slot.busy = false;
      t.is(slots.find(slot.xid), undefined);
    }
  }
});

test('a percentile is right to three in a hundred, the maximum exact', (t) => {
  const histogram = new Histogram();
  for (let n = 1; n <= 100_000; n += 1) histogram.record(n);
  for (const share of [0.01, 0.5, 0.99, 0.999]) {
    const error = Math.abs(histogram.quantile(share) / (share * 100_000) - 1);
    t.true(error < 0.035, `${share}: ${error}`);
  }
  t.is(histogram.quantile(1), 100_000);
  t.is(histogram.max, 100_000);
});

test('the median of an even number of rounds is between the middle two; ratios are taken round by round', (t) => {
  t.is(median([4, 1, 3, 2]), 2.5);
  t.is(median([9]), 9);
  t.deepEqual(ratios([10, 30], [5, 10]), [2, 3]);
});
