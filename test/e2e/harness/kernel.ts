/** The guests' kernel: Debian's, fetched and unpacked into the cache, never installed. */
import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.js';

/** What does not change between runs: the unpacked kernel and the initramfs. */
export const cache = join(tmpdir(), 'nlm-ledger-e2e');

export interface Kernel {
  readonly version: string;
  readonly image: string;
  /** The folder that the package was unpacked into: lib/modules/<version> is in it. */
  readonly root: string;
}

function unpacked(): Kernel | undefined {
  const root = join(cache, 'kernel');
  try {
    const image = readdirSync(join(root, 'boot')).find((name) => name.startsWith('vmlinuz-'));
    return image === undefined
      ? undefined
      : { version: image.slice('vmlinuz-'.length), image: join(root, 'boot', image), root };
  } catch {
    return undefined;
  }
}

/** The files of a module and of what it depends on, in the order in which they are loaded. */
export async function modulesOf({ root, version }: Kernel, name: string): Promise<string[]> {
  const lines = await run(['modprobe', '-d', root, '-S', version, '--show-depends', name]);
  return [...lines.matchAll(/^insmod (\S+)/gm)].flatMap(([, path]) => path ?? []);
}

/** Fetches the kernel that linux-image-amd64 stands for, unless the cache has one. */
export async function ensureKernel(): Promise<Kernel> {
  const found = unpacked();
  if (found !== undefined) return found;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'unpack-'));
  const depends = await run(['apt-cache', 'depends', 'linux-image-amd64']);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error('linux-image-amd64 is unknown to apt: run "apt-get update"');
  await run(['sh', '-c', `cd '${work}' && apt-get download ${name} && dpkg -x ${name}_*.deb kernel`], 600_000);
  const version = name.slice('linux-image-'.length);
  await run(['depmod', '-b', join(work, 'kernel'), version]);
  // Another run may have been quicker: then its kernel stands, and ours goes with the work folder.
  await rename(join(work, 'kernel'), join(cache, 'kernel')).catch(() => undefined);
  await rm(work, { recursive: true });
  const kernel = unpacked();
  if (kernel === undefined) throw new Error(`${name} holds no kernel`);
  return kernel;
}
