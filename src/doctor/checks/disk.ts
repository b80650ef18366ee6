/** The disk of the ledger: every grant waits for a sync of it, and without room there are no grants. */

import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { fileSystemOfPath } from '../../host/mounts.js';
import { SUPPLY_LIMITS } from '../../ledger/file/supply.js';
import { fail, ok, warn, type Said } from '../finding.js';
import { userOfProcess } from '../processes.js';
import type { Scene } from '../scene.js';

/** A client waits for one sync at the least; with 20 ms a client that locks and unlocks does so 25 times a second. */
const SLOW_P50_MS = 20;
const SLOW_P99_MS = 100;
/** Long before the ledger stops granting. */
const SPACE_BYTES_MIN = 1024 * 1024 * 1024;
const VOLATILE: ReadonlySet<string> = new Set(['tmpfs', 'ramfs']);
const REMOTE: ReadonlySet<string> = new Set(['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'fuse.sshfs']);

export async function checkDisk(scene: Scene): Promise<Said[]> {
  const folder = await existingFolder(scene.configuration.data);
  const said = [...(await checkKind(folder)), ...(await checkSpace(folder))];
  const mayWrite = await access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  return mayWrite ? [...said, await checkSyncs(scene, folder)] : said;
}

async function checkSyncs({ measureSyncs }: Scene, folder: string): Promise<Said> {
  const times = [...(await measureSyncs(folder))].sort((a, b) => a - b);
  const p50 = times[Math.floor(times.length * 0.5)] ?? 0;
  const p99 = times[Math.floor(times.length * 0.99)] ?? 0;
  const seen = `a sync in ${folder} takes ${p50.toFixed(1)} ms (median), ${p99.toFixed(1)} ms (99th percentile)`;
  if (p50 <= SLOW_P50_MS && p99 <= SLOW_P99_MS) return ok(seen);
  return warn(
    seen,
    'every grant waits for one: put the data folder on a disk with a write cache that survives power failure, away from busy neighbours',
  );
}

async function checkSpace(folder: string): Promise<Said[]> {
  const { bavail, bsize, ffree, files } = await statfs(folder);
  const free = bavail * bsize;
  const mib = `${Math.floor(free / 1024 / 1024)} MiB`;
  const todo = 'make room, or move the data folder; releases go on when it is full, grants do not';
  if (free < SUPPLY_LIMITS.freeBytesMin) return [fail(`${mib} are free in ${folder}: nothing is granted`, todo)];
  if (free < SPACE_BYTES_MIN) return [warn(`only ${mib} are free in ${folder}`, todo)];
  return files > 0 && ffree === 0 ? [fail(`no inode is free in ${folder}`, todo)] : [];
}

async function checkKind(folder: string): Promise<Said[]> {
  const type = await fileSystemOfPath(folder).then(
    (found) => found.type,
    (error: unknown) => {
      if (error instanceof LedgerError) return '';
      throw error;
    },
  );
  if (VOLATILE.has(type))
    return [
      warn(
        `${folder} is in memory (${type}): every lock is lost with the host`,
        'put the data folder on a disk: --data DIR',
      ),
    ];
  if (REMOTE.has(type))
    return [
      warn(
        `${folder} is on another host (${type}): its locks and syncs may not hold`,
        'put the data folder on a local disk: --data DIR',
      ),
    ];
  return [];
}

export async function checkDataFolder({ proc, node, configuration: { data } }: Scene): Promise<Said[]> {
  const info = await stat(data).catch((error: unknown) =>
    error instanceof Error && 'code' in error ? String(error.code) : 'EIO',
  );
  if (info === 'ENOENT') {
    const above = await existingFolder(data);
    const mayMake = await access(above, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
    return [
      mayMake
        ? ok(`${data} is made at the first start`)
        : fail(
            `${data} is not there, and this user may not make it`,
            `make it, owned by the user of the node, mode 0700; or give another: --data DIR`,
          ),
    ];
  }
  if (typeof info === 'string')
    return [fail(`${data} cannot be looked at (${info})`, 'run the doctor as root or as the user of the node')];
  if (!info.isDirectory()) return [fail(`${data} is not a folder`, 'give another: --data DIR')];
  const said: Said[] = [];
  const user = node === undefined ? process.geteuid?.() : await userOf(proc, node.pid);
  if (user !== undefined && user !== 0 && user !== info.uid) {
    said.push(
      fail(`${data} belongs to user ${info.uid}, and the node runs as user ${user}`, `chown -R ${user} ${data}`),
    );
  }
  if ((info.mode & 0o022) !== 0)
    said.push(fail(`others may write in ${data}: locks can be forged`, `chmod 0700 ${data}`));
  else if ((info.mode & 0o055) !== 0)
    said.push(warn(`others may read ${data}: it names clients and files`, `chmod 0700 ${data}`));
  return said.length > 0 ? said : [ok(`${data} belongs to the node alone`)];
}

async function userOf(proc: string, pid: number | undefined): Promise<number | undefined> {
  return pid === undefined ? undefined : userOfProcess(proc, pid);
}

/** The folder, or the nearest one above it that is there. */
async function existingFolder(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    if (
      at === '/' ||
      (await stat(at).then(
        (info) => info.isDirectory(),
        () => false,
      ))
    )
      return at;
  }
}
