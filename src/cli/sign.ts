/** `--sign`: an order with its operator's signature. Under the commands that order something. */

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LedgerError } from '../base/errors.js';
import { readSeed } from '../signing/nkey.js';
import { orderStatement } from '../signing/statement.js';

/** The request as it is without a seed; else with its signature, and with an id, which makes a copy of it harmless. */
export async function signed(
  procedure: string,
  request: object,
  seedFile: string | undefined,
  time: number,
): Promise<object> {
  if (seedFile === undefined) return request;
  const key = readSeed(await seedText(seedFile));
  const named = { commandId: randomUUID(), ...request };
  const bytes = key.sign(Buffer.from(orderStatement(procedure, named, time)));
  return { ...named, signature: { key: key.publicKey, time, signature: Buffer.from(bytes).toString('base64') } };
}

async function seedText(file: string): Promise<string> {
  try {
    return await readFile(resolve(file), 'utf8');
  } catch (cause) {
    throw new LedgerError('bad-request', `${file} cannot be read: it should have the seed of an nkey`, { cause });
  }
}
