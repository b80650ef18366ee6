/** Checks a proof against checkpoints that somebody kept, with nothing else: no ledger, no node. Behind `audit check-proof`. */

import { LedgerError } from '../../base/errors.js';
import { decodeEntry } from '../../ledger/entry.js';
import type { Entry } from '../../ledger/port.js';
import type { TrustedKey } from '../../signing/note.js';
import { hashOf, readSigned, type SignedState } from './checkpoint.js';
import { provesConsistency, provesInclusion } from './check-proof.js';

export type Checked =
  | { readonly type: 'inclusion'; readonly holds: boolean; readonly entry: Entry; readonly checkpoint: SignedState }
  | {
      readonly type: 'consistency';
      readonly holds: boolean;
      readonly first: SignedState;
      readonly second: SignedState;
    };

/** Hashes of one path: the tree of 2^53 entries has no longer one. */
const PATH_MAX = 128;

/**
 * `notes`: the checkpoint, or for a consistency proof the two, the older one first. All are of the group, and signed by
 * one of the keys. @throws LedgerError 'bad-request', 'refused'
 */
export function checkProof(proof: string, notes: readonly string[], keys: readonly TrustedKey[]): Checked {
  const fields = readProof(proof);
  const path = fields.path.map(hashOf);
  const states = notes.map((note) => readSigned(note, keys));
  const other = states.find(({ origin }) => !origin.endsWith(`/${fields.group}`) || origin !== states[0]?.origin);
  if (other !== undefined) throw wrong(`the checkpoint is of ${other.origin}, and the proof of group ${fields.group}`);
  if (fields.type === 'inclusion') {
    const [checkpoint, ...more] = states;
    if (checkpoint === undefined || more.length > 0) throw wrong('a proof that an entry is there needs one checkpoint');
    const bytes = Buffer.from(fields.entry, 'base64');
    const entry = decodeEntry(bytes);
    const isIts = checkpoint.size === fields.size && entry.position === fields.position && entry.group === fields.group;
    const holds = isIts && provesInclusion(bytes, fields.position, fields.size, path, checkpoint.root);
    return { type: 'inclusion', holds, entry, checkpoint };
  }
  const [first, second, ...more] = states;
  if (first === undefined || second === undefined || more.length > 0) {
    throw wrong(
      'a consistency proof needs its two checkpoints, the older one first: --checkpoint OLD --checkpoint NEW',
    );
  }
  const isTheirs = first.size === fields.first && second.size === fields.second;
  const holds = isTheirs && provesConsistency(first.size, first.root, second.size, second.root, path);
  return { type: 'consistency', holds, first, second };
}

type Fields = { readonly group: string; readonly path: readonly string[] } & (
  | { readonly type: 'inclusion'; readonly position: number; readonly size: number; readonly entry: string }
  | { readonly type: 'consistency'; readonly first: number; readonly second: number }
);

function readProof(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LedgerError('bad-request', 'not a proof: it is not JSON', { cause });
  }
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const { type, group, path } = fields;
  if (
    typeof group !== 'string' ||
    !Array.isArray(path) ||
    path.length > PATH_MAX ||
    !path.every((each) => typeof each === 'string')
  ) {
    throw wrong('not a proof: its group or its path is missing');
  }
  const number = (name: string): number => {
    const found = fields[name];
    if (typeof found !== 'number' || !Number.isSafeInteger(found) || found < 1)
      throw wrong(`not a proof: ${name} is no position`);
    return found;
  };
  if (type === 'consistency') return { type, group, path, first: number('first'), second: number('second') };
  const { entry } = fields;
  if (type !== 'inclusion' || typeof entry !== 'string')
    throw wrong('not a proof: its type is neither inclusion nor consistency');
  return { type, group, path, position: number('position'), size: number('size'), entry };
}

function wrong(why: string): LedgerError {
  return new LedgerError('bad-request', why);
}
