/** The guests' only file system: busybox, the NFS client's programs, our guest programs and the modules they need. */
import { createHash } from 'node:crypto';
import { accessSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hosts } from './addresses.js';
import { cache, modulesOf, type Kernel } from './kernel.js';
import { which } from './packages.js';
import { librariesOf, run } from './process.js';

const sources = fileURLToPath(new URL('../../../../test/e2e/guest/', import.meta.url));
const scripts = ['init', 'begin'];
const written = ['agent', 'holder', 'hammer'];
const taken = ['mount.nfs', 'umount.nfs', 'rpc.statd', 'sm-notify', 'rpcbind', 'rpcinfo', 'mount', 'umount'];
const modules = ['virtio_pci', 'virtio_net', 'virtio_console', 'virtio-rng', '9pnet_virtio', '9p', 'nfsv3'];
const folders = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'etc', 'proc', 'sys', 'dev', 'run', 'tmp', 'mnt', 'root'];
const passwd = `root:x:0:0:root:/root:/bin/sh
statd:x:102:65534::/var/lib/nfs:/bin/false
_rpc:x:101:65534::/run/rpcbind:/bin/false
nobody:x:65534:65534::/:/bin/false
`;
const nsswitch = ['hosts', 'passwd', 'group', 'services', 'rpc', 'protocols', 'netgroup']
  .map((database) => `${database}: files\n`)
  .join('');

/** A digest of everything that is ours in the image: a change gives a new image. */
function digest(kernel: Kernel): string {
  const hash = createHash('sha256').update(kernel.version).update(hosts());
  for (const name of [...scripts, ...written.map((program) => `${program}.c`)])
    hash.update(readFileSync(join(sources, name)));
  return hash
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .digest('hex')
    .slice(0, 16);
}

async function programs(root: string): Promise<void> {
  for (const name of written) {
    const from = join(sources, `${name}.c`);
    await run(['gcc', '-O2', '-Wall', '-static', '-pthread', '-o', join(root, 'bin', name), from]);
  }
  await copyFile(which('busybox'), join(root, 'bin/busybox'));
  for (const applet of (await run([which('busybox'), '--list'])).trim().split('\n')) {
    if (applet !== 'busybox' && !taken.includes(applet)) await symlink('busybox', join(root, 'bin', applet));
  }
  for (const name of taken) {
    await copyFile(which(name), join(root, 'sbin', name));
    for (const library of await librariesOf(which(name))) {
      const to = join(root, library);
      await mkdir(join(to, '..'), { recursive: true });
      await copyFile(library, to);
    }
  }
}

async function configuration(root: string): Promise<void> {
  await writeFile(join(root, 'etc/passwd'), passwd);
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  await writeFile(join(root, 'etc/nsswitch.conf'), nsswitch);
  await writeFile(join(root, 'etc/hosts'), hosts());
  for (const name of ['netconfig', 'rpc', 'protocols', 'services']) {
    await copyFile(join('/etc', name), join(root, 'etc', name)).catch(() => undefined);
  }
  for (const [name, to] of scripts.map((name) => [name, join(root, name === 'init' ? '' : 'bin', name)] as const)) {
    await copyFile(join(sources, name), to);
    await chmod(to, 0o755);
  }
}

/** Copies each module with what it depends on, and writes the order in which init loads them. */
async function kernelModules(root: string, kernel: Kernel): Promise<void> {
  const order = new Set<string>();
  for (const name of modules) {
    for (const path of await modulesOf(kernel, name)) order.add(path);
  }
  await mkdir(join(root, 'lib/modules'), { recursive: true });
  for (const path of order) await copyFile(path, join(root, 'lib/modules', basename(path)));
  await writeFile(join(root, 'lib/modules/order'), [...order].map((path) => `${basename(path)}\n`).join(''));
}

/** The path of the image, made if the cache has none for these sources and this kernel. */
export async function ensureInitramfs(kernel: Kernel): Promise<string> {
  const image = join(cache, `initramfs-${digest(kernel)}.cpio`);
  try {
    accessSync(image);
    return image;
  } catch {
    // not made yet
  }
  const work = await mkdtemp(join(cache, 'root-'));
  const root = join(work, 'root');
  for (const folder of [...folders, 'var/lib/nfs']) await mkdir(join(root, folder), { recursive: true });
  await symlink('../run', join(root, 'var/run'));
  await programs(root);
  await configuration(root);
  await kernelModules(root, kernel);
  await run(['sh', '-c', `cd '${root}' && find . | cpio -o -H newc --quiet >../image`]);
  await rename(join(work, 'image'), image);
  await rm(work, { recursive: true });
  return image;
}
