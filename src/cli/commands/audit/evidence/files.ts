/** The small files of evidence: checkpoints, proofs, seeds. */

import { readFile, writeFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { LedgerError } from '../../../../base/errors.js';
import { errorNumber } from '../../../../ledger/file/storage.js';

const FILE_BYTES_MAX = 64 * 1024 * 1024;

export async function textOf(file: string): Promise<string> {
  try {
    const bytes = await readFile(resolve(file));
    if (bytes.length > FILE_BYTES_MAX)
      throw new LedgerError('bad-request', `${basename(file)} is larger than any proof`);
    return bytes.toString('utf8');
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    throw new LedgerError('bad-request', `${file} cannot be read: ${errorNumber(cause)}`, { cause });
  }
}

/** Nothing that is there is overwritten. */
export async function writeNew(file: string, text: string, mode = 0o644): Promise<void> {
  try {
    await writeFile(resolve(file), text, { flag: 'wx', mode });
  } catch (cause) {
    const why = errorNumber(cause) === 'EEXIST' ? 'it is there already, and is not overwritten' : errorNumber(cause);
    throw new LedgerError('bad-request', `${file} cannot be written: ${why}`, { cause });
  }
}
