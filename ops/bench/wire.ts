/** What the codecs cost: nanoseconds a LOCK call decoded and a LOCK reply encoded, in under two seconds. */
import { bytesFrom, type Bytes } from '../../src/base/bytes.js';
import { U64_ZERO, u64FromNumber } from '../../src/base/u64.js';
import { nlmCall, nlmProcedure, NLM_PROGRAM } from '../../src/nlm/procedures.js';
import { AUTH_SYS, encodeAuthSys } from '../../src/rpc/auth.js';
import { decodeCall, encodeCall, encodeSuccess } from '../../src/rpc/message.js';
import { beginRecord, endRecord, RecordReader } from '../../src/rpc/record.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';

/** Each case runs this long, after as long a warm-up. */
const CASE_MS = 220;
/** Calls in one chunk of the stream, as a client with many in flight sends them. */
const CALLS_IN_CHUNK = 16;

const text = (s: string): Bytes => bytesFrom(Buffer.from(s));

/** A LOCK as a Linux client sends it: 24-byte handle, 4-byte cookie, one-word names. */
function lockCall(writer: XdrWriter, xid: number): void {
  const mark = beginRecord(writer);
  const credential = encodeAuthSys({ stamp: xid, machinename: text('client1'), uid: 0, gid: 0, gids: [0] });
  encodeCall(writer, { xid, program: NLM_PROGRAM, version: 4, procedure: 2, credential });
  nlmCall(4, 'LOCK')?.args.encode(writer, {
    cookie: text('\u0001\u0002\u0003\u0004'),
    block: false,
    exclusive: true,
    alock: {
      caller_name: text('client1'),
      fh: text('f'.repeat(24)),
      oh: text('17@client1'),
      svid: 17,
      l_offset: u64FromNumber(4096 * xid),
      l_len: U64_ZERO,
    },
    reclaim: false,
    state: 3,
  });
  endRecord(writer, mark);
}

const writer = new XdrWriter();
for (let xid = 1; xid <= CALLS_IN_CHUNK; xid += 1) lockCall(writer, xid);
const chunk = writer.take();

const reader = new XdrReader();
const records = new RecordReader({ recordBytesMax: 65_536, fragmentsMax: 16 });
let cookies = 0;
function decodeRecord(buffer: Buffer, start: number, end: number): void {
  const call = decodeCall(reader.reset(buffer, start, end));
  const entry = nlmProcedure(call.version, call.procedure);
  if (call.flavor !== AUTH_SYS || entry?.name !== 'LOCK') throw new Error('not what was encoded');
  cookies += entry.args.decode(reader).cookie.length;
}

const res = { cookie: text('\u0001\u0002\u0003\u0004'), stat: 0 } as const;
const lockEntry = nlmCall(4, 'LOCK');
function encodeReplies(): void {
  writer.reset();
  for (let xid = 1; xid <= CALLS_IN_CHUNK; xid += 1) {
    const mark = beginRecord(writer);
    encodeSuccess(writer, xid);
    lockEntry?.result.encode(writer, res);
    endRecord(writer, mark);
  }
}

const skip = (): void => undefined;
const CASES: readonly [string, () => void][] = [
  ['record marks alone', () => records.push(chunk, skip)],
  ['LOCK call decoded (record, RPC header, arguments)', () => records.push(chunk, decodeRecord)],
  ['LOCK reply encoded (record, RPC header, result)', encodeReplies],
];

function nanosecondsEach(run: () => void, ms: number): number {
  const start = process.hrtime.bigint();
  const end = start + BigInt(ms) * 1_000_000n;
  let now = start;
  let done = 0;
  while (now < end) {
    for (let i = 0; i < 100; i += 1) run();
    done += 100 * CALLS_IN_CHUNK;
    now = process.hrtime.bigint();
  }
  return Number(now - start) / done;
}

for (const [name, run] of CASES) {
  nanosecondsEach(run, CASE_MS);
  console.log(`${nanosecondsEach(run, CASE_MS).toFixed(0).padStart(6)} ns  ${name}`);
}
if (cookies === 0) throw new Error('nothing was decoded');
