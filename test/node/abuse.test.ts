/** Clients that take all they can get, against a node in a process of its own: what it costs it, and what it costs others. */

import test, { type ExecutionContext } from 'ava';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { PurgeReply, PurgeReportReply } from '../../src/admin/messages.js';
import { askNode } from '../../src/cli/node-client.js';
import { CallbackListener } from '../support/callback-listener.js';
import { flood, lockTemplate, unlockTemplate } from '../support/flood.js';
import { startNode, temporaryFolder } from '../support/node.js';
import { freePorts, NodeProcess } from '../support/node-process.js';
import { Probe } from '../support/probe.js';
import { RpcClient } from '../support/rpc-client.js';

/** NLM_ABUSE_LOCKS: locks of one client; a million takes half a minute. */
const LOCKS = Number(process.env['NLM_ABUSE_LOCKS'] ?? 100_000);
const WAITERS = Number(process.env['NLM_ABUSE_WAITERS'] ?? 20_000);
const GRANTED = 0;
const BLOCKED = 3;
const DENIED_GRACE_PERIOD = 4;

async function startProcess(
  t: ExecutionContext,
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ node: NodeProcess; port: number }> {
  const [nlmPort = 0, nsmPort = 0] = await freePorts(2);
  const node = new NodeProcess({ data: await temporaryFolder(t), nlmPort, nsmPort, ...more });
  node.spawn();
  await node.serving();
  t.teardown(() => node.end('SIGKILL'));
  return { node, port: nlmPort };
}

