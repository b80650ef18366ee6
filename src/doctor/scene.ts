/** What the doctor's checks look at: the configuration, the node where one runs, and the host through these ports. */

import type { GroupLifeReply, StatusReply } from '../admin/messages.js';
import { parseAddress, type Address } from '../base/address.js';
import type { Configuration } from '../config/configuration.js';
import type { Rpcbind } from '../effects/rpcbind/rpcbind.js';

/** A client that the node knows, and the server address that it uses. */
export interface KnownClient {
  readonly name: string;
  readonly address: Address;
  readonly serverAddress: Address;
}

/** What a running node says of itself. */
export interface NodeFacts {
  readonly status: StatusReply;
  /** Groups that it shares with other nodes. */
  readonly shared: readonly GroupLifeReply[];
  /** Its process as /proc of this host has it; the node itself may be in a container, with another number. */
  readonly pid: number | undefined;
  /** At most `CLIENTS_MAX`, those who wait first: they are owed a callback. */
  readonly clients: readonly KnownClient[];
}

export const CLIENTS_MAX = 64;

export interface Scene {
  /** Of the file; of the running node, where there is one, as far as it tells. */
  readonly configuration: Configuration;
  readonly socket: string;
  readonly node: NodeFacts | undefined;
  /** Why the node was not asked: code and message of the error. */
  readonly nodeProblem: string | undefined;
  readonly rpcbind: Rpcbind;
  /** The port of the clients' rpcbind. */
  readonly clientRpcbindPort: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds of each of some small writes with their syncs, in a file of the folder that is removed again. */
  readonly measureSyncs: (folder: string) => Promise<readonly number[]>;
  /** Where the kernel shows its processes: `/proc`. */
  readonly proc: string;
}

/** The node may have been started with options of its own: what it says stands above the file. */
export function asNodeSays(configuration: Configuration, status: StatusReply): Configuration {
  const [first] = status.listeners;
  return {
    ...configuration,
    data: status.data,
    listen: status.listeners.map(({ address }) => parseAddress(address)),
    nlmPort: first?.nlmPort ?? configuration.nlmPort,
    nsmPort: first?.nsmPort ?? configuration.nsmPort,
    ...portmapOf(status.registration, configuration),
  };
}

function portmapOf(
  registration: string,
  { portmapPort }: Configuration,
): Pick<Configuration, 'portmap' | 'portmapPort'> {
  if (registration === 'off') return { portmap: 'off', portmapPort };
  const embedded = /^embedded, port ([0-9]+)$/.exec(registration);
  return embedded === null
    ? { portmap: 'system', portmapPort }
    : { portmap: 'embedded', portmapPort: Number(embedded[1]) };
}
