/**
 * Is another lock manager here? A network namespace has one rpcbind entry for program 100021, so clients of two lock
 * managers find one of them, whichever registered last, and their locks do not know of each other.
 */

import { parseAddress } from '../../base/address.js';
import { join } from 'node:path';
import type { Registration } from '../../effects/rpcbind/rpcbind.js';
import { NLM_PROGRAM } from '../../nlm/procedures.js';
import { fail, ok, warn, type Said } from '../finding.js';
import { pingProblem } from '../ping.js';
import { holderOf } from '../port-holder.js';
import { readText } from '../processes.js';
import type { Scene } from '../scene.js';

const LIST_MS_MAX = 2000;
const WAY_OUT =
  'beside the kernel NFS server in one network namespace is not supported: give nlm-ledger and a user-space NFS server a namespace (a container) of their own, or stop the other (systemctl stop nfs-server; mount NFSv3 on this host with nolock, or use NFSv4)';

export async function checkLockd(scene: Scene): Promise<Said[]> {
  const others = await livingOthers(scene, NLM_PROGRAM, scene.configuration.nlmPort);
  const said = others.map(({ ports, holder }) =>
    fail(
      `another lock manager holds 100021, at port ${ports.join(', ')}: ${holder}; clients lock there, not here`,
      WAY_OUT,
    ),
  );
  const threads = Number((await readText(join(scene.proc, 'fs/nfsd/threads')))?.trim() ?? 0);
  if (threads > 0)
    said.push(fail(`the kernel NFS server runs here (${threads} threads) and brings its own lockd`, WAY_OUT));
  const mounted = await lockingMounts(scene);
  if (mounted.length > 0) {
    said.push(
      warn(
        `this host mounts NFSv3 with locks (${mounted.slice(0, 3).join(', ')}): the kernel's lockd registers 100021 for itself`,
        'mount with nolock, or NFSv4, or from another network namespace',
      ),
    );
  }
  return said.length > 0 ? said : [ok('no other lock manager')];
}

export interface OtherService {
  readonly ports: readonly number[];
  readonly holder: string;
}

/** Living services that rpcbind names for a program of ours at a port that is not ours, by who has the ports. */
export async function livingOthers(scene: Scene, program: number, ownPort: number): Promise<OtherService[]> {
  // What the portmapper check says about an rpcbind that is away is not said again.
  const listed = await scene.rpcbind.list(LIST_MS_MAX).catch(() => []);
  const byPort = new Map<number, Registration>();
  for (const other of listed) {
    if (other.program === program && other.port !== ownPort && !byPort.has(other.port)) byPort.set(other.port, other);
  }
  const byHolder = new Map<string, number[]>();
  for (const { version, protocol, port } of byPort.values()) {
    const transport = protocol.startsWith('tcp') ? 'tcp' : 'udp';
    const address = parseAddress(protocol.endsWith('6') ? '::1' : '127.0.0.1');
    if ((await pingProblem({ transport, address, port, program, version })) !== undefined) continue;
    const holder = (await holderOf(scene.proc, transport, address, port)) ?? 'an unknown process';
    byHolder.set(holder, [...(byHolder.get(holder) ?? []), port]);
  }
  return [...byHolder].map(([holder, ports]) => ({ holder, ports }));
}

/** Mount points of NFSv3 whose locks go to their server. */
async function lockingMounts({ proc }: Scene): Promise<string[]> {
  const lines = ((await readText(join(proc, 'self/mounts'))) ?? '').split('\n').map((line) => line.split(' '));
  return lines
    .filter(([, , type = '', options = '']) => {
      const set = new Set(options.split(','));
      return type === 'nfs' && set.has('vers=3') && !set.has('nolock') && !set.has('local_lock=all');
    })
    .map(([, mountPoint = '']) => mountPoint);
}
