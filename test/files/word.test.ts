import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { bytesFrom, type Bytes } from '../../src/base/bytes.js';
import { field, onlyWord } from '../../src/doors/files/word.js';

const read = (text: string): string | undefined => onlyWord(text as Bytes);

test('a word ends with a newline, and blanks may stand around it', (t) => {
  t.is(read('10.1.1.2\n'), '10.1.1.2');
  t.is(read('  10.1.1.2  \n'), '10.1.1.2');
  t.is(read('10.1.1.2'), undefined);
  t.is(read(''), undefined);
});

test('a line without a word is refused', (t) => {
  t.is(read('\n'), undefined);
  t.is(read('   \n'), undefined);
  t.is(read('\\x\n'), undefined);
});

test('anything behind the word is refused', (t) => {
  t.is(read('10.1.1.2 10.1.1.3\n'), undefined);
  t.is(read('10.1.1.2\n10.1.1.3\n'), undefined);
  t.is(read('10.1.1.2\n\n'), undefined);
  t.is(read('\\x31 x\n'), undefined);
});

test('a tab and a carriage return belong to the word, as in the kernel', (t) => {
  t.is(read('10.1.1.2\r\n'), '10.1.1.2\r');
  t.is(read('a\tb\n'), 'a\tb');
});

test('\\nnn is a byte, up to \\377', (t) => {
  t.is(read('/srv/a\\040b\n'), '/srv/a b');
  t.is(read('\\377\n'), '\xff');
  t.is(read('\\400\n'), '\\400');
  t.is(read('\\08x\n'), '\\08x');
  t.is(read('a\\\\b\n'), 'a\\\\b');
});

test('\\x begins a word of hex, which nothing else may follow', (t) => {
  t.is(read('\\x2f737276\n'), '/srv');
  t.is(read('\\x2F\n'), '/');
  t.is(read('\\x2f7\n'), undefined);
  t.is(read('\\x2fzz\n'), undefined);
});

test('a byte 0 is refused however it is written', (t) => {
  t.is(read('a\0b\n'), undefined);
  t.is(read('a\\000b\n'), undefined);
  t.is(read('\\x6100\n'), undefined);
});

testProp(
  'every word without a 0 can be written with \\nnn, and in hex',
  [fc.uint8Array({ minLength: 1, maxLength: 64 })],
  (t, raw) => {
    const word = raw.map((byte) => (byte === 0 ? 1 : byte));
    const octal = Array.from(word, (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    t.is(read(`${octal}\n`), bytesFrom(word));
    t.is(read(`\\x${Buffer.from(word).toString('hex')}\n`), bytesFrom(word));
  },
);

testProp('a field is never empty, and has no blank and no newline in it', [fc.string()], (t, text) => {
  t.regex(field(text), /^[^ \n\t]+$/);
});

test('a field that is empty is a dash, and a dash is escaped', (t) => {
  t.is(field(''), '-');
  t.is(field('-'), '\\055');
  t.is(field('a b\\c'), 'a\\040b\\134c');
});
