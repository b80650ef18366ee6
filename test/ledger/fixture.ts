/** Temporary data folders and a lock that holds within this process, for tests of the file ledger. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import type { FileLedgerOptions, FolderLock } from '../../src/ledger/file/open.js';

const held = new Set<string>();

export async function acquire(folder: string): Promise<FolderLock> {
  if (held.has(folder)) throw new LedgerError('busy', `${folder} is open in process ${process.pid}`);
  held.add(folder);
  return { release: () => void held.delete(folder) };
}

export async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nlm-ledger-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Small segments, so that a test sees rotation; lines go nowhere. */
export function smallLedger(data: string): FileLedgerOptions {
  return {
    data,
    group: 'default',
    acquire,
    log: () => undefined,
    limits: { firstSegmentBytes: 4096, segmentBytesMax: 16_384, reserveBytes: 4096, freeBytesMin: 65_536 },
  };
}
