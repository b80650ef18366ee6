/** What the host says: mounts, inodes, addresses, folder locks, default paths. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { parseAddress } from '../../src/base/address.js';
import { LedgerError } from '../../src/base/errors.js';
import { watchAddresses } from '../../src/host/addresses.js';
import { lockFolder } from '../../src/host/exclusive.js';
import { pathsOfInodes } from '../../src/host/inodes.js';
import { listAddresses, nameZone, parseIpAddr } from '../../src/host/interfaces.js';
import { fileSystemOfPath, parseMountInfo } from '../../src/host/mounts.js';
import { checkSocketPath, defaultDataFolder, defaultSocketPath } from '../../src/host/paths.js';
import { outputOf } from '../../src/host/run.js';

async function temporaryFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'host-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('the mount table is read with its octal escapes, and rows that are none are left out', (t) => {
  const text = [
    '36 35 98:0 /sub /mnt/a\\040b rw,noatime master:1 - ext4 /dev/my\\134disk rw,errors=continue',
    '37 35 0:40 / /mnt/c rw - nfs4 server:/x rw',
    'garbage',
    '',
  ].join('\n');
  t.deepEqual(parseMountInfo(text), [
    { id: 36, device: '98:0', root: '/sub', mountPoint: '/mnt/a b', type: 'ext4', source: '/dev/my\\disk' },
    { id: 37, device: '0:40', root: '/', mountPoint: '/mnt/c', type: 'nfs4', source: 'server:/x' },
  ]);
});

test('a path lies on the file system that the kernel says, through symbolic links too', async (t) => {
  const folder = await temporaryFolder(t);
  await symlink('/proc/self', join(folder, 'link'));
  const proc = await fileSystemOfPath(join(folder, 'link'));
  t.like(proc, { mountPoint: '/proc', type: 'proc' });
  const here = await fileSystemOfPath(folder);
  t.is(here.fsid, (await outputOf('stat', ['-f', '-c', '%i', folder], 5000))?.trim());
});

test('a path that is not there, not absolute, or below a missing mount is an error that says so', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'file'), '');
  const failure = async (path: string, expectedMountPoints: string[] = []): Promise<LedgerError> =>
    t.throwsAsync(fileSystemOfPath(path, { expectedMountPoints }), { instanceOf: LedgerError });
  t.like(await failure(join(folder, 'none')), { code: 'path-not-found', details: { errno: 'ENOENT' } });
  t.like(await failure(join(folder, 'file', 'x')), { code: 'path-not-found', details: { errno: 'ENOTDIR' } });
  t.is((await failure('relative')).code, 'bad-request');
  await mkdir(join(folder, 'export', 'sub'), { recursive: true });
  t.like(await failure(join(folder, 'export', 'sub'), [join(folder, 'export')]), {
    code: 'path-not-found',
    details: { errno: 'ENOTMOUNTED' },
  });
  await t.notThrowsAsync(fileSystemOfPath(join(folder, 'export'), { expectedMountPoints: ['/proc', `${folder}/exp`] }));
});

test('inodes are found by one bounded search', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'deep'));
  const path = join(folder, 'deep', 'a b\nc');
  await writeFile(path, '');
  const { ino } = await stat(path);
  t.deepEqual(await pathsOfInodes(folder, [ino, 0]), new Map([[ino, path]]));
  t.is((await pathsOfInodes(join(folder, 'none'), [1])).size, 0);
  t.is((await pathsOfInodes('/', [2 ** 40], { timeMsMax: 30 })).size, 0, 'ends in time');
});

test('hazard 24: addresses that are not ready, or on an interface that is down, are not here', async (t) => {
  const listed = parseIpAddr(
    JSON.stringify([
      { ifname: 'lo', flags: ['UP'], addr_info: [{ local: '127.0.0.1' }, { local: '10.9.9.9' }] },
      { ifname: 'eth0', flags: ['UP'], addr_info: [{ local: 'fe80::1' }, { local: 'fd00::1', tentative: true }, {}] },
      { ifname: 'eth1', flags: [], addr_info: [{ local: '10.1.1.1' }] },
      {},
    ]),
  );
  t.deepEqual([...(listed ?? [])], ['127.0.0.1', '10.9.9.9', 'fe80::1%eth0'] as never);
  t.is(parseIpAddr('usage: ip'), undefined);
  t.is(await nameZone('fe80::1%eth0'), 'fe80::1%eth0');
});

test('hazard 24: loopback addresses are always here', async (t) => {
  const watch = await watchAddresses(() => undefined);
  t.teardown(() => watch.close());
  t.true(watch.has(parseAddress('127.77.1.2')));
  t.true(watch.has(parseAddress('::1')));
  t.false(watch.has(parseAddress('203.0.113.77')));
  t.deepEqual(await listAddresses(), watch.current());
});

test('hazard 23: a folder belongs to one process until it closes or dies, and the error names that process', async (t) => {
  const folder = await temporaryFolder(t);
  const lock = await lockFolder(folder);
  t.like(await t.throwsAsync(lockFolder(folder), { instanceOf: LedgerError }), {
    code: 'busy',
    details: { pid: process.pid },
  });
  await lock.close();
  await lock.close();
  const module = new URL('../../src/host/exclusive.js', import.meta.url).href;
  const script = `import { lockFolder } from ${JSON.stringify(module)}; await lockFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => other.kill('SIGKILL'));
  await once(other.stdout, 'data');
  t.like(await t.throwsAsync(lockFolder(folder), { instanceOf: LedgerError }), {
    code: 'busy',
    details: { pid: other.pid },
  });
  other.kill('SIGKILL');
  await once(other, 'close');
  await (await lockFolder(folder)).close();
});

test('data and socket lie where systemd, else XDG, else the home folder says', (t) => {
  t.is(defaultDataFolder({ STATE_DIRECTORY: '/var/lib/nlm-ledger:/var/lib/x', HOME: '/h' }), '/var/lib/nlm-ledger');
  t.is(defaultDataFolder({ XDG_STATE_HOME: '/s', HOME: '/h' }), '/s/nlm-ledger');
  t.is(defaultDataFolder({ XDG_STATE_HOME: 'relative', HOME: '/h' }), '/h/.local/state/nlm-ledger');
  t.is(defaultSocketPath('/d', { RUNTIME_DIRECTORY: '/run/nlm-ledger' }), '/run/nlm-ledger/socket');
  t.is(defaultSocketPath('/d', { XDG_RUNTIME_DIR: '/run/user/7' }), '/run/user/7/nlm-ledger.sock');
  t.is(defaultSocketPath('/d', {}), '/d/socket');
});

test('a socket path that the kernel would cut is refused', (t) => {
  t.notThrows(() => checkSocketPath(`/${'x'.repeat(106)}`));
  t.is(t.throws(() => checkSocketPath(`/${'é'.repeat(54)}`), { instanceOf: LedgerError }).code, 'bad-request');
});

test('the monitor of addresses ends with a node that is killed, also while it begins', async (t) => {
  const module = new URL('../../src/host/addresses.js', import.meta.url).href;
  const script = `const { watchAddresses } = await import(${JSON.stringify(module)});
    await watchAddresses(() => undefined); console.log('watching'); setInterval(() => undefined, 1000);`;
  const node = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => node.kill('SIGKILL'));
  await once(node.stdout, 'data');
  const children = `/proc/${node.pid}/task/${node.pid}/children`;
  const isMonitor = (pid: string): boolean => commandOf(pid).includes('monitor');
  let monitor: string | undefined;
  for (let looks = 0; monitor === undefined && looks < 200; looks += 1) {
    monitor = readFileSync(children, 'utf8').trim().split(' ').find(isMonitor);
    if (monitor === undefined) await delay(20);
  }
  if (monitor === undefined || !existsSync('/usr/bin/setpriv')) return t.pass('no ip, or no setpriv, on this host');
  node.kill('SIGKILL');
  for (let looks = 0; looks < 1500 && isMonitor(monitor); looks += 1) await delay(20);
  t.false(isMonitor(monitor));
});

/** Empty for a process that is gone. */
function commandOf(pid: string): string {
  try {
    return pid === '' ? '' : readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
