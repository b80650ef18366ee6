/** The asynchronous forms as clients other than Linux use them, with what bit other servers (test/protocol/pitfalls.md). */

import test, { type ExecutionContext } from 'ava';
import { createSocket } from 'node:dgram';
import { counted, join, word, type Octets } from '../support/builder.js';
import { startNode, type TestNode } from '../support/node.js';
import { freePorts } from '../support/node-process.js';
import { BsdClient } from './bsd-client.js';
import { VERSIONS, type Version } from './exchanges.js';
import { RawService } from './raw-peer.js';

const SERVER = '127.0.0.1';
const A = '127.0.0.31';
const B = '127.0.0.32';
const [TEST_MSG, LOCK_MSG, CANCEL_MSG, UNLOCK_MSG] = [6, 7, 8, 9];
const [GRANTED, DENIED, BLOCKED] = [0, 1, 3];
/** FreeBSD: the number of the host's system, which it looks for when it is called back. */
const OH_A = '\u0000\u0001\u0000\u0000\u00ff\u0000\u0000\u0001';
const OH_B = '\u0000\u0002\u0000\u0000\u00fe\u0000\u0000\u0002';
const YES = word(1);
const NO = word(0);

interface Scene {
  readonly node: TestNode;
  readonly a: BsdClient;
  readonly b: BsdClient;
}

async function scene(t: ExecutionContext, version: Version, rpcbindVersion: 3 | 4 = 4): Promise<Scene> {
  const [rpcbindPort = 0] = await freePorts(1);
  const services = [await RawService.open(A), await RawService.open(B)] as const;
  t.teardown(() => services.forEach((service) => service.close()));
  const clients = [
    { network: A, callbackPort: services[0].port },
    { network: B, callbackPort: services[1].port },
    { network: '127.0.0.0/8' },
  ];
  const node = await startNode(t, { file: { clients, portmap: 'embedded', portmapPort: rpcbindPort } });
  const common = { version, server: SERVER, rpcbindPort, rpcbindVersion };
  const a = await BsdClient.open(t, { ...common, address: A, service: services[0] });
  const b = await BsdClient.open(t, { ...common, address: B, service: services[1] });
  return { node, a, b };
}

const EMPTY = counted('');
const res = (cookie: Octets, stat: number): string => join(cookie, word(stat)).toString('hex');
const lockArgs = (lock: Octets, { cookie = EMPTY, block = NO }: { cookie?: Octets; block?: Octets } = {}): Octets => [
  ...cookie,
  ...block,
  ...YES,
  ...lock,
  ...NO,
  ...word(0),
];

