/** The peers that stand beside the node in the rounds, where this machine has them. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startEtcd } from './etcd.js';
import { startGanesha, whyNoGanesha } from './ganesha.js';
import { isInstalled } from './installed.js';
import { startRedis } from './redis.js';
import type { Contender } from './shapes.js';

export interface Peers {
  readonly contenders: readonly Contender[];
  stop(): Promise<void>;
}

/** Why a peer is not in the table; nothing for those that are. */
export function absentPeers(): string[] {
  const ganesha = whyNoGanesha();
  return [
    ...(ganesha === undefined ? [] : [`NFS-Ganesha: ${ganesha}`]),
    ...(isInstalled('redis-server') ? [] : ['Redis: redis-server is not installed']),
    ...(isInstalled('etcd') ? [] : ['etcd: etcd is not installed']),
  ];
}

export async function startPeers(folder: string): Promise<Peers> {
  const started: { readonly contender: Contender; stop(): Promise<void> }[] = [];
  const place = (name: string): string => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };
  const stop = async (): Promise<void> => {
    for (const peer of started.splice(0)) await peer.stop();
  };
  try {
    if (whyNoGanesha() === undefined) started.push(await startGanesha(place('ganesha')));
    if (isInstalled('etcd')) started.push(await startEtcd(place('etcd')));
    if (isInstalled('redis-server')) started.push(await startRedis(place('redis')));
  } catch (error) {
    await stop();
    throw error;
  }
  return { contenders: started.map(({ contender }) => contender), stop };
}
