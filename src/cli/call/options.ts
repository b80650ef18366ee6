/** The options of `call`, read into the arguments of NLM 4. */

import { createHash } from 'node:crypto';
import { bytesFrom, bytesFromHex, type Bytes } from '../../base/bytes.js';
import { LedgerError } from '../../base/errors.js';
import { u64FromBigInt, type U64 } from '../../base/u64.js';
import { bytesOfText } from '../../admin/text.js';
import type { NlmLock } from '../../nlm/types.js';

export interface LockOptions {
  readonly file?: string;
  readonly fh?: string;
  readonly offset: string;
  readonly length: string;
  readonly svid: string;
  readonly oh?: string;
  readonly caller: string;
}

const HANDLE_BYTES_MAX = 64;
const NAMED_HANDLE_BYTES = 16;
const U64_MAX = 2n ** 64n - 1n;

export function lockOf(options: LockOptions): NlmLock {
  const svid = integerOf('--svid', options.svid, -(2 ** 31), 2 ** 32 - 1) | 0;
  return {
    caller_name: bytesOfText(options.caller),
    fh: handleOf(options),
    oh: bytesOfText(options.oh ?? `${svid}@${options.caller}`),
    svid,
    l_offset: u64Of('--offset', options.offset),
    l_len: u64Of('--length', options.length),
  };
}

/** A name stands for a handle of its own: the first bytes of its SHA-256. */
export function handleOf({ file, fh }: Pick<LockOptions, 'file' | 'fh'>): Bytes {
  if (fh !== undefined && file !== undefined) throw usage('give --file or --fh, not both');
  if (file !== undefined) {
    return bytesFrom(createHash('sha256').update(file, 'utf8').digest().subarray(0, NAMED_HANDLE_BYTES));
  }
  if (fh === undefined) throw usage('which file? give --file NAME, or --fh HEX with its NFS file handle');
  if (!/^(?:[0-9a-f]{2})+$/i.test(fh) || fh.length > HANDLE_BYTES_MAX * 2) {
    throw usage(`--fh takes 1 to ${HANDLE_BYTES_MAX} bytes in hex`);
  }
  return bytesFromHex(fh);
}

export function integerOf(option: string, text: string, min: number, max: number): number {
  const value = /^-?[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw usage(`${option} takes a whole number from ${min} to ${max}, not ${JSON.stringify(text)}`);
}

function u64Of(option: string, text: string): U64 {
  const value = /^[0-9]{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value <= U64_MAX) return u64FromBigInt(value);
  throw usage(`${option} takes a whole number from 0 to ${U64_MAX}, not ${JSON.stringify(text)}`);
}

function usage(message: string): LedgerError {
  return new LedgerError('bad-request', message, { details: { next: 'see: nlm-ledger call --help' } });
}
