import test from 'ava';
import { fc, testProp } from '@fast-check/ava';
import { bytesOfText, textOfBytes } from '../../src/admin/text.js';
import { bytesFrom, type Bytes } from '../../src/base/bytes.js';

testProp('whatever bytes a name has, its text leads back to them', [fc.uint8Array({ maxLength: 64 })], (t, array) => {
  const bytes = bytesFrom(array);
  const text = textOfBytes(bytes);
  t.is(bytesOfText(text), bytes);
  t.notRegex(text, /\p{C}/u);
});

test('a printable name stands as it is', (t) => {
  t.is(textOfBytes('17@client1' as Bytes), '17@client1');
  t.is(textOfBytes(bytesFrom(Buffer.from('bücher'))), 'bücher');
  t.is(textOfBytes(bytesFrom(Buffer.from([0, 1, 0x5c]))), '\\x00\\x01\\x5c');
});
