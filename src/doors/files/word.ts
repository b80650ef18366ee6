/** Words of a control file, as the kernel reads them (qword_get of net/sunrpc/cache.c) and writes them (qword_add). */

import type { Bytes } from '../../base/bytes.js';

const HEX = /^\\x((?:[0-9A-Fa-f]{2})*)/;
const OCTAL = /\\([0-3][0-7]{2})/g;

/**
 * The only word of a write: its last byte is a newline, spaces may stand around the word, and the word is text with
 * `\nnn` for single bytes, or `\x` and hex. `undefined` is EINVAL: no newline at the end, no word, anything behind it
 * (the kernel's own files overlook what follows a space; we do not), or a byte 0, where a path or address would end.
 */
export function onlyWord(written: Bytes): Bytes | undefined {
  if (!written.endsWith('\n')) return undefined;
  const line = written.slice(0, -1).replace(/^ +/, '');
  const hex = HEX.exec(line);
  const end = hex !== null ? hex[0].length : wordEnd(line);
  if (/[^ ]/.test(line.slice(end))) return undefined;
  const word =
    hex !== null
      ? Buffer.from(hex[1] ?? '', 'hex').toString('latin1')
      : line.slice(0, end).replace(OCTAL, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return word === '' || word.includes('\0') ? undefined : (word as Bytes);
}

function wordEnd(line: string): number {
  const at = line.search(/[ \n\0]/);
  return at < 0 ? line.length : at;
}

/** A field of a line: blanks, backslashes and control characters as `\nnn`; `-` stands for nothing at all. */
export function field(text: string): string {
  if (text === '') return '-';
  if (text === '-') return '\\055';
  // oxlint-disable-next-line no-control-regex -- they are what has to be escaped
  return text.replace(/[\x00-\x20\\\x7f]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
