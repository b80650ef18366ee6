/** From file handles to file systems and files. */

import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { bytesFrom, bytesFromHex, type Bytes } from '../../src/base/bytes.js';
import { LedgerError } from '../../src/base/errors.js';
import { decodeGaneshaHandle } from '../../src/handles/ganesha.js';
import { fileSystemName, fileSystemNameOfFsid, HandleMap, type ExportOptions } from '../../src/handles/map.js';

/** As NFS-Ganesha 4.3 sent it to a Linux client: export 77, ext4. */
const GOLDEN_HEX = '4300004d1244562c02f171c2cf3601268021004b0605f400';
const GOLDEN = bytesFromHex(GOLDEN_HEX);
const FSID = 'f1022c5636cfc271';
const KEY = bytesFromHex('44562c02f171c2cf3601268021004b0605f4');

const ganesha = (options: { path?: string; fileSystem?: string; exportId?: number; fsid?: string }): ExportOptions => ({
  path: options.path ?? '/srv',
  fileSystem: options.fileSystem,
  handle: { format: 'ganesha', exportId: options.exportId, fsid: options.fsid },
});

test('a handle of Ganesha gives its export, f_fsid, inode and generation', (t) => {
  t.deepEqual(decodeGaneshaHandle(GOLDEN), {
    exportId: 77,
    fsid: FSID,
    key: KEY,
    inode: 0x00218026,
    generation: 0xf405064b,
  });
});

test('the three words of tmpfs are a generation and an inode of 64 bits', (t) => {
  const opaque = '44' + '562c02f171c2cf36' + '01' + '4b0605f4' + '26802100' + '01000000';
  const fh = bytesFromHex(`4300004d${(opaque.length / 2).toString(16)}${opaque}0000`);
  t.like(decodeGaneshaHandle(fh), { inode: 0x1_0021_8026, generation: 0xf405064b });
});

test('two exports of one tree are one file (hazard 3)', (t) => {
  const map = new HandleMap([ganesha({ path: '/a', exportId: 77 }), ganesha({ path: '/b', exportId: 78 })]);
  const a = map.lookup(GOLDEN);
  const b = map.lookup(bytesFromHex(GOLDEN_HEX.replace('004d', '004e')));
  t.deepEqual(a, { key: KEY, fileSystem: `fsid:${FSID}`, export: '/a' });
  t.deepEqual(b, { key: KEY, fileSystem: `fsid:${FSID}`, export: '/b' });
});

test('a file system has one name, whichever export its handle came through', (t) => {
  const exports = [
    ganesha({ path: '/b', exportId: 78 }),
    ganesha({ path: '/a', exportId: 77, fsid: FSID, fileSystem: 'home' }),
  ];
  const map = new HandleMap(exports);
  t.is(map.lookup(GOLDEN)?.fileSystem, 'home');
  t.is(map.lookup(bytesFromHex(GOLDEN_HEX.replace('004d', '004e')))?.fileSystem, 'home');
  t.is(fileSystemName(exports[1]!, exports), 'home');
  t.is(fileSystemName(exports[0]!, exports), undefined, 'stands in each handle');
  t.is(fileSystemNameOfFsid(FSID.toUpperCase(), exports), 'home');
});

test('two names for one file system, or a name without its fsid, are refused', (t) => {
  const two = [ganesha({ fsid: FSID, fileSystem: 'a' }), ganesha({ fsid: `00${FSID}`.slice(-16), fileSystem: 'b' })];
  for (const exports of [two, [ganesha({ fileSystem: 'a', exportId: 77 })]]) {
    t.is(t.throws(() => new HandleMap(exports), { instanceOf: LedgerError }).code, 'bad-configuration');
  }
});

const matches = (exportId?: number, fsid?: string): boolean =>
  new HandleMap([
    ganesha({ ...(exportId === undefined ? {} : { exportId }), ...(fsid === undefined ? {} : { fsid }) }),
  ]).lookup(GOLDEN) !== undefined;

test('an export matches by its number, by the f_fsid as stat prints it, or by both', (t) => {
  t.true(matches());
  t.true(matches(77));
  t.false(matches(76));
  t.true(matches(undefined, FSID.toUpperCase()));
  t.true(matches(77, FSID));
  t.false(matches(76, FSID));
  t.false(matches(77, '1'));
});

