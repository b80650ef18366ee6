/**
 * Opaque bytes as text and back, for people and JSON: what is printable UTF-8 stands as it is, anything else (and the
 * backslash) as `\xNN`. Reversible, so that a name that `locks` prints can be given to `unlock-client`.
 */

import { bytesFrom, bytesToBuffer, type Bytes } from '../base/bytes.js';

const ESCAPE = /\\x([0-9a-f]{2})/gi;
const PLAIN_ASCII = /^[ -[\]-~]*$/;
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\\]/gu;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function textOfBytes(bytes: Bytes): string {
  if (PLAIN_ASCII.test(bytes)) return bytes;
  const buffer = bytesToBuffer(bytes);
  try {
    return strict.decode(buffer).replace(UNPRINTABLE, (character) => escaped(Buffer.from(character, 'utf8')));
  } catch {
    return Array.from(buffer, (byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : escaped([byte]),
    ).join('');
  }
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

function escaped(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}
