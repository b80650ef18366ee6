/**
 * Runs inside network and mount namespaces of its own, as root: real mounts and addresses that come and go. Prints one
 * line of JSON for each rule; namespaces.test.ts starts it and reads them.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { parseAddress } from '../../src/base/address.js';
import { LedgerError } from '../../src/base/errors.js';
import { watchAddresses, type AddressChange } from '../../src/host/addresses.js';
import { nameZone } from '../../src/host/interfaces.js';
import { fileSystemOfPath } from '../../src/host/mounts.js';

function say(rule: string, seen: unknown): void {
  process.stdout.write(`${JSON.stringify({ rule, seen })}\n`);
}

function run(command: string): void {
  execFileSync('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function mountPointOf(path: string, expectedMountPoints: readonly string[] = []): Promise<string> {
  try {
    return (await fileSystemOfPath(path, { expectedMountPoints })).mountPoint;
  } catch (error) {
    if (error instanceof LedgerError) return error.code;
    throw error;
  }
}

// /run is a tmpfs of this scene.
mkdirSync('/run/a b/export', { recursive: true });
mkdirSync('/run/bind');
run(
  'mount -t tmpfs data "/run/a b/export" && mkdir "/run/a b/export/sub" && mount --bind "/run/a b/export/sub" /run/bind',
);
const inside = await fileSystemOfPath('/run/a b/export/sub');
const bound = await fileSystemOfPath('/run/bind');
say('mounted', [inside.mountPoint, inside.type, inside.source]);
say('bind', [bound.mountPoint, bound.device === inside.device, bound.fsid === inside.fsid && bound.fsid !== undefined]);
run('mount -t tmpfs other "/run/a b/export" && mkdir "/run/a b/export/sub"');
const above = await fileSystemOfPath('/run/a b/export/sub');
say('hidden', [above.source, above.device === inside.device]);
run('umount "/run/a b/export" && umount "/run/a b/export" && mkdir "/run/a b/export/sub"');
say('unmounted', [
  await mountPointOf('/run/a b/export/sub', ['/run/a b/export']),
  await mountPointOf('/run/a b/export/sub'),
]);

let heard: ((change: AddressChange) => void) | undefined;
const changes: AddressChange[] = [];
const watch = await watchAddresses((change) => {
  changes.push(change);
  heard?.(change);
});

/** Runs the command and waits until the watch says that an address came or went, the way it is asked for. */
async function until(command: string, address: string, isHere: boolean): Promise<number> {
  const start = performance.now();
  run(command);
  while (watch.has(parseAddress(address)) !== isHere) await new Promise<unknown>((resolve) => (heard = resolve));
  return performance.now() - start;
}

const times = [
  await until('ip addr add 10.9.9.9/32 dev lo', '10.9.9.9', true),
  await until('ip addr del 10.9.9.9/32 dev lo', '10.9.9.9', false),
  await until(
    'ip link add d0 type veth peer name d1 && ip addr add 10.8.8.8/24 dev d0 && ip link set d0 up',
    '10.8.8.8',
    true,
  ),
  await until('ip addr add fe80::77/64 dev d0 nodad', 'fe80::77%d0', true),
];
say(
  'within five seconds',
  times.every((ms) => ms < 5000),
);
say('an alias of loopback', changes.slice(0, 2));
const index = /^[0-9]+/.exec(execFileSync('ip', ['-o', 'link', 'show', 'd0'], { encoding: 'utf8' }))?.[0];
say('zone', await nameZone(`fe80::77%${index}`));
await until('ip link set d0 down', '10.8.8.8', false);
say('down', watch.has(parseAddress('10.8.8.8')));
await watch.close();
