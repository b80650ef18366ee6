/**
 * The machine of a guest, and its first seconds, which all boots have in common: kernel, modules, agent. They are gone
 * through once for a kernel and an image, and the machine's state is kept; every guest goes on from there.
 */
import { createHash } from 'node:crypto';
import { accessSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { until } from './events.js';
import { cache } from './kernel.js';
import { createTap, inNamespace, removeTap, type Network } from './namespaces.js';
import { Daemon, run } from './process.js';

export interface Image {
  readonly kernel: string;
  readonly initramfs: string;
}

/** Where the machine's parts that are outside of it lie. */
export interface MachinePlace {
  readonly name: string;
  readonly network: Network;
  readonly folder: string;
  /** What the machine writes on its serial line. */
  readonly console: string;
}

const words = [
  'console=ttyS0',
  'panic=1',
  'quiet',
  'nokaslr',
  // On a busy machine the ticks that it counts come late, and the guest would not boot.
  'no_timer_check',
  'mitigations=off',
  'random.trust_cpu=on',
  'tsc=unstable',
];

function hardware({ kernel, initramfs }: Image): string[] {
  const accelerator = process.env['E2E_ACCEL'] ?? 'tcg';
  return [
    ['-accel', accelerator, '-cpu', 'max', '-machine', 'q35', '-smp', '1', '-m', '384'],
    ['-display', 'none', '-vga', 'none', '-nodefaults', '-no-user-config'],
    ['-kernel', kernel, '-initrd', initramfs, '-append', words.join(' ')],
    // Of the machine that is kept: begin gives each guest its own.
    ['-device', 'virtio-net-pci,netdev=n0,mac=52:54:00:4d:00:01,romfile=', '-device', 'virtio-rng-pci'],
    ['-device', 'virtio-serial-pci', '-device', 'virtserialport,chardev=c0,nr=1'],
    ['-device', 'virtio-9p-pci,fsdev=state,mount_tag=state'],
    // Tells the kernel that it goes on as a copy: its random numbers are new ones then.
    ['-device', 'vmgenid,guid=auto'],
  ].flat();
}

/** The command that starts a machine; it has to have a server at `port` in its folder, and there the folder `state`. */
export function machine(image: Image, { name, network, folder, console }: MachinePlace): string[] {
  const outside = [
    ['-name', name, '-serial', `file:${console}`],
    // The bridge learns where a guest is from the guest itself.
    ['-global', 'migration.announce-rounds=0'],
    ['-netdev', `tap,id=n0,ifname=${name},script=no,downscript=no`],
    ['-chardev', `socket,id=c0,path=${join(folder, 'port')},server=off`],
    ['-fsdev', `local,id=state,path=${join(folder, 'state')},security_model=none`],
  ].flat();
  return [...inNamespace(network.bridge), 'qemu-system-x86_64', ...outside, ...hardware(image)];
}

let ensured: Promise<string> | undefined;

/** The path of the kept state; the first time on a machine it is made, which takes as long as a boot. */
export async function ensureBooted(image: Image, network: Network): Promise<string> {
  return (ensured ??= ensure(image, network));
}

async function ensure(image: Image, network: Network): Promise<string> {
  const version = await run(['qemu-system-x86_64', '--version']);
  const digest = createHash('sha256').update(JSON.stringify([version, hardware(image)]));
  const kept = join(cache, `booted-${digest.digest('hex').slice(0, 16)}`);
  try {
    accessSync(kept);
    return kept;
  } catch {
    // not made yet
  }
  const folder = await mkdtemp(join(cache, 'boot-'));
  const place = { name: 'boot', network, folder, console: join(folder, 'console') };
  await mkdir(join(folder, 'state'));
  let greeted = false;
  const agent = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => (greeted = true));
  }).listen(join(folder, 'port'));
  await createTap(network, place.name);
  const monitor = join(folder, 'monitor');
  const command = [...machine(image, place), '-monitor', `unix:${monitor},server=on,wait=off`];
  const qemu = new Daemon(place.name, command, join(folder, 'qemu.log'));
  try {
    await until('the agent of a guest that boots', 120_000, () => {
      qemu.expectRunning();
      return greeted;
    });
    await save(monitor, join(folder, 'saved'));
    await rename(join(folder, 'saved'), kept);
  } catch (error) {
    throw new Error(`${qemu.tail()}\n${await run(['tail', '-n', '20', place.console])}`, { cause: error });
  } finally {
    await qemu.stop('SIGKILL');
    agent.close();
    await removeTap(network, place.name);
    await rm(folder, { recursive: true, force: true });
  }
  return kept;
}

/** Saves the state of a machine, by its monitor. */
async function save(monitor: string, file: string): Promise<void> {
  const socket = createConnection(monitor);
  let said = '';
  socket.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  try {
    socket.write(`migrate -d "exec:cat >'${file}'"\n`);
    await until('the state is saved', 60_000, () => {
      if (/^Migration status: failed/m.test(said)) throw new Error(said);
      socket.write('info migrate\n');
      return /^Migration status: completed/m.test(said);
    });
  } finally {
    socket.destroy();
  }
}