test('leading zeros of an fsid are dropped as stat drops them', (t) => {
  const zeroHigh = bytesFromHex(GOLDEN_HEX.replace('562c02f171c2cf36', '000000007f000000'));
  t.is(decodeGaneshaHandle(zeroHigh)?.fsid, '7f');
  t.not(new HandleMap([ganesha({ fsid: '000000000000007f' })]).lookup(zeroHigh), undefined);
});

test('a handle that ends early, is of another version or has too long a tail is not of Ganesha', (t) => {
  for (let length = 0; length < 23; length++) t.is(decodeGaneshaHandle(GOLDEN.slice(0, length) as Bytes), undefined);
  t.is(decodeGaneshaHandle(bytesFromHex(`42${GOLDEN_HEX.slice(2)}`)), undefined);
  t.is(decodeGaneshaHandle(bytesFromHex(`${GOLDEN_HEX}00000000`)), undefined);
});

test('without a known kernel handle there is no inode, and the file is known all the same', (t) => {
  const other = decodeGaneshaHandle(bytesFromHex(GOLDEN_HEX.replace('cf3601', 'cf3681')));
  t.is(other?.inode, undefined);
  t.is(other?.key.length, 18);
});

const entry = (path: string, prefix: string): ExportOptions => ({
  path,
  fileSystem: 'scratch',
  handle: { format: 'prefix', prefix, mask: 'ff00ff', keyFrom: 3 },
});

test('a prefix matches under its mask, and keyFrom makes two exports of one tree one file', (t) => {
  const map = new HandleMap([entry('/a', '010007'), entry('/b', '010008')]);
  const a = map.lookup(bytesFromHex('01aa07beef'));
  const b = map.lookup(bytesFromHex('01bb08beef'));
  t.is(a?.export, '/a');
  t.is(b?.export, '/b');
  t.is(a?.key, b?.key);
  t.is(map.lookup(bytesFromHex('02aa07beef')), undefined);
  t.is(map.lookup(bytesFromHex('01aa')), undefined);
  t.is(map.lookup(bytesFromHex('01aa07')), undefined, 'no byte of a key');
});

test('keys from an offset are not shared by two file systems', (t) => {
  const map = new HandleMap([
    { path: '/a', handle: { format: 'prefix', prefix: '01', keyFrom: 1 } },
    { path: '/b', handle: { format: 'prefix', prefix: '02', keyFrom: 1 } },
  ]);
  t.not(map.lookup(bytesFromHex('01beef'))?.key, map.lookup(bytesFromHex('02beef'))?.key);
});

test('a catch-all is asked last, wherever it stands', (t) => {
  const map = new HandleMap([{ path: '/rest', handle: { format: 'any' } }, ganesha({ path: '/a', exportId: 77 })]);
  t.is(map.lookup(GOLDEN)?.export, '/a');
  t.deepEqual(map.lookup(bytesFromHex('beef')), { key: bytesFromHex('beef'), fileSystem: '/rest', export: '/rest' });
});

test('a handle that maps to nothing is unmapped, the first time and every time', (t) => {
  const map = new HandleMap([ganesha({ exportId: 76 })]);
  t.is(map.lookup(GOLDEN), undefined);
  t.is(map.lookup(GOLDEN), undefined);
});

test('more handles than the cache keeps are answered as well', (t) => {
  const map = new HandleMap([{ path: '/x', handle: { format: 'prefix', prefix: '01' } }]);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 10_000; i++) {
      const fh = bytesFromHex(`01${i.toString(16).padStart(8, '0')}`);
      if (map.lookup(fh)?.key !== fh) t.fail();
    }
  }
  t.pass();
});

testProp('no bytes make a lookup throw', [fc.uint8Array({ maxLength: 80 }), fc.boolean()], (t, bytes, isLike) => {
  if (isLike) bytes[0] = 0x43;
  const map = new HandleMap([ganesha({}), { path: '/p', handle: { format: 'prefix', prefix: '0102', keyFrom: 60 } }]);
  t.notThrows(() => map.lookup(bytesFrom(bytes)));
});
