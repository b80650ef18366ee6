/**
 * Payloads on the bus: JSON where the first byte is `{` (a plain `nats req` names no content type), else msgpack.
 * Nothing at all is an empty object, in JSON.
 */

import { decode, encode } from '@msgpack/msgpack';
import { LedgerError } from '../base/errors.js';

export type PayloadFormat = 'json' | 'msgpack';

const BRACE = 0x7b;

export function formatOf(payload: Uint8Array): PayloadFormat {
  return payload.length === 0 || payload[0] === BRACE ? 'json' : 'msgpack';
}

/** @throws LedgerError 'bad-request' */
export function decodePayload(payload: Uint8Array): unknown {
  if (payload.length === 0) return {};
  const format = formatOf(payload);
  try {
    return format === 'json' ? JSON.parse(utf8.decode(payload)) : decode(payload);
  } catch (cause) {
    const what = format === 'json' ? 'JSON' : 'msgpack, nor JSON that begins with {';
    throw new LedgerError('bad-request', `the payload is not ${what}`, { cause });
  }
}

export function encodePayload(value: object, format: PayloadFormat): Uint8Array {
  return format === 'json' ? Buffer.from(JSON.stringify(value)) : encode(value, { ignoreUndefined: true });
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
