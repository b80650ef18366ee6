/** What several commands of evidence are given: keys that are trusted, and the key that signs. */

import type { Command } from 'commander';
import { ORIGIN } from '../../../../audit/evidence/checkpoint.js';
import { readSeed, type SigningKey } from '../../../../signing/nkey.js';
import { readTrustedKey, type TrustedKey } from '../../../../signing/note.js';
import { collect } from '../../../command.js';
import { usage } from '../session.js';
import { textOf } from './files.js';

export interface KeyOptions {
  readonly key?: readonly string[];
}

export interface SignerOptions {
  readonly seed: string;
  readonly origin: string;
}

export function withKeys(command: Command): Command {
  return command.option(
    '--key <key>',
    'a public key that you trust: an nkey or a C2SP verifier key; repeatable',
    collect,
  );
}

export function keysOf({ key }: KeyOptions): TrustedKey[] {
  return (key ?? []).map(readTrustedKey);
}

export function withSigner(command: Command): Command {
  return command
    .requiredOption('--seed <file>', 'the seed of the key that signs, as `audit key` makes one')
    .option('--origin <name>', "the nodes' name in checkpoints", 'nlm-ledger');
}

/** @throws LedgerError 'bad-request' */
export async function signerOf({ seed, origin }: SignerOptions): Promise<{ key: SigningKey; origin: string }> {
  if (!ORIGIN.test(origin)) throw usage(`--origin ${JSON.stringify(origin)}: a name without spaces and +`);
  return { key: readSeed(await textOf(seed)), origin };
}
