/**
 * From a path to its file system, as the kernel finds it: the path is opened, and the kernel is asked on which mount
 * the opened file lies (`mnt_id` in /proc/self/fdinfo). That is exact over bind mounts, mounts that hide others, and
 * symbolic links, where comparing names or device numbers is not (each subvolume of btrfs has a device of its own).
 */

import { open, readFile, realpath, type FileHandle } from 'node:fs/promises';
import { LedgerError } from '../base/errors.js';
import { outputOf } from './run.js';

export interface Mount {
  readonly id: number;
  /** `major:minor` */
  readonly device: string;
  /** The folder of the file system that is mounted: not `/` for a bind mount of a folder. */
  readonly root: string;
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
}

export interface FileSystem {
  readonly mountPoint: string;
  /** `major:minor`; the same for each mount of one file system. */
  readonly device: string;
  readonly type: string;
  readonly source: string;
  /** f_fsid as `stat -f -c %i` prints it; `undefined` where it could not be had in time. */
  readonly fsid: string | undefined;
}

/** O_PATH of Linux (include/uapi/asm-generic/fcntl.h), which Node does not name: opens without touching the file. */
const O_PATH = 0o10000000;
const HOST_MS_MAX = 5000;

/** Rows of /proc/self/mountinfo (proc_pid_mountinfo(5)). Rows that do not parse are left out. */
export function parseMountInfo(text: string): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ', 2);
    const [id, , device, root, mountPoint] = (left ?? '').split(' ');
    const [type, source] = (right ?? '').split(' ');
    if (id === undefined || device === undefined || root === undefined) continue;
    if (mountPoint === undefined || type === undefined || source === undefined) continue;
    mounts.push({
      id: Number(id),
      device,
      root: unescapeOctal(root),
      mountPoint: unescapeOctal(mountPoint),
      type,
      source: unescapeOctal(source),
    });
  }
  return mounts;
}

export async function listMounts(): Promise<Mount[]> {
  try {
    return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
  } catch (cause) {
    throw new LedgerError('unsupported', 'the mount table cannot be read: /proc/self/mountinfo is needed', { cause });
  }
}

/**
 * The file system that the path is on. `expectedMountPoints` are folders that the configuration says are mount
 * points: a path at or below one that is not mounted now is refused, instead of meaning the file system below it.
 * @throws LedgerError 'bad-request' (not absolute), 'path-not-found' (with `details.errno`; `ENOTMOUNTED` for a missing
 * mount), 'refused' (no permission), 'timeout' (a file system that does not answer), 'unsupported' (no /proc)
 */
export async function fileSystemOfPath(
  path: string,
  options: { readonly expectedMountPoints?: readonly string[] } = {},
): Promise<FileSystem> {
  if (!path.startsWith('/') || path.includes('\0')) {
    throw new LedgerError('bad-request', `${JSON.stringify(path)} is not an absolute path`, { details: { path } });
  }
  const mount = await withinTime(mountOfPath(path, options.expectedMountPoints ?? []), path);
  const { mountPoint, device, type, source } = mount;
  return { mountPoint, device, type, source, fsid: await fsidOfPath(path) };
}

async function mountOfPath(path: string, expectedMountPoints: readonly string[]): Promise<Mount> {
  let file: FileHandle;
  let real: string;
  try {
    real = await realpath(path);
    file = await open(path, O_PATH);
  } catch (error) {
    throw pathError(path, error);
  }
  try {
    // The mount cannot be freed while the file is open, so the table is read before it is closed.
    const info = await readFile(`/proc/self/fdinfo/${file.fd}`, 'utf8').catch(() => '');
    const id = /^mnt_id:\s*([0-9]+)$/m.exec(info)?.[1];
    const mounts = await listMounts();
    const mount = mounts.find((row) => row.id === Number(id));
    if (mount === undefined) {
      throw new LedgerError('unsupported', `the mount of ${path} is not in /proc/self/mountinfo`, {
        details: { path },
      });
    }
    const missing = expectedMountPoints.find(
      (point) => (isBelow(real, point) || isBelow(path, point)) && !mounts.some((row) => row.mountPoint === point),
    );
    if (missing !== undefined) {
      throw new LedgerError('path-not-found', `${path}: ${missing} is not mounted; mount it, or name the file system`, {
        details: { path, errno: 'ENOTMOUNTED', mountPoint: missing },
      });
    }
    return mount;
  } finally {
    await file.close();
  }
}

async function fsidOfPath(path: string): Promise<string | undefined> {
  const text = (await outputOf('stat', ['-f', '-c', '%i', '--', path], HOST_MS_MAX))?.trim();
  return text !== undefined && /^[0-9a-f]{1,16}$/.test(text) ? text : undefined;
}

function pathError(path: string, cause: unknown): LedgerError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO';
  const details = { path, errno };
  if (errno === 'ENOENT')
    return new LedgerError('path-not-found', `${path}: there is no such path`, { details, cause });
  if (errno === 'ENOTDIR') {
    return new LedgerError('path-not-found', `${path}: a part of the path is not a folder`, { details, cause });
  }
  if (errno === 'EACCES' || errno === 'EPERM') {
    return new LedgerError('refused', `${path}: this user may not look into the folders above it`, { details, cause });
  }
  return new LedgerError('path-not-found', `${path}: the path cannot be opened (${errno})`, { details, cause });
}

/** The thread of a call that hangs stays taken (a dead NFS server); the caller does not. */
async function withinTime<T>(work: Promise<T>, path: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new LedgerError('timeout', `${path}: its file system does not answer`, { details: { path } }));
    }, HOST_MS_MAX);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

function unescapeOctal(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
