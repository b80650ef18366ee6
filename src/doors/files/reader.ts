/**
 * The thread that reads `/dev/fuse`. A read blocks until the kernel has a request, and would hold a thread of the pool
 * that syncs the ledger, so it is done here, synchronously. What the session cannot answer goes to the node as a
 * message; the node writes that reply to the descriptor itself, so this thread never waits for anything but the kernel.
 */

import { readSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { ERRNO } from './errno.js';
import { REQUEST_BYTES_MAX, WAITING_MAX } from './limits.js';
import { Session } from './session.js';
import { STOP, WAITING, type ReaderData } from './shared.js';
import { errorReply, readRequest } from './wire.js';

/** Between two looks at a device that is not mounted yet. */
const NOT_MOUNTED_MS = 2;

const { fd, shared, time } = workerData as ReaderData;
const buffer = Buffer.alloc(REQUEST_BYTES_MAX);
const session = new Session(time);
let mounted = false;

for (let bytes = read(); bytes !== undefined; bytes = read()) {
  const request = readRequest(bytes);
  if (request === undefined) throw new Error(`/dev/fuse gave ${bytes.length} bytes that are no request`);
  const { reply, tell } = session.answer(request);
  if (reply !== undefined) send(reply);
  if (tell === undefined) continue;
  if (tell.type === 'order' || tell.type === 'read') {
    if (Atomics.load(shared, WAITING) >= WAITING_MAX) {
      send(errorReply(tell.unique, ERRNO.EAGAIN));
      continue;
    }
    Atomics.add(shared, WAITING, 1);
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port, not a window
  parentPort?.postMessage(tell);
}

/** The next request; `undefined` once there is no mount any more. */
function read(): Buffer | undefined {
  for (;;) {
    try {
      const length = readSync(fd, buffer);
      mounted = true;
      return buffer.subarray(0, length);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENODEV' || code === 'ECONNABORTED') return undefined;
      // ENOENT: the caller was killed before its request could be read.
      if (code === 'ENOENT' || code === 'EINTR' || code === 'EAGAIN') continue;
      if (code !== 'EPERM' || mounted) throw error;
      if (Atomics.wait(shared, STOP, 0, NOT_MOUNTED_MS) === 'not-equal' || Atomics.load(shared, STOP) !== 0)
        return undefined;
    }
  }
}

function send(bytes: Buffer): void {
  try {
    writeSync(fd, bytes);
  } catch (error) {
    const code = codeOf(error);
    // The caller is gone, or the mount is: the next read tells which.
    if (code !== 'ENOENT' && code !== 'ENODEV' && code !== 'ECONNABORTED') throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
