/**
 * Runs inside network and mount namespaces of its own, as root: a real rpcbind, our registrar, and what is to be seen.
 * Prints one line of JSON for each rule; rpcbind.test.ts starts it and reads them.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseAddress } from '../../src/base/address.js';
import { ClientPorts } from '../../src/effects/client-ports.js';
import { Registrar, type RegistrationOutcome } from '../../src/effects/rpcbind/registrar.js';
import { Rpcbind, type NetId, type Registration } from '../../src/effects/rpcbind/rpcbind.js';
import { startRpcService } from './rpc-service.js';

const NOBODY = 65534;
const NETIDS: readonly NetId[] = ['tcp', 'udp', 'tcp6', 'udp6'];
const rpcbind = new Rpcbind();

function say(rule: string, seen: unknown): void {
  process.stdout.write(`${JSON.stringify({ rule, seen })}\n`);
}

function nlm(port: number, netids: readonly NetId[] = NETIDS, versions: readonly number[] = [1, 3, 4]): Registration[] {
  return versions.flatMap((version) => netids.map((protocol) => ({ program: 100021, version, protocol, port })));
}

async function listed(): Promise<string[]> {
  const all = await rpcbind.list(1000);
  return all
    .filter(({ program }) => program === 100021)
    .map(({ version, protocol, port }) => `${version} ${protocol} ${port}`)
    .toSorted();
}

async function startRpcbind(): Promise<ChildProcess> {
  const child = spawn('rpcbind', ['-f'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
  });
  // It tells nobody that it is ready.
  for (;;) {
    try {
      await rpcbind.list(500);
      return child;
    } catch {
      await pause(20);
    }
  }
}

async function stopRpcbind(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'close');
}

interface Watched {
  readonly registrar: Registrar;
  outcome(type: RegistrationOutcome['type']): Promise<RegistrationOutcome>;
}

function watch(registrations: readonly Registration[], from: Rpcbind = rpcbind): Watched {
  let waiting: (() => void) | undefined;
  let last: RegistrationOutcome | undefined;
  const registrar = new Registrar({
    registrations,
    rpcbind: from,
    pollMs: 50,
    onOutcome: (outcome) => {
      last = outcome;
      waiting?.();
    },
  });
  return {
    registrar,
    async outcome(type) {
      if (last?.type === type) return last;
      await new Promise<void>((resolve) => (waiting = resolve));
      return this.outcome(type);
    },
  };
}

// The registrar's own timers keep no process alive.
const alive = setInterval(() => undefined, 1000);
mkdirSync('/run/rpcbind', { recursive: true });

const first = watch(nlm(4045));
say('without rpcbind', (await first.registrar.start()).type);
let daemon = await startRpcbind();
await first.outcome('registered');
say('registered', await listed());

const ports = new ClientPorts({ configuredPort: () => undefined });
const lookup = { program: 100021, version: 4, localAddress: parseAddress('127.0.0.1') };
say('found', [
  await ports.find({ ...lookup, address: parseAddress('127.0.0.1'), protocol: 'tcp' }),
  await ports.find({ ...lookup, address: parseAddress('127.0.0.1'), protocol: 'udp' }),
  await ports.find({ ...lookup, address: parseAddress('::1'), protocol: 'tcp' }),
  await ports.find({ ...lookup, address: parseAddress('::1'), protocol: 'udp' }),
]);

const split = { program: 300_001, version: 1, address: parseAddress('::1') } as const;
for (const [protocol, port] of [
  ['tcp6', 1001],
  ['udp6', 1002],
] as const) {
  await rpcbind.set({ program: split.program, version: 1, protocol, port }, 1000);
}
say('found by transport', [
  await ports.find({ ...split, protocol: 'tcp' }),
  await ports.find({ ...split, protocol: 'udp' }),
]);

await stopRpcbind(daemon);
await first.outcome('unavailable');
daemon = await startRpcbind();
await first.outcome('registered');
say('registered again', (await listed()).length);

await rpcbind.set({ program: 100024, version: 1, protocol: 'udp', port: 999 }, 1000);
await first.registrar.close();
say('unregistered', [await listed(), (await rpcbind.list(1000)).some(({ program }) => program === 100024)]);

for (const registration of nlm(5000, ['tcp', 'udp'], [4])) await rpcbind.set(registration, 1000);
const stale = watch(nlm(4045, ['tcp'], [4]));
say('stale', [(await stale.registrar.start()).type, await listed()]);
await stale.registrar.close();
say('only ours', await listed());

const living = await startRpcService('udp', () => undefined, { port: 5000 });
const second = watch(nlm(4045, ['udp'], [4]));
say('taken', await second.registrar.start());
await second.registrar.close();
say('left alone', await listed());
await living.close();
await rpcbind.unset({ program: 100021, version: 4, protocol: 'udp', port: 5000 }, 1000);

const noSocket = new Rpcbind({ socketPath: '/run/none' });
for (const registration of nlm(5000, ['tcp', 'udp'], [4])) await rpcbind.set(registration, 1000);
const old = watch(nlm(4045, ['tcp', 'udp'], [1, 4]), noSocket);
say('from a privileged port', [(await old.registrar.start()).type, await listed()]);
await old.registrar.close();
say('from a privileged port, unregistered', await listed());

process.seteuid?.(NOBODY);
const user = watch(nlm(4045, ['tcp'], [4]));
say('user', (await user.registrar.start()).type);
await user.registrar.close();
const powerless = watch(nlm(4045, ['tcp'], [4]), noSocket);
say('user without the socket', await powerless.registrar.start());
await powerless.registrar.close();
process.seteuid?.(0);
await stopRpcbind(daemon);
clearInterval(alive);
