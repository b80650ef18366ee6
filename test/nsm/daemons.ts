/** The daemons of a host in namespaces of their own, started and found to answer. They end with their namespaces. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Rpcbind } from '../../src/effects/rpcbind/rpcbind.js';
import { findStatd } from '../../src/effects/statd/host-statd.js';

/** Of the shell that begins a host: nothing of the machine below is written to, and names need no network. */
export const SET_UP = [
  'ip link set lo up',
  'mount -t tmpfs tmpfs /run',
  'mkdir -p /var/lib/nfs',
  'mount -t tmpfs tmpfs /var/lib/nfs',
  "printf '127.0.0.1 localhost\\n10.77.0.1 here\\n10.77.0.2 peer\\n' > /run/hosts",
  'mount --bind /run/hosts /etc/hosts',
  'exec "$0" "$1"',
].join(' && ');

export const TOOLS = { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } };
const CHILDREN: ChildProcess[] = [];

process.on('exit', () => {
  for (const child of CHILDREN) child.kill('SIGKILL');
});

function start(tool: string, args: readonly string[]): void {
  CHILDREN.push(spawn(tool, args, { ...TOOLS, stdio: ['ignore', 'ignore', 'ignore'] }));
}

/** They tell nobody that they are ready. */
async function until(isReady: () => Promise<boolean>): Promise<void> {
  while (!(await isReady().catch(() => false))) await pause(20);
}

export async function startRpcbind(): Promise<void> {
  mkdirSync('/run/rpcbind', { recursive: true });
  start('rpcbind', ['-f', '-w']);
  await until(async () => (await new Rpcbind().list(500)).length > 0);
}

export async function startStatd(): Promise<void> {
  for (const folder of ['sm', 'sm.bak']) mkdirSync(`/var/lib/nfs/${folder}`, { recursive: true });
  start('rpc.statd', ['-F', '-L']);
  await until(async () => (await findStatd()) === 'living');
}
