/** Under which programs, versions and ports clients find a node: what rpcbind is told, and the embedded portmapper tells. */

import { addressFamily, type Address } from './base/address.js';
import type { NsmMode } from './compose-nsm.js';
import type { Configuration } from './config/configuration.js';
import type { Listeners } from './doors/rpc/listeners.js';
import { NLM_VERSIONS } from './doors/rpc/nlm-program.js';
import type { NetId, Registration } from './effects/rpcbind/rpcbind.js';
import { NLM_PROGRAM } from './nlm/procedures.js';
import { NSM_PROGRAM, NSM_VERSION } from './nsm/procedures.js';
import { netidOf, type Service } from './portmap/registry.js';

/** What the embedded portmapper tells of us at an address: nothing while its sockets are closed. */
export function servicesAt(listeners: Listeners, address: Address): Service[] {
  const endpoint = listeners.endpoints.find((other) => other.address === address && other.isOpen);
  if (endpoint === undefined) return [];
  const { nlmPort, nsmPort } = endpoint;
  return (['tcp', 'udp'] as const).flatMap((transport) => {
    const netid = netidOf(transport, address);
    const nlm = NLM_VERSIONS.map((version) => ({ program: NLM_PROGRAM, version, netid, port: nlmPort }));
    const nsm = { program: NSM_PROGRAM, version: NSM_VERSION, netid, port: nsmPort ?? 0 };
    return nsmPort === undefined ? nlm : [...nlm, nsm];
  });
}

export function registrationsOf({ listen, groups, nlmPort, nsmPort }: Configuration, nsmMode: NsmMode): Registration[] {
  const families = new Set([...listen, ...groups.flatMap(({ addresses }) => addresses)].map(addressFamily));
  // The host's own programs, and its statd, look for IPv4 on loopback.
  if (nsmMode !== 'none') families.add(4);
  const netids: NetId[] = [
    ...(families.has(4) ? (['tcp', 'udp'] as const) : []),
    ...(families.has(6) ? (['tcp6', 'udp6'] as const) : []),
  ];
  return netids.flatMap((protocol) => [
    ...NLM_VERSIONS.map((version) => ({ program: NLM_PROGRAM, version, protocol, port: nlmPort })),
    ...(nsmMode === 'own' ? [{ program: NSM_PROGRAM, version: NSM_VERSION, protocol, port: nsmPort }] : []),
  ]);
}