/** Resident memory in MB. */
function memory(node: NodeProcess): number {
  const status = readFileSync(`/proc/${node.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

async function open(port: number, from = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

test.serial(
  'a client with very many locks costs bounded memory, and its purge (hazard 13) makes others wait little',
  async (t) => {
    t.timeout(180_000 + LOCKS);
    const { node, port } = await startProcess(t);
    const before = memory(node);
    const began = performance.now();
    const template = lockTemplate({ caller: 'greedy', length: 10n });
    const statuses = await flood(port, template, LOCKS, (i) => ({ svid: i % 100, offset: i * 20 }));
    t.deepEqual([...statuses], [[GRANTED, LOCKS]]);
    const bytes = ((memory(node) - before) * 1024 * 1024) / LOCKS;
    t.log(
      `${LOCKS} locks in ${Math.round(performance.now() - began)} ms, ${Math.round(bytes)} bytes of resident memory each`,
    );
    const probe = await Probe.start(port);
    const purged = await askNode<PurgeReply>(node.socket, 'unlock-client', { name: 'greedy' });
    t.is(purged.counts.locks, LOCKS);
    // The answer is there before all of them are swept: the whole list waits for that.
    const [{ group, position } = { group: '', position: 0 }] = purged.groups;
    const report = await askNode<PurgeReportReply>(node.socket, 'purge-report', { group, position, limit: 1 });
    t.true(report.files > 0);
    t.log(`purge of ${LOCKS}: ${await probe.stop()}`);
    t.is(probe.refused, 0);
    t.true(probe.worstMs < 1000);
  },
);

test.serial(
  'very many waiters on one lock: its release grants them in order, and others are served meanwhile',
  async (t) => {
    t.timeout(180_000 + WAITERS * 4);
    const listener = await CallbackListener.open();
    t.teardown(() => listener.close());
    const { node, port } = await startProcess(t, {
      clients: [{ network: '127.0.0.0/8', callbackPort: listener.port }],
    });
    const client = await RpcClient.tcp('127.0.0.1', port);
    t.teardown(() => client.close());
    t.is(await client.lock({ svid: 0, file: 'hot' }), GRANTED);
    const before = memory(node);
    const waiting = lockTemplate({ caller: 'crowd', file: 'hot', exclusive: false, block: true });
    t.deepEqual([...(await flood(port, waiting, WAITERS, (i) => ({ svid: i + 1, offset: 0 })))], [[BLOCKED, WAITERS]]);
    t.log(`${WAITERS} waiters: ${Math.round(memory(node) - before)} MB`);
    const probe = await Probe.start(port);
    const began = performance.now();
    t.is(await client.unlock({ svid: 0, file: 'hot' }), GRANTED);
    await listener.received(WAITERS);
    t.log(`all called back in ${Math.round(performance.now() - began)} ms; ${await probe.stop()}`);
    t.is(probe.refused, 0);
    const freed = await flood(port, unlockTemplate({ caller: 'crowd', file: 'hot' }), WAITERS, (i) => ({
      svid: i + 1,
      offset: 0,
    }));
    t.deepEqual([...freed], [[GRANTED, WAITERS]]);
    t.is((await client.test({ svid: 0, file: 'hot' })).stat, GRANTED);
  },
);

test.serial('a client that takes no replies is read no further, and holds bounded memory', async (t) => {
  const { node, port } = await startProcess(t);
  const before = memory(node);
  const greedy = await open(port);
  greedy.pause();
  const call = lockTemplate({ caller: 'deaf' }).record;
  const batch = Buffer.concat(Array.from({ length: 1000 }, () => call));
  let written = 0;
  for (let turns = 0; turns < 400 && greedy.writableLength < 32 * 1024 * 1024; turns += 1) {
    greedy.write(batch);
    written += batch.length;
  }
  const probe = await Probe.start(port);
  while (probe.calls < 200) await new Promise((resolve) => setImmediate(resolve));
  t.true(greedy.writableLength > 1024 * 1024, 'the node has stopped reading');
  const grown = memory(node) - before;
  t.log(
    `${Math.round(written / 1024 / 1024)} MB sent, the node grew by ${Math.round(grown)} MB; ${await probe.stop()}`,
  );
  t.true(grown < 100);
  greedy.destroy();
});

test.serial(
  'connections are limited, in all and by client; a half record is closed in time, also one that drips; idle ones go',
  async (t) => {
    const node = await startNode(t, {
      file: { limits: { connections: 12, connectionsPerClient: 8, partialRecordMs: 300, idleMs: 1000 } },
    });
    const closed = (socket: Socket): Promise<void> =>
      new Promise((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
    const mine = await Promise.all(Array.from({ length: 8 }, () => open(node.nlmPort)));
    await closed((await open(node.nlmPort)).resume());
    const theirs = await Promise.all(Array.from({ length: 4 }, () => open(node.nlmPort, '127.0.0.9')));
    await closed((await open(node.nlmPort, '127.0.0.10')).resume());
    const [dripping, silent] = theirs;
    dripping!.resume().write(Buffer.from([0x80, 0, 0, 100]));
    const drip = setInterval(() => dripping!.write(Buffer.from([1])), 50);
    const began = performance.now();
    await closed(dripping!);
    clearInterval(drip);
    t.true(performance.now() - began < 900, 'closed although bytes still came');
    await closed(silent!.resume());
    t.true(performance.now() - began >= 900);
    for (const socket of [...mine, ...theirs]) socket.destroy();
    const client = await RpcClient.tcp('127.0.0.1', node.nlmPort, '127.0.0.11');
    t.teardown(() => client.close());
    t.is(await client.lock(), GRANTED);
  },
);

test.serial('a clock that jumps neither ends nor prolongs a grace period, and stops nobody', async (t) => {
  const data = await temporaryFolder(t);
  let offset = 0;
  const node = await startNode(t, {
    data,
    file: { firstStart: 'grace', graceMs: 1500 },
    surroundings: { clock: () => Date.now() + offset },
  });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  // The look that finds the grace comes every 250 ms.
  await new Promise((resolve) => setTimeout(resolve, 400));
  offset = 365 * 86_400_000;
  for (let i = 0; i < 5; i += 1) t.is(await client.lock({ svid: 1 }), DENIED_GRACE_PERIOD);
  offset = -365 * 86_400_000;
  const ended = new Promise<void>((resolve) =>
    node.admin.watch(({ event }) => event.type === 'grace-ended' && resolve()),
  );
  await ended;
  t.is(await client.lock({ svid: 1 }), GRANTED);
  client.close();
  await node.close();
  const again = await startNode(t, { data });
  const after = await RpcClient.tcp('127.0.0.1', again.nlmPort);
  t.teardown(() => after.close());
  t.is((await after.test({ svid: 2 })).holder?.svid, 1);
  t.is(await after.unlock({ svid: 1 }), GRANTED);
});

/** perl: a UDP datagram (NULL) whose source port is 0. */
const FROM_PORT_0 = `
use Socket;
socket(my $s, PF_INET, SOCK_RAW, 17) or exit 3;
my $call = pack("N*", 1, 0, 2, 100021, 4, 0, 0, 0, 0, 0);
send($s, pack("nnnn", 0, $ARGV[0], 8 + length $call, 0) . $call, 0, sockaddr_in(0, inet_aton("127.0.0.1"))) or exit 4;
`;

test.serial('a datagram from port 0, which nobody can answer, harms nobody', async (t) => {
  const node = await startNode(t);
  const sent = spawnSync('perl', ['-e', FROM_PORT_0, String(node.nlmPort)]);
  if (sent.status !== 0) t.log('not sent: a raw socket needs root and perl');
  const client = await RpcClient.udp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  t.is(await client.lock(), GRANTED);
});
