/**
 * Runs in namespaces of its own, as root: three hosts on a bridge, each with a nats-server of ops/nats and a node. The host
 * that owns both groups is off the bridge for a while, and back. Prints one line of JSON for each rule.
 */

import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { say } from '../support/scene.js';

/** As ops/nats/README.md has it. */
const RETRIES = 5;
/** Longer than such a connection lives on. */
const CUT_MS = 14_000;
const WAIT_MS_MAX = 90_000;
const HOSTS = { a: '10.77.0.11', b: '10.77.0.12', w: '10.77.0.13' } as const;
const GROUPS = { one: '10.77.0.100', two: '10.77.0.101' } as const;
type Host = keyof typeof HOSTS;

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const ops = fileURLToPath(new URL('../../../ops', import.meta.url));
const password = 'scene';

const outputOf = async (words: readonly string[]): Promise<string> => {
  const [tool = '', ...parameters] = words;
  return (await promisify(execFile)(tool, parameters)).stdout;
};
const run = (line: string): Promise<string> => outputOf(line.split(' '));
const at = (host: Host, words: readonly string[]): string[] => ['ip', 'netns', 'exec', host, ...words];

function start(host: Host, name: string, words: readonly string[], environment: Record<string, string>): void {
  const log = openSync(`/run/${name}-${host}.log`, 'w');
  const [tool = '', ...parameters] = at(host, words);
  spawn(tool, parameters, { stdio: ['ignore', log, log], env: { ...process.env, ...environment } });
}

const logOf = (name: string, host: Host): string => readFileSync(`/run/${name}-${host}.log`, 'utf8');

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (!(await isSo())) {
    if (performance.now() - began > WAIT_MS_MAX) {
      const names = ['nats', 'node'].flatMap((name) => ['a', 'b', 'w'].map((host) => `/run/${name}-${host}.log`));
      const logs = names.map((log) => (existsSync(log) ? `${log}\n${readFileSync(log, 'utf8').slice(-3000)}` : ''));
      throw new Error(`not within ${WAIT_MS_MAX} ms: ${what}\n${logs.join('\n')}`);
    }
    await delay(50);
  }
  return Math.round(performance.now() - began);
}

/** The exit code of a LOCK that a program on this host asks for: 0, or 20 and the status. */
function lock(host: Host, group: keyof typeof GROUPS, offset: number): Promise<number> {
  const words = ['call', 'lock', '--server', GROUPS[group], '--port', '4045', '--timeout', '5'];
  const handle = group === 'one' ? '0100' : '0200';
  const [tool = '', ...parameters] = at(host, [process.execPath, main, ...words, '--fh', handle]);
  return new Promise((resolve) => {
    const child = spawn(tool, [...parameters, '--offset', String(offset), '--length', '1'], { stdio: 'ignore' });
    child.once('exit', (code) => resolve(code ?? -1));
  });
}

const isDone = (host: Host, group: string): boolean =>
  logOf('node', host)
    .split('\n')
    .some((line) => line.includes('take: done') && line.includes(`"group":"${group}"`));
const has = async (host: Host, address: string): Promise<boolean> =>
  (await run(`ip -n ${host} -o addr show to ${address}`)) !== '';

mkdirSync('/run/netns');
mkdirSync('/run/settings');
await run('ip link add br0 type bridge stp_state 0 forward_delay 0');
await run('ip link set br0 up');
const routes = JSON.stringify(Object.values(HOSTS).map((address) => `nats://${address}:6222`));
const hook = `${ops}/hooks/address`;
const common = {
  nodes: ['a', 'b'],
  witnesses: ['w'],
  hooks: { 'address-down': hook, 'address-up': hook, announce: hook },
};
for (const [host, address] of Object.entries(HOSTS) as [Host, string][]) {
  await run(`ip netns add ${host}`);
  await run(`ip link add v${host} type veth peer name eth0 netns ${host}`);
  await run(`ip link set v${host} master br0 up`);
  await run(`ip -n ${host} link set lo up`);
  await run(`ip -n ${host} link set eth0 up`);
  await run(`ip -n ${host} addr add ${address}/24 dev eth0`);
  await outputOf(at(host, ['sysctl', '-qw', `net.ipv4.tcp_retries2=${RETRIES}`]));
  const users = ['NODE', 'OPERATOR', 'AUDITOR', 'ADMINISTRATOR'].map((user) => [`NLM_${user}_PASSWORD`, password]);
  start(host, 'nats', ['nats-server', '-c', `${ops}/nats/three-nodes.conf`], {
    ...(Object.fromEntries(users) as Record<string, string>),
    NLM_NAME: `nats-${host}`,
    NLM_STORE: `/run/store-${host}`,
    NLM_ROUTES: routes,
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin`,
  });
}
for (const group of Object.keys(GROUPS)) writeFileSync(`/run/settings/${group}`, 'INTERFACE=eth0\n');
// Who joins after the election does not tell of it.
await until('JetStream has a leader', () =>
  (['a', 'b', 'w'] as const).some((host) => logOf('nats', host).includes('metadata leader')),
);
for (const [host, address] of Object.entries(HOSTS) as [Host, string][]) {
  const servers = Object.values(HOSTS).map((own) => `nats://${own}:4222`);
  const configuration = {
    node: { name: host },
    nats: { servers, user: 'node', password, replicas: 3 },
    exports: Object.keys(GROUPS).map((name, i) => ({
      path: `/e/${name}`,
      handle: { format: 'prefix', prefix: `0${i + 1}` },
    })),
    groups: [
      { name: 'one', addresses: [GROUPS.one], exports: ['/e/one'], ...common },
      {
        name: 'two',
        addresses: [GROUPS.two],
        exports: ['/e/two'],
        take: 'on-silence',
        silenceMs: 3000,
        ...common,
      },
    ],
  };
  writeFileSync(`/run/${host}.json`, JSON.stringify(configuration));
  const ports = ['--portmap', 'off', '--nlm-port', '4045', '--nsm-port', '4046'];
  const places = ['--config', `/run/${host}.json`, '--data', `/run/data-${host}`, '--socket', `/run/${host}.sock`];
  start(host, 'node', [process.execPath, main, 'start', ...places, '--listen', address, ...ports], {
    NLM_HOOK_SETTINGS: '/run/settings',
  });
}
await until('a serves both groups', () => isDone('a', 'one') && isDone('a', 'two'));
say('locked', [await lock('a', 'one', 0), await lock('a', 'two', 0)]);

await run('ip link set va down');
const cutAt = performance.now();
say('ms until b serves two', await until('b serves two', () => isDone('b', 'two')));
// The first is in the entry that waits for the stream; who asks while it waits is told to wait.
say('asked of a while it is cut off', [await lock('a', 'one', 500), await lock('a', 'one', 501)]);
say('two is at a still', await has('a', GROUPS.two));
await delay(Math.max(0, cutAt + CUT_MS - performance.now()));

const routesBefore = logOf('nats', 'a').split('Route connection created').length;
await run('ip link set va up');
// Nobody asks a for anything in group two: it learns by itself that it owns it no more.
const [routesMs, goneMs, grantedMs] = await Promise.all([
  until('a route is there', () => logOf('nats', 'a').split('Route connection created').length > routesBefore),
  until('two is gone from a', async () => !(await has('a', GROUPS.two))),
  until('a grants again', async () => (await lock('a', 'one', 502)) === 0),
]);
say('ms until a new route', routesMs);
say('ms until two is gone from a', goneMs);
say('ms until a grants', grantedMs);
say('what stood', [await lock('b', 'two', 0), await lock('a', 'one', 0)]);
process.exit(0);
