/**
 * Runs in namespaces of its own, as root: a host with a lock manager, its rpcbind and rpc.statd, and a client's host. Each
 * line of the runbook of the move goes through a shell as it stands. Prints one line of JSON for each rule.
 */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SET_UP, startRpcbind, startStatd, TOOLS } from '../nsm/daemons.js';
import { linesOf } from '../support/runbook.js';
import { say } from '../support/scene.js';

const HERE = '10.77.0.1';
const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const PATH = `/run/bin:${TOOLS.env.PATH}`;
const environment = { PATH, HOME: '/run/home', XDG_STATE_HOME: '/run/state' };
const STATD = `statd() {
  for pid in $(pidof rpc.statd); do
    if [ "$(readlink /proc/$pid/ns/net)" = "$(readlink /proc/self/ns/net)" ]; then echo $pid; fi
  done
}`;
const CONFIGURATION = '/run/nlm-ledger.json';

interface Ran {
  readonly code: number;
  readonly out: string;
}

function sh(line: string, within: readonly string[] = []): Promise<Ran> {
  const [tool, ...parameters] = [...within, 'sh', '-c', line];
  return new Promise((resolve) => {
    execFile(tool, parameters, { env: environment }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, out: stdout + stderr });
    });
  });
}

/** Resolves once the node that the line starts serves. */
async function startBy(line: string, more: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `exec ${line}`], {
    env: { ...environment, ...more },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  const serves = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (text) => {
      log += `${text}\n`;
      if (text.includes('"msg":"serving"')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`${line}: ended (${String(code)})\n${log}`)));
  });
  await serves;
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  await exit;
}

mkdirSync('/run/bin');
symlinkSync(main, '/run/bin/nlm-ledger');
symlinkSync(process.execPath, '/run/bin/node');
await sh('mount -t tmpfs tmpfs /var/tmp');
writeFileSync(CONFIGURATION, JSON.stringify({ listen: [HERE], firstStart: 'none' }));

// The client's host.
const other = ['--net', '--mount', '--propagation', 'private', 'sh', '-c', SET_UP, process.execPath];
const client = spawn('unshare', [...other, fileURLToPath(new URL('../nsm/peer.scene.js', import.meta.url))], {
  ...TOOLS,
  stdio: ['pipe', 'pipe', 'inherit'],
});
process.on('exit', () => client.kill('SIGKILL'));
const answers = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
const next = async (): Promise<unknown> => {
  // What the client writes; it ends only with the scene.
  const { answer, error } = JSON.parse(String((await answers.next()).value)) as { answer?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return answer;
};
const peer = (order: object): Promise<unknown> => {
  client.stdin.write(`${JSON.stringify(order)}\n`);
  return next();
};
await next();
const run = (line: string) => promisify(execFile)('ip', line.split(' '), TOOLS);
await run(`link add here type veth peer name peer netns ${client.pid}`);
await run(`addr add ${HERE}/24 dev here`);
await run('link set here up');
await peer({ do: 'address' });
await peer({ do: 'daemons' });
const call = async (words: string, file = 'report'): Promise<number> => {
  const line = `nlm-ledger call lock --server ${HERE} --caller peer --file ${file} ${words}`;
  return (await sh(line, ['nsenter', `--net=/proc/${client.pid}/ns/net`, '--'])).code;
};

// The old one: what it granted is in its own memory, and the host's statd watches its clients.
await startRpcbind();
await startStatd();
const old = await startBy(
  `nlm-ledger start --listen ${HERE} --nlm-port 4001 --nsm-port 4002 --nsm host --control off --portmap system`,
  { XDG_STATE_HOME: '/run/old' },
);
say('held at the old one', await call('--svid 1'));
say('watched', readdirSync('/var/lib/nfs/sm').length);
await peer({ do: 'monitor', server: HERE });
const ends: Record<string, () => Promise<unknown>> = {
  'nfs-ganesha': () => stop(old),
  // The client's is another one.
  'rpc-statd': () => sh(`${STATD}; kill $(statd); while [ -n "$(statd)" ]; do sleep 0.05; done`),
};

const ran: [line: string, code: number][] = [];
let node: ChildProcess | undefined;
for (const written of linesOf('move-from-lockd-or-ganesha.md')) {
  const line = written.replaceAll('/etc/nlm-ledger.json', CONFIGURATION).replaceAll('10.1.1.2', HERE);
  const unit = /^systemctl stop (\S+)$/.exec(line)?.[1];
  if (unit !== undefined) {
    // The service manager of another host.
    if (ends[unit] === undefined) throw new Error(`what is ${unit}?`);
    await ends[unit]();
    ran.push([written, 0]);
  } else if (line.startsWith('nlm-ledger start')) {
    node = await startBy(line);
    ran.push([written, 0]);
    if (line.includes('--first-start')) {
      say('a new lock in the grace period', await call('--svid 2'));
    }
  } else {
    const { code, out } = await sh(line);
    ran.push([written, code]);
    say(`said: ${ran.length}`, out);
    if (line.startsWith('sm-notify')) {
      say('the client was told', await peer({ do: 'callback' }));
      say('reclaimed', await call('--svid 1 --reclaim'));
    }
    // As the runbook says: the one that was tried is stopped.
    if (line.includes('/var/tmp/nlm-try') && node !== undefined) await stop(node);
  }
}
say('ran', ran);
say('held', await call('--svid 2'));
say('free', await call('--svid 2', 'another'));
process.exit(0);
