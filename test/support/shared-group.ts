/** Two nodes that share a group over NATS, as processes of their own: for tests that end them, and start others. */

import type { ExecutionContext } from 'ava';
import type { GroupsReply } from '../../src/admin/messages.js';
import { nlm } from './in-process.js';
import { until } from './nats.js';
import { freePorts, NodeProcess } from './node-process.js';
import { temporaryFolder } from './node.js';

/** 127/8 is on every host. */
const ADDRESS = { a: '127.0.0.79', b: '127.0.0.80' } as const;

export interface SharedOptions {
  readonly group: string;
  /** Stands for the floating address. */
  readonly float: string;
  readonly nats: string;
  readonly nlmPort: number;
}

/** Serves when this resolves; whether it owns the group is another matter. */
export async function startSharing(
  t: ExecutionContext,
  name: 'a' | 'b',
  { group, float, nats, nlmPort }: SharedOptions,
): Promise<NodeProcess> {
  const data = await temporaryFolder(t);
  const [nsmPort] = await freePorts(1);
  const process = new NodeProcess({
    data,
    node: { name },
    listen: [ADDRESS[name]],
    nlmPort,
    nsmPort,
    nsm: 'none',
    nats: { servers: [nats] },
    exports: [{ path: '/srv/web', handle: { format: 'prefix', prefix: '66696c65' } }],
    groups: [{ name: group, addresses: [float], exports: ['/srv/web'], nodes: ['a', 'b'], way: 'carry' }],
  });
  t.teardown(() => process.end('SIGTERM'));
  process.spawn();
  await process.serving();
  return process;
}

export async function lifeAt({ socket }: NodeProcess) {
  const { out } = await nlm('groups', '--json', '--socket', socket);
  const life = out === '' ? undefined : (JSON.parse(out) as GroupsReply).shared?.[0];
  return life?.isKnown === true ? life : undefined;
}

export async function owned(node: NodeProcess): Promise<void> {
  await until(async () => {
    const life = await lifeAt(node);
    return life?.status === 'owned' && life.role === 'owning' && life.running === undefined;
  }, 'it owns the group');
}

/** It follows, and nothing is missing. */
export async function followed(follower: NodeProcess, owner: NodeProcess): Promise<void> {
  await until(async () => {
    const [theirs, ours] = [await lifeAt(owner), await lifeAt(follower)];
    return ours?.role === 'following' && ours.lag === 0 && ours.position === theirs?.position;
  }, 'the follower is level');
}
