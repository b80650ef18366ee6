/**
 * Runs inside network, mount and process namespaces of its own, as root: each fault that needs them is provoked for
 * real, and the doctor looks. Prints one line of JSON for each; namespaces.test.ts starts it and reads them.
 */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, renameSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { callAdmin } from '../../src/admin/call.js';
import { compose, type RunningNode } from '../../src/compose.js';
import { examine } from '../../src/doctor/examine.js';
import type { Finding } from '../../src/doctor/finding.js';
import { gather, type Ask } from '../../src/doctor/gather.js';
import type { Scene } from '../../src/doctor/scene.js';
import { Rpcbind, type Registration } from '../../src/effects/rpcbind/rpcbind.js';
import { startRpcService } from '../effects/rpc-service.js';
import { RpcClient } from '../support/rpc-client.js';
import { sceneOf } from './scene-of.js';

const NOBODY = 65534;
const V4 = '10.9.0.1';
const ALIAS = '10.9.0.2';
const ELSEWHERE = '10.9.0.9';
const rpcbind = new Rpcbind();
const PATH = '/usr/sbin:/sbin:/usr/bin:/bin';

async function say(rule: string, scene: Scene): Promise<void> {
  const lines = (await examine(scene)).map(({ check, level, what }: Finding) => `${level} ${check}: ${what}`);
  process.stdout.write(`${JSON.stringify({ rule, seen: lines })}\n`);
}

async function start(command: string, args: readonly string[], isUp: () => Promise<boolean>): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: 'ignore', env: { PATH } });
  // It tells nobody that it is ready.
  while (!(await isUp().catch(() => false))) await pause(20);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'close');
}

function asks(node: RunningNode): Ask {
  return async <Reply>(procedure: string, request: object): Promise<Reply> => {
    const call = { procedure, request, actor: 'test', door: 'test', commandId: 'c', now: Date.now() };
    return (await callAdmin(node.admin, call)) as Reply; // as its schema says
  };
}

for (const address of [V4, ALIAS]) execFileSync('ip', ['addr', 'add', `${address}/24`, 'dev', 'lo']);
mkdirSync('/run/rpcbind');
mkdirSync('/run/data', { mode: 0o700 });
const listen = [V4, ELSEWHERE];
const scene = (change: Partial<Scene> = {}): Scene => sceneOf('/run/data', { file: { listen }, rpcbind, ...change });

await say('without rpcbind', scene());
const silent = await startRpcService('tcp', () => 'silence', { port: 111 });
await say('rpcbind hangs', scene());
await silent.close();

let daemon = await start('rpcbind', ['-f'], async () => (await rpcbind.list(500)).length > 0);
await say('all is well', scene());
renameSync('/run/rpcbind.sock', '/run/hidden.sock');
process.seteuid?.(NOBODY);
await say('rpcbind refuses', scene());
process.seteuid?.(0);
renameSync('/run/hidden.sock', '/run/rpcbind.sock');

const holder = spawn(
  process.execPath,
  ['-e', `require('net').createServer().listen(4045, '${V4}', () => console.log())`],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
await once(holder.stdout, 'data');
await say('a port is taken', scene());
process.stdout.write(`${JSON.stringify({ rule: 'holder', seen: [String(holder.pid)] })}\n`);
await stop(holder);

const lockd = await startRpcService('udp', () => undefined);
const registration: Registration = { program: 100021, version: 4, protocol: 'udp', port: lockd.port };
await rpcbind.set(registration, 1000);
await say('another lock manager', scene());
await lockd.close();
await say('a lock manager that died', scene());
await rpcbind.unset(registration, 1000);

mkdirSync('/run/statd/sm', { recursive: true });
mkdirSync('/run/statd/sm.bak');
const statd = await start('rpc.statd', ['-F', '-L', '-P', '/run/statd'], async () =>
  (await rpcbind.list(500)).some(({ program }) => program === 100024),
);
await say('statd of the host', scene());
statd.kill('SIGTERM');
await once(statd, 'close');

// A node that runs, and its clients.
const { configuration } = scene();
const node = await compose(configuration, { logger: pino({ level: 'silent' }) });
const ask = asks(node);
const running = async (change: Partial<Scene> = {}): Promise<Scene> => ({
  ...(await gather(configuration, configuration.socket, ask, Date.now())),
  ...change,
});
await say('a node', await running());
const client = await RpcClient.tcp(V4, 4045, ALIAS);
await client.lock({ file: 'a' });
await say('a client without a lock manager', await running());
await say('a client whose rpcbind is behind a firewall', await running({ clientRpcbindPort: 9 }));
client.close();
const hourAgo = Date.now() - 3_600_000;
await say('the clock was set back', await running({ now: hourAgo }));
await stop(daemon);
await say('rpcbind is gone', await running());
daemon = await start('rpcbind', ['-f'], async () => (await rpcbind.list(500)).length > 0);
await node.close();
await stop(daemon);

const embedded = { ...configuration, portmap: 'embedded' } as const;
const own = await compose(embedded, { logger: pino({ level: 'silent' }) });
await say('embedded', await gather(embedded, embedded.socket, asks(own), Date.now()));
await own.close();

daemon = await start('rpcbind', ['-f'], async () => (await rpcbind.list(500)).length > 0);
const second = await compose(embedded, { logger: pino({ level: 'silent' }) });
await say('embedded beside rpcbind', await gather(embedded, embedded.socket, asks(second), Date.now()));
await second.close();
await stop(daemon);

mkdirSync('/run/small');
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', '/run/small']);
chownSync('/run/small', NOBODY, NOBODY);
process.seteuid?.(NOBODY);
await say('little room', sceneOf('/run/small'));
process.seteuid?.(0);
