/**
 * What the file ledger asks of a disk: a port, so that a test can ask "was it really synced?" and forget what was not.
 * Under everything in ledger/file; node-storage.ts is the real one.
 *
 * Errors: implementations throw Node's own errors (with `code` ENOSPC, EIO, EROFS, ENOENT, ...); `diskError` makes
 * LedgerErrors of them where they leave the ledger.
 */

import { LedgerError } from '../../base/errors.js';

export type OpenMode =
  | 'read'
  /** Reads and writes; nothing is durable before `sync`. Created where it is missing. */
  | 'write'
  /** As `write`, and each write is durable when it returns (O_DSYNC). The file exists. */
  | 'durable';

export interface StorageFile {
  /** Reads up to `target.length` bytes at `position`; fewer only at the end of the file. */
  read(target: Buffer, position: number): Promise<number>;
  /** Returns how many bytes were written: possibly fewer than given. */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** The same on the calling thread. */
  writeNow(bytes: Uint8Array, position: number): number;
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface Storage {
  open(path: string, mode: OpenMode): Promise<StorageFile>;
  /** Creates the folder and those above it (mode 0700), and syncs the folders that hold a new one. */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder, sorted; none where the folder does not exist. */
  list(path: string): Promise<string[]>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes names in the folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Bytes that this user may still write. */
  freeBytes(path: string): Promise<number>;
}

/** Writes all of it, however short the single writes are. */
export async function writeAll(file: StorageFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const written = await file.write(done === 0 ? bytes : bytes.subarray(done), position + done);
    if (written <= 0) throw Object.assign(new Error('a write wrote nothing'), { code: 'EIO' });
    done += written;
  }
}

export function writeAllNow(file: StorageFile, bytes: Uint8Array, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    const written = file.writeNow(done === 0 ? bytes : bytes.subarray(done), position + done);
    if (written <= 0) throw Object.assign(new Error('a write wrote nothing'), { code: 'EIO' });
    done += written;
  }
}

/** All bytes of a small file. */
export async function readWhole(storage: Storage, path: string): Promise<Buffer> {
  const file = await storage.open(path, 'read');
  try {
    const bytes = Buffer.alloc(await file.size());
    const read = await file.read(bytes, 0);
    return bytes.subarray(0, read);
  } finally {
    await file.close();
  }
}

/** Writes a small file so that it is there whole or not at all, also after a crash. */
export async function writeWhole(storage: Storage, folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${folder}/${name}.tmp`;
  const file = await storage.open(temporary, 'write');
  try {
    await file.truncate(0);
    await writeAll(file, bytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await storage.rename(temporary, `${folder}/${name}`);
  await storage.syncFolder(folder);
}

export function errorNumber(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

const ADVICE: Readonly<Record<string, string>> = {
  EIO: 'the disk failed: look at the kernel log, check the disk, then start again (the ledger recovers from what is on it)',
  EROFS: 'the file system is mounted read-only: look at the kernel log for why, mount it read-write, and start again',
  EACCES: 'this user may not use it: give the folder to the user that runs nlm-ledger',
  EPERM: 'this user may not use it: give the folder to the user that runs nlm-ledger',
  ENOSPC: 'the disk is full: free space or move the data folder to a larger one, then start again',
  EDQUOT: 'the quota is used up: raise it or free space, then start again',
  ENOENT: 'it is not there: was the data folder moved or its disk not mounted?',
  ENOTDIR: 'a part of the path is a file: name a folder',
  EMFILE: 'too many open files: raise the limit (ulimit -n, LimitNOFILE)',
};

/** A LedgerError that says what to do; one that is a LedgerError already is passed on. */
export function diskError(error: unknown, what: string): LedgerError {
  if (error instanceof LedgerError) return error;
  const number = errorNumber(error);
  const isFull = number === 'ENOSPC' || number === 'EDQUOT';
  const isMissing = number === 'ENOENT' || number === 'ENOTDIR';
  const code = isFull ? 'no-space' : isMissing ? 'not-found' : 'io';
  const advice = ADVICE[number] ?? 'look at the kernel log, then start again';
  return new LedgerError(code, `${what}: ${number || String(error)}: ${advice}`, {
    cause: error,
    details: { errno: number },
  });
}
