/**
 * At which port a client's lock manager listens at this moment, for callbacks. Its ports are dynamic and change with
 * each reboot, so its rpcbind is asked when a callback is due. Only the source address of the client's own calls is
 * ever dialled, never a name or an address that a message contains.
 */

import { addressFamily, addressKind, type Address } from '../base/address.js';
import { bytesFrom } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';
import { ADDRESS, MAPPING, RPCB, UINT } from '../portmap/codecs.js';
import { PMAP_PORT, PMAP_PROGRAM } from '../portmap/procedures.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../portmap/types.js';
import { formatUniversalAddress, parseUniversalAddress } from '../portmap/universal-address.js';
import { callPeer, type Peer } from './rpc-call.js';

export interface ClientPortQuery {
  /** The transport source address of the client's calls. */
  readonly address: Address;
  readonly program: number;
  readonly version: number;
  readonly protocol: 'tcp' | 'udp';
  /** The server address that the client uses: the question leaves from it where it is on this host. */
  readonly localAddress?: Address | undefined;
}

/** All of one lookup. */
const LOOKUP_MS_MAX = 3000;
/** Then UDP is tried: a firewall that drops TCP must not eat all the time. */
const TCP_MS_MAX = 2000;
/** Long enough for a burst of callbacks to one client, too short to outlive a reboot. */
const CACHED_MS = 3000;
const CACHED_ENTRIES_MAX = 4096;

interface Cached {
  readonly port: Promise<number>;
  /** On the monotonic clock; unset while the question is on its way, which all who ask meanwhile share. */
  until: number | undefined;
}

export class ClientPorts {
  readonly #configuredPort: (address: Address) => number | undefined;
  readonly #rpcbindPort: number;
  readonly #cache = new Map<string, Cached>();

  /** `configuredPort`: a client's fixed port of the configuration; it wins. */
  constructor(options: {
    readonly configuredPort: (address: Address) => number | undefined;
    readonly rpcbindPort?: number;
  }) {
    this.#configuredPort = options.configuredPort;
    this.#rpcbindPort = options.rpcbindPort ?? PMAP_PORT;
  }

  /**
   * @throws LedgerError 'refused' (an address that is never called back), 'not-found' (the client has no such service
   * registered), 'timeout' or 'unavailable' (its rpcbind does not answer)
   */
  async find(query: ClientPortQuery): Promise<number> {
    checkCallable(query.address);
    const configured = this.#configuredPort(query.address);
    if (configured !== undefined) return configured;
    const key = `${query.address} ${query.program} ${query.version} ${query.protocol} ${query.localAddress ?? ''}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined && (cached.until ?? Infinity) > performance.now()) return cached.port;
    const asked: Cached = { port: this.#ask(query), until: undefined };
    this.#cache.delete(key);
    this.#cache.set(key, asked);
    this.#evict();
    try {
      const port = await asked.port;
      asked.until = performance.now() + CACHED_MS;
      return port;
    } catch (error) {
      if (this.#cache.get(key) === asked) this.#cache.delete(key);
      throw error;
    }
  }

  /** After a failed callback: the next lookup asks again. */
  forget(address: Address): void {
    for (const key of this.#cache.keys()) if (key.startsWith(`${address} `)) this.#cache.delete(key);
  }

  #evict(): void {
    if (this.#cache.size <= CACHED_ENTRIES_MAX) return;
    const [oldest] = this.#cache.keys();
    if (oldest !== undefined) this.#cache.delete(oldest);
  }

  async #ask(query: ClientPortQuery): Promise<number> {
    // Versions 3 and 4 answer for the transport of the question, whatever the question names (RFC 1833 section 2.2.1).
    if (addressFamily(query.address) === 6) return await this.#askOver(query.protocol, query, LOOKUP_MS_MAX);
    const start = performance.now();
    try {
      return await this.#askOver('tcp', query, TCP_MS_MAX);
    } catch (error) {
      const isSilent = error instanceof LedgerError && (error.code === 'timeout' || error.code === 'unavailable');
      if (!isSilent) throw error;
      return await this.#askOver('udp', query, Math.max(1, LOOKUP_MS_MAX - (performance.now() - start)));
    }
  }

  async #askOver(transport: 'tcp' | 'udp', query: ClientPortQuery, timeMsMax: number): Promise<number> {
    const { address, localAddress } = query;
    const isFromHere = localAddress !== undefined && addressFamily(localAddress) === addressFamily(address);
    const peer: Peer = {
      transport,
      address,
      port: this.#rpcbindPort,
      localAddress: isFromHere ? localAddress : undefined,
    };
    let port: number;
    try {
      port = await askPort(peer, query, timeMsMax);
    } catch (error) {
      // A floating address may have left meanwhile; rpcbind answers any address of ours.
      const hasLeft = error instanceof LedgerError && error.details['errno'] === 'EADDRNOTAVAIL';
      if (!isFromHere || !hasLeft) throw error;
      port = await askPort({ ...peer, localAddress: undefined }, query, timeMsMax);
    }
    if (port < 1 || port > 65535) {
      const what = `program ${query.program} version ${query.version} over ${query.protocol}`;
      throw new LedgerError('not-found', `the rpcbind of ${address} has no ${what}`, { details: { address } });
    }
    return port;
  }
}

/**
 * Refuses what is nobody's own unicast address: multicast, unspecified, broadcast, and IPv4 link-local, which has no
 * zone and is where clouds keep their secrets. IPv6 link-local has its zone wherever it is an `Address`.
 * @throws LedgerError 'refused'
 */
export function checkCallable(address: Address): void {
  const kind = addressKind(address);
  if (kind === 'unicast' || kind === 'loopback') return;
  if (kind === 'link-local' && addressFamily(address) === 6) return;
  throw new LedgerError('refused', `${address} is a ${kind} address and is never called back`, {
    details: { address },
  });
}

/** Version 2 for IPv4, as Linux clients serve it in any case; version 3 for IPv6, which version 2 does not know. */
async function askPort(peer: Peer, query: ClientPortQuery, timeMsMax: number): Promise<number> {
  const { address, program, version, protocol } = query;
  if (addressFamily(address) === 4) {
    const getPort = { program: PMAP_PROGRAM, version: 2, procedure: 3, arguments: MAPPING, result: UINT };
    const prot = protocol === 'tcp' ? IPPROTO_TCP : IPPROTO_UDP;
    return await callPeer(peer, getPort, { prog: program, vers: version, prot, port: 0 }, timeMsMax);
  }
  const getAddress = { program: PMAP_PROGRAM, version: 3, procedure: 3, arguments: RPCB, result: ADDRESS };
  const [bare = address] = address.split('%');
  const text = await callPeer(
    peer,
    getAddress,
    {
      r_prog: program,
      r_vers: version,
      r_netid: bytesFrom(Buffer.from(`${protocol}6`, 'latin1')),
      r_addr: formatUniversalAddress({ address: bare, port: PMAP_PORT }),
      r_owner: bytesFrom(Buffer.alloc(0)),
    },
    timeMsMax,
  );
  // Only the port is taken: the address is the one that the client called from.
  return parseUniversalAddress(text)?.port ?? 0;
}
