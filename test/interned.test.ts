import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { bytesFrom } from '../src/base/bytes.js';
import { Interned } from '../src/base/interned.js';

function viewOf({ buffer, byteOffset, byteLength }: Buffer): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Few of each, so that the same come again, and ones that differ in their last byte or their length alone. */
const text = fc.stringMatching(/^[ab]{0,3}[abc]{0,66}[abc]$/);

testProp(
  'bytes are found again as they are, whatever stands behind them',
  [fc.array(fc.tuple(text, fc.nat(255)), { minLength: 1, maxLength: 80 })],
  (t, texts) => {
    const interned = new Interned();
    for (const [bytes, filler] of texts) {
      const buffer = Buffer.alloc(3 + bytes.length + 3, filler);
      buffer.write(bytes, 3, 'latin1');
      t.is(interned.at(buffer, viewOf(buffer), 3, bytes.length), bytesFrom(Buffer.from(bytes, 'latin1')));
    }
  },
);

test('more than there is room for come out as they are too', (t) => {
  const interned = new Interned();
  const buffer = Buffer.alloc(12);
  for (let round = 0; round < 2; round += 1) {
    for (let i = 0; i < 40_000; i += 1) {
      buffer.writeUInt32BE(i, 0);
      buffer.writeUInt32BE(Math.imul(i, 0x9e37_79b1) >>> 0, 4);
      if (interned.at(buffer, viewOf(buffer), 0, 9) !== buffer.toString('latin1', 0, 9)) t.fail(String(i));
    }
  }
  t.pass();
});
