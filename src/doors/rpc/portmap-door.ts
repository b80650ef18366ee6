/**
 * The sockets of the embedded port mapper: on every server address as it comes and goes, and on loopback where its
 * port is free there, for servers on this host that register themselves.
 */

import { isLoopbackAddress, parseAddress, type Address } from '../../base/address.js';
import { PMAP_PROGRAM, PMAP_VERSIONS } from '../../portmap/procedures.js';
import { netidOf, PortmapRegistry, type Service } from '../../portmap/registry.js';
import type { Endpoint } from './endpoint.js';
import { Listeners, type ListenersOptions } from './listeners.js';
import { PortmapProgram } from './portmap-program.js';
import { RpcDispatch } from './serve.js';

export interface PortmapDoorOptions {
  /** The server addresses. */
  readonly addresses: readonly Address[];
  readonly isPresent: (address: Address) => boolean;
  readonly port: number;
  /** Our services whose sockets are open at the address. */
  readonly own: (address: Address) => readonly Service[];
  /** The table of the configuration. */
  readonly fixed: readonly Service[];
  /** Programs of ours, that nobody else registers here. */
  readonly reserved: readonly number[];
  /** Who is answered, beside this host. */
  readonly admits: (address: Address) => boolean;
  readonly limits: ListenersOptions['limits'];
  /** A server address opened, closed, or failed to open. */
  readonly onChange: (endpoint: Endpoint) => void;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

const LOOPBACK: readonly Address[] = [parseAddress('127.0.0.1'), parseAddress('::1')];
const BOTH = ['tcp', 'udp'] as const;

/** Close it like any listeners; `refresh` them as addresses come and go. */
export async function openPortmapDoor(options: PortmapDoorOptions): Promise<Listeners> {
  const { addresses, isPresent, port, fixed, reserved, limits, onChange, clock } = options;
  // In tests the port is 0, and each address has its own.
  const itself = (address: Address): Service[] => {
    const here = listeners?.endpoints.find((endpoint) => endpoint.address === address)?.nlmPort ?? port;
    return PMAP_VERSIONS.flatMap((version) =>
      BOTH.map((transport) => ({ program: PMAP_PROGRAM, version, netid: netidOf(transport, address), port: here })),
    );
  };
  const registry = new PortmapRegistry({
    own: (address) => [...itself(address), ...options.own(address)],
    fixed,
    reserved: [PMAP_PROGRAM, ...reserved],
  });
  const admits = (address: Address): boolean => isLoopbackAddress(address) || options.admits(address);
  const dispatch = new RpcDispatch([new PortmapProgram(registry, clock)], admits);
  const listeners: Listeners | undefined = await Listeners.open({
    addresses: [...new Set([...addresses, ...LOOPBACK])],
    isPresent,
    nlmPort: port,
    nsmPort: undefined,
    nlm: dispatch,
    nsm: dispatch,
    limits,
    onChange: (endpoint) => {
      if (addresses.includes(endpoint.address)) onChange(endpoint);
    },
  });
  return listeners;
}
