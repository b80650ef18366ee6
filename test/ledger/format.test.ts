import test from 'ava';
import {
  encodeFrame,
  encodeHeader,
  encodeMark,
  FRAME_ENTRY,
  FRAME_MARK,
  frameBytes,
  HEADER_BYTES,
  parseFrame,
  parseHeader,
  parseMark,
} from '../../src/ledger/file/format.js';

const HEADER = {
  salt: 0xa1b2c3d4,
  first: 0x1_0000_0002,
  segmentBefore: 77,
  group: 'default',
  before: { position: 0x1_0000_0001, epoch: 3, time: 1_700_000_000_000, hash: Buffer.alloc(32, 0xee) },
};

test('the bytes of a segment header are pinned', (t) => {
  const bytes = encodeHeader(HEADER);
  const picture = [
    '4e4c4d4c45444752', // magic
    '01000000', // version
    'd4c3b2a1', // salt
    '0200000001000000', // first position
    '4d00000000000000', // first position of the segment before
    '0300000000000000', // epoch
    '0068e5cf8b010000', // time
    'ee'.repeat(32), // hash
    '07' + Buffer.from('default').toString('hex') + '00'.repeat(56), // group
    '1dc4fa5f', // CRC-32
    '00'.repeat(12),
  ].join('');
  t.is(bytes.toString('hex'), picture);
  t.deepEqual(parseHeader(bytes), { type: 'valid', header: HEADER });
});

test('the bytes of an entry frame and of a mark are pinned', (t) => {
  const target = Buffer.alloc(128, 0xff);
  const size = encodeFrame(target, FRAME_ENTRY, HEADER.salt, Buffer.from('0123456789'));
  t.is(size, 32);
  t.is(
    target.subarray(0, size).toString('hex'),
    ['0a000000', 'd496b920', '01000000', 'd4c3b2a1', '30313233343536373839', '000000000000'].join(''),
  );
  const mark = encodeMark(HEADER.before);
  t.is(mark.toString('hex'), '0100000001000000' + 'ee'.repeat(32));
  t.is(encodeFrame(target, FRAME_MARK, 1, mark), 56);
  t.deepEqual(parseMark(mark), { position: HEADER.before.position, hash: mark.subarray(8) });
});

test('a flipped bit anywhere in a header or a frame is seen', (t) => {
  const header = encodeHeader(HEADER);
  const checked = HEADER_BYTES - 12; // the twelve zeros at the end carry nothing
  for (let bit = 0; bit < checked * 8; bit++) {
    const bytes = Buffer.from(header);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    t.not(parseHeader(bytes).type, 'valid');
  }
  const frame = Buffer.alloc(frameBytes(21));
  encodeFrame(frame, FRAME_ENTRY, 99, Buffer.alloc(21, 0x41));
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const bytes = Buffer.from(frame);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    t.not(parseFrame(bytes, 0, 99).type, 'valid');
  }
});

test('a header or a frame cut anywhere is never valid, and no length is believed', (t) => {
  const header = encodeHeader(HEADER);
  for (let i = 0; i < HEADER_BYTES; i++) t.not(parseHeader(header.subarray(0, i)).type, 'valid');
  const frame = Buffer.alloc(frameBytes(21));
  encodeFrame(frame, FRAME_ENTRY, 99, Buffer.alloc(21, 0x41));
  for (let i = 0; i < frame.length; i++) t.is(parseFrame(frame.subarray(0, i), 0, 99).type, 'partial');
  frame.writeUInt32LE(0xffff_ffff, 0);
  t.is(parseFrame(frame, 0, 99).type, 'bad');
  t.is(parseFrame(Buffer.alloc(64), 0, 99).type, 'zero');
});

test('a newer header is known by its version, whatever follows', (t) => {
  const bytes = encodeHeader(HEADER).subarray(0, 12);
  bytes.writeUInt32LE(9, 8);
  t.deepEqual(parseHeader(bytes), { type: 'newer', version: 9 });
});
