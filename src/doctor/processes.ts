/** Processes as /proc shows them: names, capabilities, age. What may not be read is undefined, never an error. */

import { readFile, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Numbers of capabilities(7). */
export const CAP_NET_BIND_SERVICE = 10;
export const CAP_SYS_ADMIN = 21;

/** USER_HZ: what the kernel counts in /proc in, on every platform of Node. */
const TICKS_PER_SECOND = 100;

export async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

export async function processName(proc: string, pid: number): Promise<string | undefined> {
  return (await readText(join(proc, String(pid), 'comm')))?.trim();
}

async function processIds(proc: string): Promise<number[]> {
  const names = await readdir(proc).catch(() => []);
  return names.filter((name) => /^[0-9]+$/.test(name)).map(Number);
}

/** Whether the process has a capability in effect; undefined where that cannot be seen. */
export async function hasCapability(
  proc: string,
  pid: number | 'self',
  capability: number,
): Promise<boolean | undefined> {
  const status = await readText(join(proc, String(pid), 'status'));
  const effective = status === undefined ? undefined : /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective === undefined ? undefined : ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
}

/** The effective user of a process. */
export async function userOfProcess(proc: string, pid: number): Promise<number | undefined> {
  const status = await readText(join(proc, String(pid), 'status'));
  const uid = status === undefined ? undefined : /^Uid:\s*[0-9]+\s+([0-9]+)/m.exec(status)?.[1];
  return uid === undefined ? undefined : Number(uid);
}

/** Milliseconds since the process began, on a clock that nobody sets and that goes on while the host sleeps. */
export async function processAgeMs(proc: string, pid: number): Promise<number | undefined> {
  const stat = await readText(join(proc, String(pid), 'stat'));
  const uptime = Number((await readText(join(proc, 'uptime')))?.split(' ')[0] ?? Number.NaN);
  // The name in parentheses may hold anything; starttime is the 20th field behind it (proc_pid_stat(5)).
  const ticks = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? Number.NaN);
  const ageMs = (uptime - ticks / TICKS_PER_SECOND) * 1000;
  return Number.isFinite(ageMs) ? ageMs : undefined;
}

/** The process that has the socket open, by the socket's inode. */
export async function processOfSocket(proc: string, inode: string): Promise<number | undefined> {
  const wanted = `socket:[${inode}]`;
  for (const pid of await processIds(proc)) {
    const folder = join(proc, String(pid), 'fd');
    for (const name of await readdir(folder).catch(() => [])) {
      if ((await readlink(join(folder, name)).catch(() => '')) === wanted) return pid;
    }
  }
  return undefined;
}

/** The process that listens on a Unix socket, where it is of this network namespace and may be seen. */
export async function processOfUnixSocket(proc: string, path: string): Promise<number | undefined> {
  const table = (await readText(join(proc, 'self/net/unix'))) ?? '';
  for (const line of table.split('\n').slice(1)) {
    const [, , , , , , inode, ...name] = line
      .trim()
      .split(' ')
      .filter((field) => field !== '');
    // A node binds its socket under another name, and moves it into place.
    const isBound = name.join(' ') === path || name.join(' ') === `${path}~`;
    const pid = inode === undefined || !isBound ? undefined : await processOfSocket(proc, inode);
    if (pid !== undefined) return pid;
  }
  return undefined;
}
