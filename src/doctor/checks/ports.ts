/** Are the ports of a node to be had, and who has them where they are not? */

import { isLoopbackAddress, parseAddress, type Address } from '../../base/address.js';
import { listAddresses } from '../../host/interfaces.js';
import { bindProblem } from '../bind.js';
import { fail, ok, type Said } from '../finding.js';
import { holderOf } from '../port-holder.js';
import type { Scene } from '../scene.js';

interface Wanted {
  readonly option: string;
  readonly port: number;
}

const TRANSPORTS = ['tcp', 'udp'] as const;

export async function checkPorts(scene: Scene): Promise<Said[]> {
  const { configuration, node } = scene;
  const here = await listAddresses();
  const running = node?.status.listeners;
  const said: Said[] = [];
  if (running === undefined) {
    for (const address of configuration.listen) {
      if (!isLoopbackAddress(address) && !here.has(address)) continue;
      for (const wanted of wantedOf(scene)) said.push(...(await checkPort(scene, address, wanted)));
    }
  } else {
    // Its own ports are taken by the node itself; those that it could not take, it names.
    for (const { address, present, problem } of running) {
      const wanted = problem === undefined ? (present ? portmapperOf(scene) : []) : wantedOf(scene);
      for (const one of wanted) said.push(...(await checkPort(scene, parseAddress(address), one)));
    }
  }
  if (said.length > 0) return said;
  const named = wantedOf(scene).map(({ option, port }) => `${option} ${port}`);
  return [ok(`${named.join(', ')}: ${running === undefined ? 'free' : 'taken by the node'}`)];
}

function wantedOf(scene: Scene): Wanted[] {
  const { nlmPort, nsmPort } = scene.configuration;
  return [{ option: '--nlm-port', port: nlmPort }, { option: '--nsm-port', port: nsmPort }, ...portmapperOf(scene)];
}

function portmapperOf({ configuration: { portmap, portmapPort } }: Scene): Wanted[] {
  return portmap === 'embedded' ? [{ option: '--portmap-port', port: portmapPort }] : [];
}

async function checkPort(scene: Scene, address: Address, { option, port }: Wanted): Promise<Said[]> {
  const said: Said[] = [];
  for (const transport of TRANSPORTS) {
    const problem = await bindProblem(transport, address, port);
    if (problem === undefined) continue;
    const place = `port ${port} of ${address} over ${transport}`;
    if (problem === 'EACCES' || problem === 'EPERM') {
      said.push(
        fail(
          `${place} may not be opened by this user`,
          `give CAP_NET_BIND_SERVICE, or choose ${option} of 1024 or above`,
        ),
      );
    } else if (problem === 'EADDRINUSE') {
      const holder = await holderOf(scene.proc, transport, address, port);
      // The node itself, which has this one and may lack another; where its process is not seen, nobody can tell.
      if (scene.node !== undefined && isHeldBy(holder, scene.node.pid)) continue;
      const todo =
        option === '--portmap-port'
          ? 'an rpcbind that runs is used with --portmap system; or stop it'
          : `stop it, or choose another ${option}`;
      said.push(fail(`${place} is taken by ${holder ?? 'somebody who has just let go'}`, todo));
    } else {
      said.push(fail(`${place} cannot be opened (${problem})`, 'check "listen" and the state of the interface'));
    }
  }
  return said;
}

function isHeldBy(holder: string | undefined, pid: number | undefined): boolean {
  return pid === undefined || holder?.startsWith(`process ${pid} `) === true;
}
