/** What the harness needs of the machine: root, Linux, and Debian packages, installed when they are missing. */
import { accessSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './process.js';

export const nft = '/usr/sbin/nft';

const program: ReadonlyArray<readonly [name: string, debianPackage: string]> = [
  ['qemu-system-x86_64', 'qemu-system-x86'],
  ['busybox', 'busybox-static'],
  ['rpcbind', 'rpcbind'],
  ['rpcinfo', 'rpcbind'],
  ['mount.nfs', 'nfs-common'],
  ['rpc.statd', 'nfs-common'],
  ['ganesha.nfsd', 'nfs-ganesha'],
  ['tshark', 'tshark'],
  ['tcpdump', 'tcpdump'],
  ['cpio', 'cpio'],
  ['depmod', 'kmod'],
  ['ip', 'iproute2'],
  ['arping', 'iputils-arping'],
  ['iptables', 'iptables'],
  ['nats-server', 'nats-server'],
  ['nsenter', 'util-linux'],
  ['sysctl', 'procps'],
  ['gcc', 'gcc'],
];
const file: ReadonlyArray<readonly [path: string, debianPackage: string]> = [
  ['/usr/lib/x86_64-linux-gnu/ganesha/libfsalvfs.so', 'nfs-ganesha-vfs'],
  ['/usr/lib/x86_64-linux-gnu/libc.a', 'libc6-dev'],
  // By its path: npm puts another program of that name before it.
  [nft, 'nftables'],
];

/** Where the system's programs are, also for a user whose PATH has no sbin. */
const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];

function there(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The path of a program. Throws when it is not installed. */
export function which(name: string): string {
  const found = folders.map((folder) => join(folder, name)).find(there);
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}

function missing(): string[] {
  const packages = program
    .filter(([name]) => !folders.some((folder) => there(join(folder, name))))
    .map(([, debianPackage]) => debianPackage);
  for (const [path, debianPackage] of file) if (!there(path)) packages.push(debianPackage);
  return [...new Set(packages)];
}

/** Installs what is missing; throws, saying what to do, where that is impossible. */
export async function ensurePackages(): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('the end-to-end suite needs Linux on x86-64');
  process.env['PATH'] = [...new Set(folders)].join(delimiter);
  const packages = missing();
  const install = ['apt-get', '-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '--no-install-recommends', ...packages];
  if (process.getuid?.() !== 0) {
    const before = packages.length === 0 ? '' : ` (and, once: ${install.join(' ')})`;
    throw new Error(`network namespaces need root: run "sudo npm run test:e2e"${before}`);
  }
  if (packages.length === 0) return;
  process.env['DEBIAN_FRONTEND'] = 'noninteractive';
  try {
    await run(install, 600_000);
  } catch {
    await run(['apt-get', 'update'], 300_000);
    await run(install, 600_000);
  }
  const still = missing();
  if (still.length > 0) throw new Error(`still missing after apt-get install: ${still.join(' ')}`);
}
