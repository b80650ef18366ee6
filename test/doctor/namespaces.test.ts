/** The doctor against faults of a host that are provoked for real, in namespaces that the test makes (as root). */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { PRIVATE_HOST } from '../support/namespaces.js';
import { outputOf } from '../../src/host/run.js';

const SCENE_MS_MAX = 55_000;

async function seenBy(t: ExecutionContext): Promise<Map<string, string> | undefined> {
  const isRoot = process.getuid?.() === 0;
  const tools = 'command -v rpcbind && command -v rpc.statd && command -v unshare';
  const hasTools = (await outputOf('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin; ${tools}`], 2000)) !== undefined;
  if (!isRoot || (!hasTools && process.env['CI'] !== 'true')) {
    t.log(`not run: it needs root and rpcbind; ${isRoot ? 'install rpcbind and nfs-common' : 'run the suite as root'}`);
    return undefined;
  }
  const scene = fileURLToPath(new URL('doctor.scene.js', import.meta.url));
  const setUp = 'ip link set lo up && mount -t tmpfs -o mode=755 tmpfs /run && exec "$0" "$1"';
  const { stdout } = await promisify(execFile)(
    'unshare',
    [...PRIVATE_HOST, 'sh', '-c', setUp, process.execPath, scene],
    {
      timeout: SCENE_MS_MAX,
      killSignal: 'SIGKILL',
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  const seen = new Map<string, string>();
  for (const line of stdout.trim().split('\n')) {
    const said = JSON.parse(line) as { rule: string; seen: string[] };
    seen.set(said.rule, said.seen.join('\n'));
  }
  return seen;
}

test('each fault of a host is named', async (t) => {
  const seen = await seenBy(t);
  if (seen === undefined) return t.pass();
  const found = (rule: string, line: RegExp): void => {
    t.regex(seen.get(rule) ?? '', line, rule);
  };
  found('without rpcbind', /^fail portmapper: no rpcbind on this host: .*ECONNREFUSED/m);
  found('without rpcbind', /^warn addresses: 10\.9\.0\.9 is not on this host/m);
  found('rpcbind hangs', /^fail portmapper: rpcbind does not answer/m);
  found('all is well', /^ok portmapper: rpcbind answers, and takes registrations/m);
  found('all is well', /^ok ports: --nlm-port 4045, --nsm-port 4046: free/m);
  found('all is well', /^ok lockd: no other lock manager\nok statd: no other statd/m);
  found('rpcbind refuses', /^fail portmapper: rpcbind answers, and refuses registrations of this user/m);
  found(
    'a port is taken',
    new RegExp(
      `^fail ports: port 4045 of 10\\.9\\.0\\.1 over tcp is taken by process ${seen.get('holder')} \\(node\\)`,
      'm',
    ),
  );
  found(
    'another lock manager',
    /^fail lockd: another lock manager holds 100021, at port [0-9]+: process [0-9]+ \(node\)/m,
  );
  found('a lock manager that died', /^ok lockd/m);
  found(
    'statd of the host',
    /^fail statd: another statd holds 100024, at port [0-9, ]+: process [0-9]+ \(rpc\.statd\)/m,
  );
  found('a node', /^ok node: node .* serves/m);
  found('a node', /^ok portmapper: rpcbind tells clients where we are/m);
  found('a node', /^ok ports: .* taken by the node/m);
  t.notRegex(seen.get('a node') ?? '', /^fail/m);
  found(
    'a client without a lock manager',
    /^warn callbacks: client client1 at 10\.9\.0\.2 cannot be called back from 10\.9\.0\.1: .*port 4045.*ECONNREFUSED/m,
  );
  found('a client without a lock manager', /^warn handles: [0-9]+ calls? on file handles that no export matches/m);
  found('a client whose rpcbind is behind a firewall', /^warn callbacks: .*10\.9\.0\.2 port 9/m);
  found('the clock was set back', /^fail clock: the last entry of the ledger is 3[56][0-9]{2} s in the future/m);
  found('rpcbind is gone', /^fail portmapper: no rpcbind on this host/m);
  found('embedded', /^ok portmapper: embedded: tells clients where we are, port 111/m);
  found(
    'embedded beside rpcbind',
    /^fail ports: port 111 of 10\.9\.0\.1 over tcp is taken by process [0-9]+ \(rpcbind\)/m,
  );
  found('embedded beside rpcbind', /^fail portmapper: the embedded portmapper of 10\.9\.0\.1 does not tell clients/m);
  found('little room', /^warn disk: \/run\/small is in memory \(tmpfs\)/m);
  found('little room', /^fail disk: [0-9] MiB are free in \/run\/small: nothing is granted/m);
  return undefined;
});
