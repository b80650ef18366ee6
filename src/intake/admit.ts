/** Who may lock: the networks of the configuration. An empty list admits everybody. */

import { inNetwork, type Address, type Network } from '../base/address.js';

/** Addresses whose answer is kept: a client sends many calls. */
const ADMITTED_MAX = 10_000;

export interface ClientNetwork {
  readonly network: Network;
}

export class Admission<T extends ClientNetwork> {
  readonly #networks: readonly T[];
  #known = new Map<Address, T | undefined>();

  constructor(networks: readonly T[]) {
    this.#networks = networks;
  }

  admits(address: Address): boolean {
    return this.#networks.length === 0 || this.networkOf(address) !== undefined;
  }

  /** The first network of the list that holds the address, with the settings for its clients. */
  networkOf(address: Address): T | undefined {
    if (this.#networks.length === 0) return undefined;
    if (this.#known.has(address)) return this.#known.get(address);
    const found = this.#networks.find(({ network }) => inNetwork(address, network));
    if (this.#known.size >= ADMITTED_MAX) this.#known.clear();
    this.#known.set(address, found);
    return found;
  }
}
