/**
 * The text of a checkpoint (C2SP tlog-checkpoint): what a group's ledger was at one position, for whoever keeps it
 * elsewhere. Signed as a note (signing/note.ts).
 *
 *     origin                             a name for the nodes' ledgers, "/", the group; the key's name too
 *     size                               the position: so many entries
 *     root                               of the Merkle tree over them, base64
 *     epoch N
 *     time 2031-02-03T03:12:04.000Z      of the entry at that position
 *     chain H                            the SHA-256 of that entry, base64
 *     frontier H H ...                   roots of the whole subtrees, largest first: the tree grows on from here without
 *                                        the entries
 *
 * A reader passes over lines that it does not know, as witnesses do over all but the first three.
 */

import { LedgerError } from '../../base/errors.js';
import type { Position } from '../../ledger/port.js';
import { parseNote, signNote, verifiedBy, type TrustedKey } from '../../signing/note.js';
import type { SigningKey } from '../../signing/nkey.js';
import { rootOf, subtreeCount, type Frontier, type Hash } from './merkle.js';

export interface SignedState {
  readonly origin: string;
  readonly size: Position;
  readonly root: Hash;
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Chain hash at the position. */
  readonly chain: Hash;
  /** Undefined in a checkpoint of another program. */
  readonly frontier: Frontier | undefined;
}

/** Characters of an origin: no space, no plus, as in the name of a key. */
export const ORIGIN = /^[^\s+/][^\s+]{0,199}$/;

export function signState(
  state: Omit<SignedState, 'root' | 'frontier'> & { readonly frontier: Frontier },
  key: SigningKey,
): string {
  const { origin, size, epoch, time, chain, frontier } = state;
  const lines = [
    origin,
    String(size),
    base64(rootOf(frontier.hashes)),
    `epoch ${epoch}`,
    `time ${new Date(time).toISOString()}`,
    `chain ${base64(chain)}`,
    `frontier ${frontier.hashes.map(base64).join(' ')}`,
  ];
  return signNote(`${lines.join('\n')}\n`, origin, key);
}

/** @throws LedgerError 'bad-request' */
export function readState(note: string): SignedState {
  const { text } = parseNote(note);
  const [origin = '', size = '', root = '', ...rest] = text.split('\n');
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw noCheckpoint('its second line is no size');
  const fields = new Map(rest.map((line) => [line.split(' ', 1)[0], line.slice(line.indexOf(' ') + 1)]));
  const hashes = (fields.get('frontier') ?? '').split(' ').filter((word) => word !== '');
  const frontier = fields.has('frontier') ? { size: Number(size), hashes: hashes.map(hashOf) } : undefined;
  const state = {
    origin,
    size: Number(size),
    root: hashOf(root),
    epoch: Number(fields.get('epoch') ?? 0),
    time: Date.parse(fields.get('time') ?? '1970-01-01T00:00:00Z'),
    chain: hashOf(fields.get('chain') ?? base64(new Uint8Array(32))),
    frontier,
  };
  if (
    frontier !== undefined &&
    (frontier.hashes.length !== subtreeCount(frontier.size) ||
      !rootOf(frontier.hashes).every((byte, i) => byte === state.root[i]))
  ) {
    throw noCheckpoint('its root is not that of its frontier');
  }
  return state;
}

/** The state, if one of the keys signed it. @throws LedgerError 'bad-request', 'refused' */
export function readSigned(note: string, keys: readonly TrustedKey[]): SignedState {
  const state = readState(note);
  if (verifiedBy(parseNote(note), keys).length === 0) {
    throw new LedgerError('refused', 'the checkpoint is signed by none of the keys that were given: --key KEY');
  }
  return state;
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** A SHA-256 in base64. @throws LedgerError 'bad-request' */
export function hashOf(text: string): Hash {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== text)
    throw noCheckpoint(`${JSON.stringify(text.slice(0, 60))} is no SHA-256 in base64`);
  return bytes;
}

function noCheckpoint(why: string): LedgerError {
  return new LedgerError('bad-request', `not a checkpoint of a ledger: ${why}`);
}
