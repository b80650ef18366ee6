/**
 * Opaque bytes as text and back, for people and JSON: what is printable UTF-8 stands as it is, anything else (and the
 * backslash) as `\xNN`. Reversible, so that a name that `locks` prints can be given to `unlock-client`.
 */

import { isUtf8 } from 'node:buffer';
import { bytesFrom, bytesToBuffer, type Bytes } from '../base/bytes.js';

const ESCAPE = /\\x([0-9a-f]{2})/gi;
const PLAIN_ASCII = /^[ -[\]-~]*$/;
const NOT_PLAIN_ASCII = /[^ -[\]-~]/g;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\\]/gu;
const ESCAPES = Array.from({ length: 256 }, (_, byte) => `\\x${byte.toString(16).padStart(2, '0')}`);

export function textOfBytes(bytes: Bytes): string {
  if (PLAIN_ASCII.test(bytes)) return bytes;
  const buffer = bytesToBuffer(bytes);
  if (!isUtf8(buffer)) return bytes.replace(NOT_PLAIN_ASCII, escaped);
  return buffer.toString('utf8').replace(UNPRINTABLE, (character) => {
    const encoded = character < '\x80' ? character : bytesFrom(Buffer.from(character, 'utf8'));
    return encoded.replace(NOT_PLAIN_ASCII, escaped);
  });
}

export function bytesOfText(text: string): Bytes {
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of text.matchAll(ESCAPE)) {
    parts.push(Buffer.from(text.slice(from, match.index), 'utf8'), Buffer.from(match[1] ?? '', 'hex'));
    from = match.index + match[0].length;
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'));
  return bytesFrom(Buffer.concat(parts));
}

function escaped(byte: string): string {
  return ESCAPES[byte.charCodeAt(0)]!;
}
