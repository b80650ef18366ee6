/** `/dev/fuse` and the thread that reads it: opened, told of requests, answered, and closed once the mount is gone. */

import { closeSync, openSync, writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { LedgerError } from '../../base/errors.js';
import type { Tell } from './session.js';
import { STOP, WAITING, type ReaderData } from './shared.js';

const PATH = '/dev/fuse';

export class Device {
  readonly fd: number;
  /** Resolves when the thread has ended: there is no mount any more (`undefined`), or it failed. Never rejects. */
  readonly ended: Promise<Error | undefined>;
  readonly #shared = new Int32Array(new SharedArrayBuffer(8));
  #closed = false;

  /** `onTell` hears requests in the order in which the kernel gave them. @throws LedgerError 'unsupported' */
  constructor(onTell: (tell: Tell) => void) {
    this.fd = openDevice();
    const data: ReaderData = { fd: this.fd, shared: this.#shared, time: Math.floor(Date.now() / 1000) };
    const worker = new Worker(new URL('./reader.js', import.meta.url), { workerData: data, name: 'control files' });
    worker.on('message', onTell);
    this.ended = new Promise((resolve) => {
      let failure: Error | undefined;
      worker.on('error', (error) => {
        failure = error instanceof Error ? error : new Error(String(error));
      });
      worker.on('exit', () => resolve(failure));
    });
  }

  /** Answers an order or a read that was told. Never blocks; a caller that is gone is passed over. */
  answer(bytes: Buffer): void {
    Atomics.sub(this.#shared, WAITING, 1);
    if (this.#closed) return;
    try {
      writeSync(this.fd, bytes);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code !== 'ENOENT' && code !== 'ENODEV' && code !== 'ECONNABORTED' && code !== 'EPERM') throw error;
    }
  }

  /** Ends the thread of a device that was never mounted. */
  abandon(): void {
    Atomics.store(this.#shared, STOP, 1);
    Atomics.notify(this.#shared, STOP);
  }

  /** Only after `ended`: a thread in a read keeps the device, and the number could soon be another file's. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }
}

function openDevice(): number {
  try {
    return openSync(PATH, 'r+');
  } catch (cause) {
    throw new LedgerError('unsupported', `${PATH} cannot be opened: control files need FUSE (modprobe fuse) and root`, {
      cause,
    });
  }
}
