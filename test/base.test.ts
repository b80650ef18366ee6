import test from 'ava';
import { murmur3 } from '../src/base/murmur3.js';
import {
  addU64,
  compareU64,
  decrementU64,
  incrementU64,
  U64_MAX,
  u64FromBigInt,
  u64ToBigInt,
  u64ToString,
} from '../src/base/u64.js';

const EDGES = [
  0n,
  1n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

test('unsigned 64-bit integers are exact at every edge', (t) => {
  for (const a of EDGES) {
    t.is(u64ToBigInt(u64FromBigInt(a)), a);
    t.is(u64ToString(u64FromBigInt(a)), a.toString());
    for (const b of EDGES) {
      t.is(Math.sign(compareU64(u64FromBigInt(a), u64FromBigInt(b))), a < b ? -1 : a > b ? 1 : 0);
      const sum = addU64(u64FromBigInt(a), u64FromBigInt(b));
      t.is(sum === undefined ? undefined : u64ToBigInt(sum), a + b < 2n ** 64n ? a + b : undefined);
    }
    if (a < 2n ** 64n - 1n) t.is(u64ToBigInt(incrementU64(u64FromBigInt(a))), a + 1n);
    if (a > 0n) t.is(u64ToBigInt(decrementU64(u64FromBigInt(a))), a - 1n);
  }
  t.is(u64ToBigInt(U64_MAX), 2n ** 64n - 1n);
});

test('MurmurHash3 gives the published values', (t) => {
  const of = (text: string) =>
    murmur3(new DataView(Uint8Array.from(Buffer.from(text)).buffer), 0, Buffer.byteLength(text));
  t.is(of(''), 0);
  t.is(of('test'), 0xba6bd213);
  t.is(of('Hello, world!'), 0xc0363e43);
  t.is(of('The quick brown fox jumps over the lazy dog'), 0x2e4ff723);
});
