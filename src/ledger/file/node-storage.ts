/** The storage port on Node's file system. Under the file ledger; the only file of it that opens a real file. */

import { constants, writeSync } from 'node:fs';
import { mkdir, open, readdir, rename, stat, statfs, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError, errorNumber, type OpenMode, type Storage, type StorageFile } from './storage.js';

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR | constants.O_CREAT,
  durable: constants.O_RDWR | constants.O_DSYNC,
};

class NodeFile implements StorageFile {
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(target: Buffer, position: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await this.#handle.read(target, done, target.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    return (await this.#handle.write(bytes, 0, bytes.length, position)).bytesWritten;
  }

  writeNow(bytes: Uint8Array, position: number): number {
    return writeSync(this.#handle.fd, bytes, 0, bytes.length, position);
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errorNumber(error) === 'ENOENT') return false;
    throw error;
  }
}

export const nodeStorage: Storage = {
  async open(path, mode) {
    return new NodeFile(await open(path, FLAGS[mode], 0o600));
  },

  async makeFolder(path) {
    if (await exists(path)) return;
    const parent = dirname(path);
    if (parent !== path) await this.makeFolder(parent);
    await mkdir(path, { recursive: true, mode: 0o700 });
    await this.syncFolder(parent);
  },

  async list(path) {
    try {
      return (await readdir(path)).sort();
    } catch (error) {
      if (errorNumber(error) === 'ENOENT') return [];
      throw diskError(error, path);
    }
  },

  rename,
  remove: unlink,

  async syncFolder(path) {
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },

  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  },
};
