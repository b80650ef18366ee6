/** May the node do what its configuration asks for? */

import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { fail, ok, warn, type Said } from '../finding.js';
import { CAP_NET_BIND_SERVICE, CAP_SYS_ADMIN, hasCapability, readText } from '../processes.js';
import type { Scene } from '../scene.js';

const FUSE = '/dev/fuse';
const PRIVILEGED_DEFAULT = 1024;

export async function checkCapabilities({ proc, node, configuration }: Scene, fuse = FUSE): Promise<Said[]> {
  const who = node === undefined ? 'self' : node.pid;
  if (who === undefined) return [ok('of a node that this user cannot see: not looked at; root sees more')];
  const whose = node === undefined ? 'this user' : 'the node';
  const said: Said[] = [];
  if ((await hasCapability(proc, who, CAP_NET_BIND_SERVICE)) === false) {
    const first = Number((await readText(join(proc, 'sys/net/ipv4/ip_unprivileged_port_start'))) ?? PRIVILEGED_DEFAULT);
    const { nlmPort, nsmPort, portmap, portmapPort } = configuration;
    const ports = [nlmPort, nsmPort, ...(portmap === 'embedded' ? [portmapPort] : [])].filter((port) => port < first);
    const todo = 'AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or start as root';
    if (ports.length > 0)
      said.push(fail(`${whose} lacks CAP_NET_BIND_SERVICE, and port ${ports.join(', ')} is below ${first}`, todo));
    else
      said.push(
        warn(
          `${whose} lacks CAP_NET_BIND_SERVICE: callbacks leave from unprivileged ports, which some clients refuse`,
          todo,
        ),
      );
  }
  if (configuration.control !== 'off') {
    if ((await hasCapability(proc, who, CAP_SYS_ADMIN)) === false) {
      said.push(warn(`${whose} lacks CAP_SYS_ADMIN: no control files`, 'start as root, or use --control off'));
    }
    const hasFuse = await access(fuse, constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    );
    if (!hasFuse) {
      said.push(
        warn(
          `${fuse} is not to be had: no control files`,
          'modprobe fuse; a container needs the device too; or use --control off',
        ),
      );
    }
  }
  return said.length > 0 ? said : [ok(`${whose} may do what the configuration asks for`)];
}
