/**
 * Signed notes (C2SP signed-note): a text and signatures of it that stand below. The form of every checkpoint, so that
 * tools that know nothing of this ledger can check and countersign it.
 *
 *     text, whose last character is a newline
 *     (an empty line)
 *     — <key name> <base64 of: key hash, 4 bytes; signature, 64 bytes>     one line a signature
 *
 * The key hash is the beginning of SHA-256(key name, newline, 0x01, public key), where 0x01 says Ed25519. What is
 * signed is the text.
 */

import { createHash } from 'node:crypto';
import { LedgerError } from '../base/errors.js';
import { KEY_BYTES, readPublicKey, verifies, type SigningKey } from './nkey.js';

/** A checkpoint takes some hundred bytes, and witnesses add a line each. */
const NOTE_BYTES_MAX = 64 * 1024;
const SIGNATURES_MAX = 64;
const ED25519 = 1;
const HASH_BYTES = 4;

export interface NoteSignature {
  readonly name: string;
  readonly keyHash: Uint8Array;
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** Ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A key that a reader trusts: with a name it counts for signatures of that name alone. */
export interface TrustedKey {
  readonly name: string | undefined;
  readonly publicBytes: Uint8Array;
}

export function signNote(text: string, name: string, key: SigningKey): string {
  const signature = Buffer.concat([keyHash(name, key.publicBytes), key.sign(Buffer.from(text))]);
  return `${text}\n— ${name} ${signature.toString('base64')}\n`;
}

/** @throws LedgerError 'bad-request' */
export function parseNote(note: string): SignedNote {
  const split = note.lastIndexOf('\n\n');
  const lines = note.slice(split + 2).split('\n');
  if (Buffer.byteLength(note) > NOTE_BYTES_MAX) throw noNote(`it has more than ${NOTE_BYTES_MAX} bytes`);
  if (split < 1 || lines.pop() !== '') throw noNote('there is no empty line before its signatures');
  if (lines.length > SIGNATURES_MAX) throw noNote(`it has more than ${SIGNATURES_MAX} signatures`);
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

/** Names of the signatures that a trusted key made. Signatures of other keys are passed over, a wrong one is not. */
export function verifiedBy({ text, signatures }: SignedNote, keys: readonly TrustedKey[]): readonly string[] {
  const names: string[] = [];
  for (const { name, keyHash: hash, signature } of signatures) {
    const key = keys.find(
      (one) =>
        (one.name === undefined || one.name === name) &&
        hash.every((byte, i) => keyHash(name, one.publicBytes)[i] === byte),
    );
    if (key === undefined) continue;
    if (!verifies(key.publicBytes, Buffer.from(text), signature)) {
      throw new LedgerError('refused', `the signature of ${name} is wrong: the note was changed after it was signed`);
    }
    names.push(name);
  }
  return names;
}

/** A public nkey, or a verifier key of C2SP: `name+hash+base64`. @throws LedgerError 'bad-request' */
export function readTrustedKey(text: string): TrustedKey {
  const [, name, hash, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  if (name === undefined || encoded === undefined) return { name: undefined, publicBytes: readPublicKey(text) };
  const bytes = Buffer.from(encoded, 'base64');
  const publicBytes = bytes.subarray(1);
  const isRight = bytes[0] === ED25519 && publicBytes.length === KEY_BYTES && bytes.toString('base64') === encoded;
  if (!isRight || keyHash(name, publicBytes).toString('hex') !== hash) {
    throw new LedgerError('bad-request', `${text} is no Ed25519 verifier key: its hash or its length is wrong`);
  }
  return { name, publicBytes };
}

/** The verifier key of C2SP for a name. */
export function verifierKey(name: string, publicBytes: Uint8Array): string {
  const encoded = Buffer.concat([Buffer.from([ED25519]), publicBytes]).toString('base64');
  return `${name}+${keyHash(name, publicBytes).toString('hex')}+${encoded}`;
}

function parseSignature(line: string): NoteSignature {
  const [, name, encoded] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || bytes.length <= HASH_BYTES || bytes.toString('base64') !== encoded) {
    throw noNote(`this is no signature: ${JSON.stringify(line.slice(0, 80))}`);
  }
  return { name, keyHash: bytes.subarray(0, HASH_BYTES), signature: bytes.subarray(HASH_BYTES) };
}

function keyHash(name: string, publicBytes: Uint8Array): Buffer {
  return createHash('sha256')
    .update(name)
    .update('\n')
    .update(Buffer.from([ED25519]))
    .update(publicBytes)
    .digest()
    .subarray(0, HASH_BYTES);
}

function noNote(why: string): LedgerError {
  return new LedgerError('bad-request', `not a signed note: ${why}`);
}
