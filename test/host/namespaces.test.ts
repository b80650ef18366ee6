/** The host's mounts and addresses as they really change, in namespaces that the test makes for itself (as root). */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const SCENE_MS_MAX = 30_000;

test('hazard 24: mounts and addresses are seen as the kernel has them, while they come and go', async (t) => {
  if (process.getuid?.() !== 0) {
    t.log('not run: it needs root for its namespaces');
    return t.pass();
  }
  const scene = fileURLToPath(new URL('host.scene.js', import.meta.url));
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
  t.deepEqual(seen.get('mounted'), ['/run/a b/export', 'tmpfs', 'data']);
  t.deepEqual(seen.get('bind'), ['/run/bind', true, true], 'a bind mount is the same file system');
  t.deepEqual(seen.get('hidden'), ['other', false], 'the mount above hides the one below');
  t.deepEqual(
    seen.get('unmounted'),
    ['path-not-found', '/run'],
    'an expected mount point never means what is below it',
  );
  t.deepEqual(seen.get('an alias of loopback'), [
    { added: ['10.9.9.9'], removed: [] },
    { added: [], removed: ['10.9.9.9'] },
  ]);
  t.true(seen.get('within five seconds'));
  t.is(seen.get('zone'), 'fe80::77%d0');
  t.is(seen.get('down'), false, 'an address of an interface that is down cannot be bound');
  return undefined;
});
