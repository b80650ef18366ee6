/**
 * What the embedded port mapper knows: our own services at an address, the static table of the configuration, and what
 * servers on this host have registered. Between the codecs and the RPC door; no I/O.
 */

import { addressFamily, type Address } from '../base/address.js';

/** The netids of RFC 5665 that a service can be registered under. */
export type NetId = 'tcp' | 'udp' | 'tcp6' | 'udp6';

export interface Service {
  readonly program: number;
  readonly version: number;
  readonly netid: NetId;
  readonly port: number;
}

export interface ListedService extends Service {
  /** As rpcbind writes it: who registered. */
  readonly owner: string;
}

/** What a server has registered: at one address of its own, or at all. */
export interface Registered extends Service {
  readonly address: Address | undefined;
}

/** Registrations from this host. A host has some dozens; the next is refused. */
export const REGISTERED_MAX = 256;

export class PortmapRegistry {
  readonly #own: (address: Address) => readonly Service[];
  readonly #fixed: readonly Service[];
  readonly #reserved: ReadonlySet<number>;
  #registered: readonly Registered[] = [];

  /** `reserved`: programs that are ours, whether they are open at this moment or not; nobody else registers them. */
  constructor(options: {
    /** Our services whose sockets are open at the address. */
    readonly own: (address: Address) => readonly Service[];
    readonly fixed: readonly Service[];
    readonly reserved: readonly number[];
  }) {
    this.#own = options.own;
    this.#fixed = options.fixed;
    this.#reserved = new Set(options.reserved);
  }

  /** What can be called at an address, and nothing of the other family. */
  at(address: Address): ListedService[] {
    const services = [
      ...this.#own(address).map((service) => ({ ...service, owner: 'nlm-ledger' })),
      ...this.#fixed.map((service) => ({ ...service, owner: 'configuration' })),
      ...this.#registered
        .filter((service) => service.address === undefined || service.address === address)
        .map((service) => ({ ...service, owner: 'superuser' })),
    ];
    return services.filter(({ netid }) => familyOf(netid) === addressFamily(address));
  }

  /** Exactly this version: another version's port would be called in vain. 0 where there is none. */
  portOf(address: Address, program: number, version: number, netid: NetId): number {
    const service = this.at(address).find(
      (other) => other.program === program && other.version === version && other.netid === netid,
    );
    return service?.port ?? 0;
  }

  /** True where it is registered now: as RFC 1833 has it, never over another registration. */
  set(service: Registered): boolean {
    if (this.#reserved.has(service.program) || service.port < 1 || service.port > 65_535) return false;
    const same = [...this.#fixed, ...this.#registered].find((other) => hasSameName(service, other));
    if (same !== undefined) return same.port === service.port;
    if (this.#registered.length >= REGISTERED_MAX) return false;
    this.#registered = [...this.#registered, service];
    return true;
  }

  /** Every netid where `netid` is undefined. True where something was registered by SET, and is no more. */
  unset(program: number, version: number, netid: NetId | undefined): boolean {
    const left = this.#registered.filter(
      (other) =>
        other.program !== program || other.version !== version || (netid !== undefined && other.netid !== netid),
    );
    const changed = left.length < this.#registered.length;
    this.#registered = left;
    return changed;
  }
}

export function netidOf(transport: 'tcp' | 'udp', address: Address): NetId {
  return addressFamily(address) === 4 ? transport : `${transport}6`;
}

export function netidFrom(text: string): NetId | undefined {
  return text === 'tcp' || text === 'udp' || text === 'tcp6' || text === 'udp6' ? text : undefined;
}

export function familyOf(netid: NetId): 4 | 6 {
  return netid.endsWith('6') ? 6 : 4;
}

export function transportOf(netid: NetId): 'tcp' | 'udp' {
  return netid.startsWith('tcp') ? 'tcp' : 'udp';
}

function hasSameName(a: Service, b: Service): boolean {
  return a.program === b.program && a.version === b.version && a.netid === b.netid;
}