for (const version of VERSIONS) {
  test(`a BSD-like client of version ${version} finds us by rpcbind 3 and 4 alone, and by messages over a connected socket locks, waits, is called back and unlocks`, async (t) => {
    const { a, b } = await scene(t, version, version === 3 ? 3 : 4);
    const [one, other] = [a.lock({ svid: 1, oh: OH_A }), b.lock({ svid: 1, oh: OH_B })];
    t.deepEqual(await a.message(TEST_MSG, [...EMPTY, ...YES, ...one]), [res(EMPTY, GRANTED)]);
    t.deepEqual(await a.message(LOCK_MSG, lockArgs(one, { cookie: counted('sysid1') })), [
      res(counted('sysid1'), GRANTED),
    ]);
    const holder = one.slice(-16 - (version === 4 ? 8 : 0));
    const range = holder.slice(version === 4 ? -16 : -8);
    const held = join(EMPTY, word(DENIED), YES, word(1), counted(OH_A), range).toString('hex');
    t.deepEqual(await b.message(TEST_MSG, [...EMPTY, ...YES, ...other]), [held]);
    t.deepEqual(await b.message(LOCK_MSG, lockArgs(other)), [res(EMPTY, DENIED)]);
    t.deepEqual(await b.message(LOCK_MSG, lockArgs(other, { block: YES })), [res(EMPTY, BLOCKED)]);
    t.deepEqual(await a.message(UNLOCK_MSG, [...EMPTY, ...one]), [res(EMPTY, GRANTED)]);
    const { args, cookie, from, transport } = await b.calledBack();
    t.is(args, join(YES, other).toString('hex'), 'pitfall 26: fh and oh come back as they were sent');
    t.is(from.address, SERVER, 'pitfall 10');
    t.is(transport, 'udp', 'pitfall 11: over the transport of the LOCK_MSG');
    await b.grantedRes(cookie, GRANTED);
    t.deepEqual(await a.message(LOCK_MSG, lockArgs(one)), [res(EMPTY, DENIED)]);
    t.deepEqual(await b.message(UNLOCK_MSG, [...EMPTY, ...other]), [res(EMPTY, GRANTED)]);
    t.deepEqual(await a.message(LOCK_MSG, lockArgs(one)), [res(EMPTY, GRANTED)]);
  });

  test(`pitfall 19: a LOCK_MSG of version ${version} that waits and is sent again is the same waiter, and each copy has its _RES`, async (t) => {
    const { node, a, b } = await scene(t, version);
    const [one, other] = [a.lock({ svid: 1, oh: OH_A }), b.lock({ svid: 1, oh: OH_B })];
    t.deepEqual(await a.message(LOCK_MSG, lockArgs(one), 3), Array(3).fill(res(EMPTY, GRANTED)));
    t.deepEqual(await b.message(LOCK_MSG, lockArgs(other, { block: YES }), 3), Array(3).fill(res(EMPTY, BLOCKED)));
    t.deepEqual(await b.message(LOCK_MSG, lockArgs(other, { block: YES })), [res(EMPTY, BLOCKED)]);
    t.is(node.admin.groups()[0]?.state?.waiterCount, 1);
    t.deepEqual(
      await b.message(CANCEL_MSG, [...EMPTY, ...YES, ...YES, ...other], 2),
      Array(2).fill(res(EMPTY, GRANTED)),
    );
    t.is(node.admin.groups()[0]?.state?.waiterCount, 0, 'pitfall 22: CANCEL_MSG works');
    t.deepEqual(await a.message(UNLOCK_MSG, [...EMPTY, ...one], 2), Array(2).fill(res(EMPTY, GRANTED)));
    t.is(node.admin.groups()[0]?.state?.lockCount, 0);
  });

  test(`hazard 1: GRANTED_RES DENIED of version ${version}, to the only copy, gives the lock to the next`, async (t) => {
    const { node, a, b } = await scene(t, version);
    const [one, other] = [a.lock({ svid: 1, oh: OH_A }), b.lock({ svid: 1, oh: OH_B })];
    const third = a.lock({ svid: 2, oh: OH_A });
    await a.message(LOCK_MSG, lockArgs(one));
    t.deepEqual(await b.message(LOCK_MSG, lockArgs(other, { block: YES })), [res(EMPTY, BLOCKED)]);
    t.deepEqual(await a.message(LOCK_MSG, lockArgs(third, { block: YES })), [res(EMPTY, BLOCKED)]);
    await a.message(UNLOCK_MSG, [...EMPTY, ...one]);
    await b.grantedRes((await b.calledBack()).cookie, DENIED);
    const { args, cookie } = await a.calledBack();
    t.is(args, join(YES, third).toString('hex'));
    await a.grantedRes(cookie, GRANTED);
    while (node.admin.node().counters['callbacksWaiting'] !== 0) await a.message(TEST_MSG, [...EMPTY, ...YES, ...one]);
  });
}

test('a GRANTED_RES from another address than the one that was called settles nothing', async (t) => {
  const { node, a, b } = await scene(t, 4);
  const [one, other] = [a.lock({ svid: 1, oh: OH_A }), b.lock({ svid: 1, oh: OH_B })];
  await a.message(LOCK_MSG, lockArgs(one));
  await b.message(LOCK_MSG, lockArgs(other, { block: YES }));
  await a.message(UNLOCK_MSG, [...EMPTY, ...one]);
  const { cookie } = await b.calledBack();
  await a.grantedRes(cookie, DENIED);
  t.is(node.admin.groups()[0]?.state?.lockCount, 1, 'a stranger takes nobody’s grant away');
  t.is(node.admin.node().counters['callbacksWaiting'], 1);
  await b.grantedRes(cookie, GRANTED);
  while (node.admin.node().counters['callbacksWaiting'] !== 0) await a.message(TEST_MSG, [...EMPTY, ...YES, ...one]);
});

/** Whether this process may have a port below 1024: root, or a host that gives them to all. */
async function mayHavePrivilegedPorts(): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) => socket.once('error', reject).bind(1022, '127.0.0.99', resolve));
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

test('pitfall 13: callbacks over UDP leave from a privileged port where that is allowed', async (t) => {
  const isAllowed = await mayHavePrivilegedPorts();
  const { a, b } = await scene(t, 3);
  const [one, other] = [a.lock({ svid: 1, oh: OH_A }), b.lock({ svid: 1, oh: OH_B })];
  await a.message(LOCK_MSG, lockArgs(one));
  await b.message(LOCK_MSG, lockArgs(other, { block: YES }));
  await a.message(UNLOCK_MSG, [...EMPTY, ...one]);
  const { from } = await b.calledBack();
  t.is(from.port < 1024, isAllowed, `from port ${from.port}`);
});
