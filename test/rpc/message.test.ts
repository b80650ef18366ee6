import test from 'ava';
import { AUTH_NONE, AUTH_SYS, encodeAuthSys, NO_CREDENTIAL } from '../../src/rpc/auth.js';
import {
  decodeCall,
  decodeReply,
  encodeCall,
  encodeRefusal,
  encodeSuccess,
  type Refusal,
} from '../../src/rpc/message.js';
import { XdrError } from '../../src/xdr/error.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import { acceptedHeader, callHeader, counted, join, text, word, type Octets } from '../support/builder.js';

const PARMS = { stamp: 0, machinename: text('client1'), uid: 1000, gid: 100, gids: [4, 24] };
const header = (...numbers: readonly number[]): Octets => numbers.flatMap((n) => word(n));

test('a call is read up to its arguments, with either credential', (t) => {
  for (const isSys of [false, true]) {
    const bytes = join(callHeader(0x8000_0001, 100021, 4, 2, isSys), word(7));
    const reader = new XdrReader(bytes);
    const flavor = isSys ? AUTH_SYS : AUTH_NONE;
    t.deepEqual(decodeCall(reader), {
      xid: 0x8000_0001,
      program: 100021,
      version: 4,
      procedure: 2,
      flavor,
      refusal: undefined,
    });
    t.is(reader.uint(), 7);
    const writer = new XdrWriter();
    const credential = isSys ? encodeAuthSys(PARMS) : NO_CREDENTIAL;
    encodeCall(writer, { xid: 0x8000_0001, program: 100021, version: 4, procedure: 2, credential });
    writer.uint(7);
    t.deepEqual(writer.take(), bytes);
  }
});

test('a call cut before its procedure is no call; cut after it, it is answered AUTH_ERROR', (t) => {
  const bytes = join(callHeader(9, 100021, 4, 2, true));
  const verifierAt = bytes.length - 8;
  for (let end = 0; end < bytes.length; end += 1) {
    const reader = new XdrReader(bytes, 0, end);
    if (end < 24) t.throws(() => decodeCall(reader), { instanceOf: XdrError });
    else t.deepEqual(decodeCall(reader).refusal, { type: 'AUTH_ERROR', auth_stat: end < verifierAt ? 1 : 3 });
  }
});

test('a reply is no call', (t) => {
  t.throws(() => decodeCall(new XdrReader(join(acceptedHeader(1, 0)))), { instanceOf: XdrError });
});

test('another version of RPC is refused with the only one there is', (t) => {
  for (const rpcvers of [0, 1, 3, 0xffff_ffff]) {
    const call = decodeCall(new XdrReader(join(header(5, 0, rpcvers))));
    t.is(call.xid, 5);
    t.deepEqual(call.refusal, { type: 'RPC_MISMATCH', low: 2, high: 2 });
  }
});

test('a credential that is not served, too long or not what it says is refused as AUTH_BADCRED', (t) => {
  const refusalOf = (...credential: readonly number[]): Refusal | undefined =>
    decodeCall(new XdrReader(join(header(5, 0, 2, 100021, 4, 2), credential, header(0, 0)))).refusal;
  const refused = { type: 'AUTH_ERROR', auth_stat: 1 } as const;
  t.is(refusalOf(...header(AUTH_NONE, 0)), undefined);
  t.is(refusalOf(...header(AUTH_NONE, 4, 99)), undefined);
  t.is(refusalOf(...header(AUTH_NONE, 400, ...Array<number>(100).fill(0))), undefined);
  t.deepEqual(refusalOf(...header(AUTH_NONE, 401, ...Array<number>(101).fill(0))), refused);
  t.deepEqual(refusalOf(...header(AUTH_NONE, 0xffff_ffff)), refused);
  for (const flavor of [2, 3, 6, 0xffff_ffff]) t.deepEqual(refusalOf(...header(flavor, 0)), refused);
  t.deepEqual(refusalOf(...header(AUTH_SYS, 0)), refused, 'an AUTH_SYS body that ends early');
  t.deepEqual(refusalOf(...header(AUTH_SYS, 20, 0, 256, 0, 0, 0)), refused, 'a machine name beyond 255');
  t.deepEqual(refusalOf(...header(AUTH_SYS, 20, 0, 0, 0, 0, 17)), refused, 'more than 16 groups');
  t.is(refusalOf(...header(AUTH_SYS, 20, 0, 0, 0, 0, 0)), undefined);
});

test('a verifier is AUTH_NONE', (t) => {
  const call = decodeCall(new XdrReader(join(header(5, 0, 2, 100021, 4, 2, 0, 0, 6, 0))));
  t.deepEqual(call.refusal, { type: 'AUTH_ERROR', auth_stat: 3 });
});

const REFUSALS: readonly (readonly [Refusal, Octets])[] = [
  [{ type: 'PROG_UNAVAIL' }, acceptedHeader(3, 1)],
  [{ type: 'PROG_MISMATCH', low: 1, high: 4 }, [...acceptedHeader(3, 2), ...header(1, 4)]],
  [{ type: 'PROC_UNAVAIL' }, acceptedHeader(3, 3)],
  [{ type: 'GARBAGE_ARGS' }, acceptedHeader(3, 4)],
  [{ type: 'SYSTEM_ERR' }, acceptedHeader(3, 5)],
  [{ type: 'RPC_MISMATCH', low: 2, high: 2 }, header(3, 1, 1, 0, 2, 2)],
  [{ type: 'AUTH_ERROR', auth_stat: 1 }, header(3, 1, 1, 1, 1)],
];

for (const [refusal, octets] of REFUSALS) {
  test(`${refusal.type} is exact, byte for byte, and read again; every truncation is an XdrError`, (t) => {
    const writer = new XdrWriter();
    encodeRefusal(writer, 3, refusal);
    const bytes = writer.take();
    t.deepEqual(bytes, join(octets));
    t.deepEqual(decodeReply(new XdrReader(bytes)), { xid: 3, ...refusal });
    for (let end = 0; end < bytes.length; end += 1) {
      t.throws(() => decodeReply(new XdrReader(bytes, 0, end)), { instanceOf: XdrError });
    }
  });
}

test('SUCCESS leaves the reader at the result, whatever the verifier', (t) => {
  const writer = new XdrWriter();
  encodeSuccess(writer, 3);
  t.deepEqual(writer.take(), join(acceptedHeader(3, 0)));
  const reader = new XdrReader(join(header(3, 1, 0, 1), counted('short-hand'), header(0, 42)));
  t.deepEqual(decodeReply(reader), { xid: 3, type: 'SUCCESS' });
  t.is(reader.uint(), 42);
});

test('a reply with a status that is none, and a call, are refused', (t) => {
  for (const numbers of [
    [3, 0, 2, 1, 1, 1],
    [3, 1, 2],
    [3, 1, 1, 2],
    [3, 1, 0, 0, 0, 6],
    [3, 1, 0, 0, 401],
  ]) {
    t.throws(() => decodeReply(new XdrReader(join(header(...numbers)))), { instanceOf: XdrError });
  }
});
