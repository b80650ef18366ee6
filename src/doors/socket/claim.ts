/**
 * Takes the path of a Unix socket: over from a dead node, never from a living one. The socket is bound under another
 * name, given its mode and then moved into place, so that nobody sees it before it is what it should be, and so that
 * closing (libuv unlinks the name that was bound) cannot remove a socket that another node put there since.
 */

import { chmod, lstat, mkdir, rename, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { LedgerError } from '../../base/errors.js';

const MODE = 0o660;
/** sun_path of unix(7) has 108 bytes with the zero at its end. */
const PATH_BYTES_MAX = 107;
const SUFFIX = '~';

/** Removes the path where the socket there is still ours. */
export type Release = () => Promise<void>;

/** @throws LedgerError 'busy' (a living node, or something else lies there), 'bad-request' (too long), 'io' */
export async function claimSocketPath(server: Server, path: string): Promise<Release> {
  const fresh = path + SUFFIX;
  if (Buffer.byteLength(fresh) > PATH_BYTES_MAX) {
    throw new LedgerError(
      'bad-request',
      `the socket path ${path} is too long for a Unix socket; give a shorter one with --socket`,
    );
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await refuseLiving(path);
    await removeSocket(fresh);
    await listen(server, fresh);
    await chmod(fresh, MODE);
    const ours = await lstat(fresh);
    await rename(fresh, path);
    return async () => {
      const there = await lstat(path).catch(() => undefined);
      if (there?.ino === ours.ino && there.dev === ours.dev) await unlink(path).catch(() => undefined);
    };
  } catch (cause) {
    server.close();
    if (cause instanceof LedgerError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LedgerError('io', `the socket ${path} cannot be made: ${why}; give another place with --socket`, {
      cause,
    });
  }
}

async function refuseLiving(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!there.isSocket()) {
    throw new LedgerError('busy', `${path} is not a socket: move it away, or give another place with --socket`);
  }
  if (await isAnswered(path)) {
    throw new LedgerError(
      'busy',
      `a running node answers on ${path}: stop it first, or give another place with --socket`,
    );
  }
}

async function removeSocket(path: string): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there?.isSocket() === true) await unlink(path);
}

/** Nobody listens where the kernel refuses; every other answer, also a full backlog, is a sign of life. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error) => {
      resolve(!('code' in error && (error.code === 'ECONNREFUSED' || error.code === 'ENOENT')));
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
