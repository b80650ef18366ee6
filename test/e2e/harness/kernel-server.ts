/** The kernel's NFS server on a guest: its programs and modules, put where the guest finds them, and started there. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Guest } from './guest.js';
import { cache, modulesOf, type Kernel } from './kernel.js';
import { librariesOf, run } from './process.js';

const hook = fileURLToPath(new URL('../../../../ops/hooks/kernel-exports', import.meta.url));
const programs = ['exportfs', 'rpc.nfsd', 'rpc.mountd'];
/** Below the folder that the guest has from its host. */
const PLACE = 'server';

/** Debian's package, fetched and unpacked, never installed: its services would start. */
async function unpacked(): Promise<string> {
  const root = join(cache, 'nfs-kernel-server');
  if (existsSync(root)) return root;
  const work = await mkdtemp(join(cache, 'unpack-'));
  const unpack = 'apt-get download nfs-kernel-server && dpkg -x nfs-kernel-server_*.deb root';
  await run(['sh', '-c', `cd '${work}' && ${unpack}`], 600_000);
  renameSync(join(work, 'root'), root);
  rmSync(work, { recursive: true });
  return root;
}

/** `folder` is what the guest has as /var/lib/nfs. */
export async function putKernelServer(folder: string, kernel: Kernel): Promise<void> {
  const put = (from: string, to: string): void => {
    const path = join(folder, PLACE, to);
    mkdirSync(dirname(path), { recursive: true });
    copyFileSync(from, path);
    chmodSync(path, 0o755);
  };
  const root = await unpacked();
  for (const name of programs) {
    const path = join(root, 'usr/sbin', name);
    put(path, join('sbin', name));
    for (const library of await librariesOf(path)) put(library, library);
  }
  for (const path of await modulesOf(kernel, 'nfsd')) put(path, join('lib/modules', basename(path)));
  put(hook, 'bin/kernel-exports');
}

/** A file system at `path` and a server that exports nothing yet. */
export async function startKernelServer(guest: Guest, path: string): Promise<void> {
  // A library that is there is in use: writing into it would break who runs on it.
  await guest.run(
    `cd /var/lib/nfs/${PLACE} && find . -type f | while read -r file; do [ -e "/$file" ] || { mkdir -p "/\${file%/*}" && cp -p "$file" "/$file"; }; done`,
  );
  // Most are there for the client's sake.
  for (const module of ['grace', 'lockd', 'nfs_acl', 'auth_rpcgss', 'nfsd']) {
    await guest.run(`grep -q '^${module} ' /proc/modules || insmod /lib/modules/${module}.ko`);
  }
  await guest.run('mount -t nfsd nfsd /proc/fs/nfsd');
  await guest.run(`mkdir -p ${path} && mount -t tmpfs web ${path} && chmod 1777 ${path}`);
  await guest.run('touch /etc/exports /var/lib/nfs/etab /var/lib/nfs/rmtab && rpc.nfsd 2 && rpc.mountd');
}
