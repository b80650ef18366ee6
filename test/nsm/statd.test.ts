/** The node beside real rpc.statd, sm-notify and rpcbind, in namespaces that the test makes for itself (as root). */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { outputOf } from '../../src/host/run.js';
import { SET_UP } from './daemons.js';

const SCENE_MS_MAX = 60_000;
/** Namespaces, with all that was started in them gone when the scene ends, however it ends. */
const APART = '--net --mount --pid --fork --kill-child --mount-proc --propagation private'.split(' ');

test('a real statd takes our notices, and its own reach us: as NSM of this host, and through a statd beside us', async (t) => {
  t.timeout(SCENE_MS_MAX + 5000);
  const isRoot = process.getuid?.() === 0;
  const tools = 'command -v rpcbind && command -v rpc.statd && command -v sm-notify && command -v unshare';
  const hasTools = (await outputOf('sh', ['-c', tools], 2000)) !== undefined;
  if (!isRoot || (!hasTools && process.env['CI'] !== 'true')) {
    t.log(`not run: it needs root, rpcbind and nfs-common; ${isRoot ? 'install them' : 'run the suite as root'}`);
    return t.pass();
  }
  const scene = fileURLToPath(new URL('statd.scene.js', import.meta.url));
  const { stdout } = await promisify(execFile)('unshare', [...APART, 'sh', '-c', SET_UP, process.execPath, scene], {
    timeout: SCENE_MS_MAX,
    killSignal: 'SIGKILL',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const seen = new Map<string, unknown>();
  for (const line of stdout.trim().split('\n')) {
    const said = JSON.parse(line) as { rule: string; seen: unknown };
    seen.set(said.rule, said.seen);
  }
  t.deepEqual(seen.get('own'), ['registered', 4046]);
  t.is(seen.get('locked'), 0);
  t.like(seen.get('monitored by the client'), { res_stat: 0 });
  t.like(seen.get('told'), { client: '10.77.0.2', serverAddress: '10.77.0.1', outcome: 'answered' });
  const { state } = seen.get('told') as { readonly state: number };
  t.deepEqual(
    seen.get('called back'),
    { mon_name: '10.77.0.1', state, priv: '0123456789abcdef', privileged: true },
    "the client's statd has told its lock manager",
  );
  t.like(seen.get('status'), [{ client: '10.77.0.2', phase: 'answered', state }]);
  t.is(seen.get('sm-notify'), 0);
  t.is(seen.get('dropped'), 0);
  t.deepEqual(seen.get('a restart'), [1, 'answered'], 'a restart keeps the lock and tells nobody');
  t.deepEqual(seen.get('host'), [null, true], 'our NSM stays closed where a statd lives');
  t.is(seen.get('locked behind SM_MON'), 0);
  t.like(seen.get('recorded first'), [true]);
  t.deepEqual(seen.get('sm-notify to statd'), [0, 0], 'the callback of statd drops the locks');
  t.is(seen.get('its priv stays'), 16);
  t.regex(String(seen.get('own beside a statd')), /--nsm host/);
  t.deepEqual(seen.get('none'), [0, null]);
  return undefined;
});
