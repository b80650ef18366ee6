/** A write to `unlock_ip` or `unlock_filesystem`: its one word becomes a request, and the request's end the write's. */

import { posix } from 'node:path';
import { bytesFrom, bytesToBuffer, type Bytes } from '../../base/bytes.js';
import { LedgerError } from '../../base/errors.js';
import { nameZone } from '../../host/interfaces.js';
import { controlCall, type ControlAdmin } from './admin.js';
import type { OrderTell } from './session.js';
import { onlyWord } from './word.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Carries the order out; resolves once it is durable. `mountPoint` is where the control files are: a path there is
 * refused, since the node would have to ask itself. A path is any on the file system, served or not, as in the kernel;
 * it is absolute, since the folder that the caller works in is not known here. @throws LedgerError
 */
export async function carryOut(admin: ControlAdmin, { file, data, uid }: OrderTell, mountPoint: string): Promise<void> {
  const word = onlyWord(bytesFrom(data));
  if (word === undefined) throw new LedgerError('bad-request', `${file}: one word and a newline, nothing else`);
  const reason = `control file ${file}`;
  const actor = `uid:${uid}`;
  if (file === 'unlock_ip') {
    const address = await nameZone(word);
    await admin(controlCall('unlock-ip', { address, reason }, actor));
  } else {
    const path = pathOf(word, mountPoint);
    await admin(controlCall('unlock-fs', { path, force: true, reason }, actor));
  }
}

function pathOf(word: Bytes, mountPoint: string): string {
  let path: string;
  try {
    path = utf8.decode(bytesToBuffer(word));
  } catch (cause) {
    throw new LedgerError('bad-request', 'unlock_filesystem: a path in UTF-8 is needed', { cause });
  }
  if (!path.startsWith('/')) throw new LedgerError('bad-request', `${path}: not an absolute path`);
  if (`${posix.normalize(path)}/`.startsWith(`${mountPoint}/`)) {
    throw new LedgerError('bad-request', `${path}: the control files themselves hold no locks`);
  }
  return path;
}
