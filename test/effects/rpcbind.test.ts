/** Registration with a real rpcbind, in network and mount namespaces that the test makes for itself (as root). */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { Registrar } from '../../src/effects/rpcbind/registrar.js';
import { Rpcbind } from '../../src/effects/rpcbind/rpcbind.js';
import { outputOf } from '../../src/host/run.js';
import { startRpcService } from './rpc-service.js';

const SCENE_MS_MAX = 40_000;

test('a real rpcbind knows our programs from start to clean stop, and again after its restart', async (t) => {
  const isRoot = process.getuid?.() === 0;
  const hasRpcbind = (await outputOf('sh', ['-c', 'command -v rpcbind && command -v unshare'], 2000)) !== undefined;
  if (!isRoot || (!hasRpcbind && process.env['CI'] !== 'true')) {
    t.log(`not run: it needs root and rpcbind; ${isRoot ? 'install rpcbind' : 'run the suite as root'}`);
    return t.pass();
  }
  const scene = fileURLToPath(new URL('rpcbind.scene.js', import.meta.url));
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
  t.is(seen.get('without rpcbind'), 'unavailable');
  const all = [1, 3, 4].flatMap((version) => ['tcp', 'tcp6', 'udp', 'udp6'].map((netid) => `${version} ${netid} 4045`));
  t.deepEqual(seen.get('registered'), all);
  t.deepEqual(seen.get('found'), [4045, 4045, 4045, 4045]);
  t.deepEqual(seen.get('found by transport'), [1001, 1002], 'over IPv6 each transport has its own port');
  t.is(seen.get('registered again'), all.length);
  t.deepEqual(seen.get('unregistered'), [[], true], 'the programs of others stay');
  t.deepEqual(seen.get('stale'), ['registered', ['4 tcp 4045', '4 udp 5000']], 'what nobody answers for is replaced');
  t.deepEqual(seen.get('only ours'), ['4 udp 5000']);
  t.like(seen.get('taken'), { type: 'taken', by: { port: 5000, protocol: 'udp' } });
  t.deepEqual(seen.get('left alone'), ['4 udp 5000']);
  t.deepEqual(seen.get('from a privileged port'), [
    'registered',
    ['1 tcp 4045', '1 udp 4045', '4 tcp 4045', '4 udp 4045'],
  ]);
  t.deepEqual(seen.get('from a privileged port, unregistered'), []);
  t.is(seen.get('user'), 'registered', 'over the Unix socket each user may register');
  t.like(seen.get('user without the socket'), { type: 'refused' });
  return undefined;
});

test('an rpcbind that hangs is unavailable within the deadline', async (t) => {
  const hung = await startRpcService('tcp', () => 'silence');
  t.teardown(() => hung.close());
  const registrar = new Registrar({
    registrations: [{ program: 100021, version: 4, protocol: 'tcp', port: 4045 }],
    rpcbind: new Rpcbind({ port: hung.port, socketPath: '/nonexistent/rpcbind.sock' }),
    onOutcome: () => undefined,
  });
  const outcome = await registrar.start();
  t.is(outcome.type, 'unavailable');
  await registrar.close();
});
