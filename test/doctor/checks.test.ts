/** The doctor's checks against faults that any user can provoke. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { StatusReply } from '../../src/admin/messages.js';
import { parseAddress } from '../../src/base/address.js';
import { checkAddresses } from '../../src/doctor/checks/addresses.js';
import { checkCallbacks } from '../../src/doctor/checks/callbacks.js';
import { checkCapabilities } from '../../src/doctor/checks/capabilities.js';
import { checkClock } from '../../src/doctor/checks/clock.js';
import { checkDataFolder, checkDisk } from '../../src/doctor/checks/disk.js';
import { checkHandles } from '../../src/doctor/checks/handles.js';
import { checkLockd } from '../../src/doctor/checks/lockd.js';
import { checkNode } from '../../src/doctor/checks/node.js';
import { checkPortmapper } from '../../src/doctor/checks/portmapper.js';
import { checkPorts } from '../../src/doctor/checks/ports.js';
import { checkTools } from '../../src/doctor/checks/tools.js';
import { CHECKS, examine } from '../../src/doctor/examine.js';
import { worst, type Said } from '../../src/doctor/finding.js';
import { measureSyncs } from '../../src/doctor/measure-syncs.js';
import { holderOf } from '../../src/doctor/port-holder.js';
import { hasCapability, processAgeMs, processOfUnixSocket } from '../../src/doctor/processes.js';
import { asNodeSays, type NodeFacts } from '../../src/doctor/scene.js';
import { startRpcService } from '../effects/rpc-service.js';
import { temporaryFolder } from '../support/node.js';
import { sceneOf } from './scene-of.js';

const STATUS: StatusReply = {
  node: 'a',
  release: '0.1.0',
  pid: 1,
  startedAt: Date.now(),
  data: '/nonexistent',
  status: 'serving',
  groups: [],
  listeners: [],
  connections: 0,
  clients: 1,
  notes: [],
  registration: 'registered',
  unmappedCalls: 0,
  counters: {},
};
const node = (status: Partial<StatusReply> = {}, facts: Partial<NodeFacts> = {}): NodeFacts => ({
  status: { ...STATUS, ...status },
  pid: process.pid,
  shared: [],
  clients: [],
  ...facts,
});
const group = { name: 'default', epoch: 1, position: 1, statusReason: 'so it is', locks: 0, waiters: 0 };

function says(t: ExecutionContext, said: readonly Said[], level: Said['level'], what: RegExp): void {
  t.true(
    said.some((one) => one.level === level && what.test(one.what) && (level === 'ok') === (one.todo === undefined)),
    JSON.stringify(said),
  );
}

test('every check says something with and without a node, and none of them throws', async (t) => {
  const data = await temporaryFolder(t);
  const findings = await examine(sceneOf(data));
  t.true(findings.length >= CHECKS.length - 2);
  t.is(worst(findings), 'fail', 'there is no rpcbind at that port');
  for (const { check, level, todo } of findings) t.is(todo === undefined, level === 'ok', check);
  t.is(worst([]), 'ok');
});

test('a group that is down or grants nothing is named, and one in grace too', async (t) => {
  const data = await temporaryFolder(t);
  const at = async (status: StatusReply['status']) =>
    checkNode(sceneOf(data, { node: node({ groups: [{ ...group, status }] }) }));
  says(t, await at('down'), 'fail', /default is down: so it is/);
  says(t, await at('degraded'), 'fail', /grants nothing/);
  says(t, await at('grace'), 'warn', /in grace/);
  says(t, await at('serving'), 'ok', /serves/);
  says(t, await checkNode(sceneOf(data)), 'warn', /no node was asked/);
});

test('a release that a crash of the node interrupted is named, with the two ways on', async (t) => {
  const order = { commandId: 'r', actor: 'test', door: 'test', reason: '' };
  const life = {
    group: 'home', role: 'following', nodes: ['a', 'b'], isKnown: true, owner: 'a', from: '', status: 'releasing', way: 'carry',
    takeover: 2, epoch: 1, position: 9, lossAccepted: false, since: 0, order, steps: [],
    reclaims: { reclaimed: 0, missed: 0, expected: 0 },
  } as const; // prettier-ignore
  const of = async (change: Partial<typeof life> | { role: 'releasing' }) =>
    checkNode(sceneOf('/nonexistent', { node: node({}, { shared: [{ ...life, ...change }] }) }));
  const said = await of({});
  says(t, said, 'fail', /release of group home stopped/);
  t.regex(said[0]?.todo ?? '', /nlm-ledger release home.*nlm-ledger take home/);
  says(t, await of({ role: 'releasing' }), 'ok', /serves/);
});

test('an address at which NLM does not answer is named', async (t) => {
  const listener = { address: '127.0.0.1', present: true, nlmPort: 1, nsmPort: 2, problem: undefined };
  const said = await checkNode(sceneOf('/nonexistent', { node: node({ listeners: [listener] }) }));
  says(t, said, 'fail', /over tcp: .*ECONNREFUSED/);
});

test('a tool that is missing is named with its package', async (t) => {
  const said = await checkTools('/nonexistent:');
  t.is(said.length, 3);
  says(t, said, 'fail', /flock is missing/);
  says(t, said, 'warn', /find is missing/);
  t.regex(said[0]?.todo ?? '', /util-linux/);
});

test('a slow disk is a warning with its figures', async (t) => {
  const data = await temporaryFolder(t);
  const times = [...Array<number>(48).fill(1), 300, 400];
  const slow = await checkDisk(sceneOf(data, { measureSyncs: async () => times }));
  says(t, slow, 'warn', /1\.0 ms \(median\), 400\.0 ms/);
  const fast = await checkDisk(sceneOf(data, { measureSyncs: async () => [1, 2, 3] }));
  says(t, fast, 'ok', /2\.0 ms \(median\)/);
});

test('the measure of the disk syncs fifty times and leaves nothing behind', async (t) => {
  const data = await temporaryFolder(t);
  const times = await measureSyncs(data);
  t.true(times.length > 0 && times.length <= 50);
  t.deepEqual(await readdir(data), []);
});

test('a data folder that others may write in is a fault, one that is not there yet is none', async (t) => {
  const data = await temporaryFolder(t);
  says(t, await checkDataFolder(sceneOf(data)), 'ok', /the node alone/);
  await chmod(data, 0o777);
  says(t, await checkDataFolder(sceneOf(data)), 'fail', /others may write/);
  await chmod(data, 0o755);
  says(t, await checkDataFolder(sceneOf(data)), 'warn', /others may read/);
  says(t, await checkDataFolder(sceneOf(join(data, 'new', 'one'))), 'ok', /made at the first start/);
  await writeFile(join(data, 'file'), '');
  says(t, await checkDataFolder(sceneOf(join(data, 'file'))), 'fail', /not a folder/);
});

test('an address that is not on this host is named, and loopback alone is said', async (t) => {
  const at = (listen: string[]) => checkAddresses(sceneOf('/nonexistent', { file: { listen } }));
  says(t, await at(['127.0.0.1', '192.0.2.77']), 'warn', /192\.0\.2\.77 is not on this host/);
  says(t, await at(['127.0.0.1']), 'ok', /only loopback/);
});

test('a port that another process has is named with that process', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const said = await checkPorts(sceneOf('/nonexistent', { file: { nlmPort: port } }));
  says(t, said, 'fail', new RegExp(`port ${port} of 127\\.0\\.0\\.1 over tcp is taken by process ${process.pid} `));
  t.is(await holderOf('/proc', 'udp', parseAddress('127.0.0.1'), port), undefined);
});

test('a wildcard has the port of every address', async (t) => {
  const server = createServer().listen(0, '::');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const self = new RegExp(`^process ${process.pid} `);
  t.regex((await holderOf('/proc', 'tcp', parseAddress('::1'), port)) ?? '', self);
  t.regex((await holderOf('/proc', 'tcp', parseAddress('127.0.0.1'), port)) ?? '', self);
});

test('without a portmapper of any kind, that is a warning', async (t) => {
  says(t, await checkPortmapper(sceneOf('/nonexistent', { file: { portmap: 'off' } })), 'warn', /--portmap off/);
  says(t, await checkPortmapper(sceneOf('/nonexistent')), 'fail', /no rpcbind on this host/);
});

test('an embedded portmapper that another has displaced is named', async (t) => {
  const other = await startRpcService('tcp', (_call, _reader, result) => {
    result.uint(0);
    return undefined;
  });
  t.teardown(() => other.close());
  const listeners = [{ address: '127.0.0.1', present: true, nlmPort: 4045, nsmPort: 4046, problem: undefined }];
  const facts = node({ listeners, registration: `embedded, port ${other.port}` });
  const { configuration } = sceneOf('/nonexistent');
  const said = await checkPortmapper(
    sceneOf('/nonexistent', { node: facts, configuration: asNodeSays(configuration, facts.status) }),
  );
  says(t, said, 'fail', /names port 0 for NLM, not 4045/);
});

test('the kernel NFS server and mounts with locks are named', async (t) => {
  const proc = await temporaryFolder(t);
  await mkdir(join(proc, 'fs/nfsd'), { recursive: true });
  await mkdir(join(proc, 'self'));
  await writeFile(join(proc, 'fs/nfsd/threads'), '8\n');
  const mounts = [
    'server:/a /mnt/a nfs rw,vers=3,proto=tcp,local_lock=none 0 0',
    'server:/b /mnt/b nfs rw,vers=3,nolock,local_lock=all 0 0',
    'server:/c /mnt/c nfs4 rw,vers=4.2 0 0',
  ];
  await writeFile(join(proc, 'self/mounts'), `${mounts.join('\n')}\n`);
  const said = await checkLockd(sceneOf('/nonexistent', { proc }));
  t.is(said.length, 2);
  says(t, said, 'fail', /kernel NFS server runs here \(8 threads\)/);
  says(t, said, 'warn', /NFSv3 with locks \(\/mnt\/a\)/);
  t.regex(said[0]?.todo ?? '', /not supported: .*namespace/);
});

test('a client is called at its own port, and named where nobody answers there', async (t) => {
  const lockd = await startRpcService('tcp', () => undefined);
  t.teardown(() => lockd.close());
  let port = lockd.port;
  const rpcbind = await startRpcService('tcp', (_call, _reader, result) => {
    result.uint(port);
    return undefined;
  });
  t.teardown(() => rpcbind.close());
  const here = parseAddress('127.0.0.1');
  const facts = node({}, { clients: [{ name: 'client1', address: here, serverAddress: here }] });
  const look = () => checkCallbacks(sceneOf('/nonexistent', { node: facts, clientRpcbindPort: rpcbind.port }));
  says(t, await look(), 'ok', /1 of 1 clients .* can be called back/);
  port = 1;
  says(t, await look(), 'warn', /client1 at 127\.0\.0\.1 cannot be called back from 127\.0\.0\.1: .*ECONNREFUSED/);
  port = 0;
  const [gone] = await look();
  t.regex(gone?.todo ?? '', /lockd is not running/);
});

test('calls on unmapped handles are counted', async (t) => {
  says(t, await checkHandles(sceneOf('/x', { node: node({ unmappedCalls: 3 }) })), 'warn', /^3 calls on file handles/);
  says(t, await checkHandles(sceneOf('/x', { node: node() })), 'ok', /of an export/);
});

test('a clock that jumped since the start of the node is named, whichever way', async (t) => {
  const now = Date.now();
  const ageMs = (await processAgeMs('/proc', process.pid)) ?? 0;
  t.true(ageMs > 0 && ageMs < 3_600_000);
  const at = (jumpMs: number) =>
    checkClock(sceneOf('/nonexistent', { now: now + jumpMs, node: node({ startedAt: now - ageMs }) }));
  says(t, await at(0), 'ok', /no jump/);
  // The age of the process is read a moment apart, and the machine may be busy.
  says(t, await at(600_000), 'warn', /ahead by (59|60)\d s/);
  says(t, await at(-600_000), 'warn', /back by 60\d s/);
});

test('a process without capabilities lacks what low ports and control files need', async (t) => {
  if (process.getuid?.() !== 0) {
    t.log('not run: only root can start a process as another user');
    return t.pass();
  }
  const child = spawn('/bin/cat', { uid: 65534, gid: 65534, stdio: ['pipe', 'ignore', 'ignore'] });
  t.teardown(() => child.kill());
  await once(child, 'spawn');
  const facts = node({}, { pid: child.pid });
  const low = await checkCapabilities(
    sceneOf('/x', { node: facts, file: { nlmPort: 700, control: '/run/c' } }),
    '/none',
  );
  says(t, low, 'fail', /CAP_NET_BIND_SERVICE, and port 700 is below 1024/);
  says(t, low, 'warn', /lacks CAP_SYS_ADMIN/);
  says(t, low, 'warn', /\/none is not to be had/);
  says(t, await checkCapabilities(sceneOf('/x', { node: facts })), 'warn', /unprivileged ports/);
  t.is(await hasCapability('/proc', 2 ** 22 + 1, 10), undefined);
  return undefined;
});

test('a node is found by its socket, not by the number that it says', async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, 'socket');
  const server = createServer().listen(path);
  await once(server, 'listening');
  t.teardown(() => server.close());
  t.is(await processOfUnixSocket('/proc', path), process.pid);
  t.is(await processOfUnixSocket('/proc', join(dirname(path), 'other')), undefined);
  const said = await checkCapabilities(sceneOf('/x', { node: node({}, { pid: undefined }) }));
  says(t, said, 'ok', /cannot see/);
});

test('what the node says stands above the configuration', (t) => {
  const { configuration } = sceneOf('/nonexistent', { file: { nlmPort: 700 } });
  const listeners = [{ address: '10.1.1.2', present: false, nlmPort: 800, nsmPort: 801, problem: undefined }];
  const system = asNodeSays(configuration, { ...STATUS, listeners, data: '/data' });
  t.like(system, { data: '/data', nlmPort: 800, nsmPort: 801, portmap: 'system' });
  t.deepEqual(system.listen, [parseAddress('10.1.1.2')]);
  t.is(asNodeSays(configuration, { ...STATUS, registration: 'off' }).portmap, 'off');
  t.like(asNodeSays(configuration, { ...STATUS, registration: 'embedded, port 1111' }), {
    portmap: 'embedded',
    portmapPort: 1111,
  });
});
