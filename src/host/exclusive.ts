/**
 * One process a folder. Node has no flock(2): a child locks the descriptor that it inherits, and since such a lock
 * belongs to the open file and not to the process, it stays with our descriptor when the child has ended, and goes
 * when we end, however. Other processes meet it across network and mount namespaces; an abstract socket they would not.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { LedgerError } from '../base/errors.js';
import { toolPath } from './run.js';

export interface FolderLock {
  /** Gives the folder free; idempotent. */
  close(): Promise<void>;
}

const LOCK_FILE = 'lock';
const HELD_BY_ANOTHER = 75;

/**
 * @throws LedgerError 'busy' (with `details.pid` of the holder where it is known), 'unsupported' (no flock tool, or
 * a file system without locks), 'io'
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, LOCK_FILE);
  // 'a+': created where missing, never cut before the lock is ours.
  const file = await open(path, 'a+', 0o600).catch((cause: unknown) => {
    throw new LedgerError('io', `${path} cannot be opened; check that this user may write in the folder`, { cause });
  });
  try {
    const child = spawn('flock', ['-n', '-E', String(HELD_BY_ANOTHER), '3'], {
      stdio: ['ignore', 'ignore', 'ignore', file.fd],
      env: { ...process.env, PATH: toolPath() },
    });
    const [code] = (await once(child, 'close').catch((cause: unknown) => {
      throw new LedgerError('unsupported', `${folder} cannot be locked: the tool flock (util-linux) is missing`, {
        cause,
      });
    })) as [number | null];
    if (code === HELD_BY_ANOTHER) {
      const text = await file.readFile('latin1');
      const pid = /^[0-9]{1,10}/.exec(text)?.[0];
      throw new LedgerError(
        'busy',
        `${folder} is in use by ${pid === undefined ? 'another process' : `process ${pid}`}; stop it or choose another folder`,
        { details: { folder, ...(pid === undefined ? {} : { pid: Number(pid) }) } },
      );
    }
    if (code !== 0) {
      throw new LedgerError('unsupported', `${folder} cannot be locked: its file system has no flock (status ${code})`);
    }
    await file.truncate(0);
    await file.write(`${process.pid}\n`);
  } catch (error) {
    await file.close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    // The file stays: another process may hold it open, waiting to see whether it is locked.
    close: () =>
      (closing ??= file
        .truncate(0)
        .catch(() => undefined)
        .then(() => file.close())),
  };
}
