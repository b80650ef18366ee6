/** The embedded port mapper asked by rpcinfo and showmount, in namespaces that the test makes for itself (as root). */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { outputOf } from '../../src/host/run.js';

const SCENE_MS_MAX = 50_000;

test('rpcinfo and showmount find every service of ours in the embedded portmapper, on IPv4 and IPv6', async (t) => {
  const isRoot = process.getuid?.() === 0;
  const tools = 'command -v rpcinfo && command -v showmount && command -v unshare';
  const hasTools = (await outputOf('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin; ${tools}`], 2000)) !== undefined;
  if (!isRoot || (!hasTools && process.env['CI'] !== 'true')) {
    t.log(`not run: it needs root and rpcinfo; ${isRoot ? 'install rpcbind and nfs-common' : 'run the suite as root'}`);
    return t.pass();
  }
  const scene = fileURLToPath(new URL('rpcinfo.scene.js', import.meta.url));
  const setUp = 'ip link set lo up && mount -t tmpfs tmpfs /run && exec "$0" "$1"';
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--net', '--mount', '--propagation', 'private', 'sh', '-c', setUp, process.execPath, scene],
    { timeout: SCENE_MS_MAX, killSignal: 'SIGKILL', env: { ...process.env, NODE_OPTIONS: '' } },
  );
  const seen = new Map<string, unknown>();
  for (const line of stdout.trim().split('\n')) {
    const said = JSON.parse(line) as { rule: string; seen: unknown };
    seen.set(said.rule, said.seen);
  }
  const textOf = (rule: string): string => String(seen.get(rule));
  t.notRegex(textOf('notes'), /portmap/);
  for (const row of [
    '100000 2 tcp 111',
    '100000 4 udp 111',
    '100021 1 udp 4045',
    '100021 4 tcp 4045',
    '100024 1 udp 4046',
  ]) {
    t.true(textOf('rpcinfo -p').includes(row), row);
  }
  t.regex(textOf('rpcinfo -p'), /100005 3 tcp [0-9]+ mountd/);
  t.regex(textOf('rpcinfo -s'), /100021 4,3,1 udp,tcp nlockmgr nlm-ledger/);
  t.regex(textOf('rpcinfo -s over IPv6'), /100021 4,3,1 udp6,tcp6 nlockmgr nlm-ledger/);
  t.regex(textOf('rpcinfo -l'), /100021 4 inet\/tcp\/cots_ord 10\.9\.0\.1\.15\.205/);
  for (const answer of seen.get('answers') as string[]) t.regex(answer, /^0\nprogram [0-9]+ version [0-9]+ ready/);
  for (const answer of seen.get('not served') as string[]) t.regex(answer, /Program not registered/);
  t.regex(textOf('showmount'), /^0\nExport list for 10\.9\.0\.1/);
  t.true(seen.get('set'));
  t.false(seen.get('set of ours'));
  t.true(seen.get('seen by all'));
  t.true(seen.get('unset'));
  t.regex(textOf('rpcinfo -d'), /Could not delete/);
  t.true(seen.get('still there'));
  t.true(seen.get('back with its address'));
  return undefined;
});
