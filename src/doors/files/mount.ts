/**
 * The mount of the control files: the folder made ready, mounted with an inherited descriptor, and unmounted. This
 * process never looks at its own mount (it would ask itself); what has to look at it is another program.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { listMounts, parseMountInfo, type Mount } from '../../host/mounts.js';
import { toolPath } from '../../host/run.js';
import { TOOL_MS_MAX } from './limits.js';
import { runTool } from './tool.js';

const SOURCE = 'nlm-ledger';
const TYPE = 'fuse';
/** Mounts that killed nodes left one above the other. */
const STALE_MAX = 16;
const CAP_SYS_ADMIN = 21n;
/** Ends the connection although files are open (-f), and takes the mount away although it is in use (-l). */
const UNMOUNT_ALWAYS = ['-i', '-f', '-l'];

/** @throws LedgerError 'unsupported' */
export async function checkMountable(): Promise<void> {
  if (process.platform !== 'linux') throw new LedgerError('unsupported', 'control files need Linux: use the socket');
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  if (((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 0n) {
    throw new LedgerError(
      'unsupported',
      'control files need the capability CAP_SYS_ADMIN to mount; give it, or switch them off with --control off',
    );
  }
}

/**
 * The folder as an absolute path without links, made where it was missing, and free of mounts that killed nodes left.
 * @throws LedgerError 'busy' (another node serves there), 'bad-configuration' (no folder, or not empty), 'io'
 */
export async function prepareFolder(directory: string): Promise<string> {
  if (!isAbsolute(directory) || dirname(directory) === directory) throw badFolder(directory, 'is not an absolute path');
  try {
    await mkdir(dirname(directory), { recursive: true, mode: 0o755 });
    const folder = join(await realpath(dirname(directory)), basename(directory));
    await clearStale(folder);
    await mkdir(folder, { mode: 0o755 }).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
    if (!(await lstat(folder)).isDirectory()) throw badFolder(folder, 'is not a folder');
    if ((await readdir(folder)).length > 0) {
      throw badFolder(
        folder,
        'is not empty, and the control files would hide what is in it; choose a folder of its own',
      );
    }
    return folder;
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    throw new LedgerError('io', `${directory} cannot be made ready for the control files`, { cause });
  }
}

async function clearStale(folder: string): Promise<void> {
  for (let round = 0; round < STALE_MAX; round++) {
    if ((await deviceAt(folder)) === undefined) return;
    // A node that was killed leaves a mount that answers ENOTCONN to everything; a live one answers statfs.
    const look = await runTool('stat', ['-f', '--', folder]);
    if (look.end !== 'failed') {
      throw new LedgerError(
        'busy',
        `${folder}: the control files of another node are mounted here; stop it, or choose another folder`,
        { details: { folder } },
      );
    }
    const { end, complaint } = await runTool('umount', ['-i', '-l', folder]);
    if (end !== 'done')
      throw new LedgerError('io', `${folder}: the mount that a killed node left cannot be taken away: ${complaint}`);
  }
}

/** `fd` is of `/dev/fuse`, and is being read by now: mount(8) may look at what it has mounted. @throws LedgerError 'unsupported' */
export async function mountFiles(folder: string, fd: number): Promise<void> {
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,nosuid,nodev,noexec';
  const { end, complaint } = await runTool('mount', ['-i', '-t', TYPE, '-o', options, SOURCE, folder], fd);
  if (end === 'done') return;
  throw new LedgerError('unsupported', `${folder}: the control files cannot be mounted: ${complaint}`, {
    details: { folder },
  });
}

/** The device of the control files that are mounted there, ours or another node's: by it they are told apart. */
export async function deviceAt(folder: string): Promise<string | undefined> {
  const found = (await listMounts()).findLast((each) => each.mountPoint === folder);
  return isOurs(found) ? found.device : undefined;
}

function isOurs(mount: Mount | undefined): mount is Mount {
  return mount?.type === TYPE && mount.source === SOURCE;
}

/** Ends the connection too, whoever holds files open. What was said where it did not succeed. */
export async function unmount(folder: string): Promise<string | undefined> {
  const forced = await runTool('umount', [...UNMOUNT_ALWAYS, folder]);
  if (forced.end === 'done') return undefined;
  // In a user namespace the connection may not be ended by force; it ends with the last open file.
  const lazy = await runTool('umount', ['-i', '-l', folder]);
  return lazy.end === 'done' ? undefined : `${forced.complaint} ${lazy.complaint}`.trim();
}

/** For a process that exits: its end waits for the reading thread, and that waits for the end of the mount. */
export function unmountNow(folder: string): void {
  const found = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).findLast(
    (each) => each.mountPoint === folder,
  );
  if (!isOurs(found)) return;
  spawnSync('umount', [...UNMOUNT_ALWAYS, folder], {
    stdio: 'ignore',
    cwd: '/',
    timeout: TOOL_MS_MAX,
    killSignal: 'SIGKILL',
    env: { LC_ALL: 'C', PATH: toolPath() },
  });
}

function badFolder(folder: string, why: string): LedgerError {
  return new LedgerError('bad-configuration', `control: ${folder} ${why}`, { details: { folder } });
}
