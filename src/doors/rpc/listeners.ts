/** Every address that is served: each has its endpoint, open while the address is on this host. */

import type { Address } from '../../base/address.js';
import type { ConnectionName } from './caller.js';
import { Endpoint, type EndpointOptions } from './endpoint.js';

/** A port that was taken is tried again so often. */
const RETRY_MS = 2000;

export interface ListenersOptions extends EndpointOptions {
  readonly addresses: readonly Address[];
  readonly isPresent: (address: Address) => boolean;
  /** An endpoint opened, closed, or failed to open. */
  readonly onChange: (endpoint: Endpoint) => void;
}

export class Listeners {
  readonly endpoints: readonly Endpoint[];
  readonly #options: ListenersOptions;
  readonly #timer: NodeJS.Timeout;

  private constructor(options: ListenersOptions) {
    this.#options = options;
    this.endpoints = options.addresses.map((address) => new Endpoint(address, options));
    this.#timer = setInterval(() => void this.refresh(), RETRY_MS);
    this.#timer.unref();
  }

  /** Resolves once every endpoint whose address is here has been tried; `problem` of an endpoint says what failed. */
  static async open(options: ListenersOptions): Promise<Listeners> {
    const listeners = new Listeners(options);
    await listeners.refresh();
    return listeners;
  }

  get connections(): number {
    return this.endpoints.reduce((sum, endpoint) => sum + endpoint.connections, 0);
  }

  /** Opens and closes as the addresses have come and gone. */
  async refresh(): Promise<void> {
    await Promise.all(
      this.endpoints.map(async (endpoint) => {
        const present = this.#options.isPresent(endpoint.address);
        if (present === endpoint.isOpen) return;
        const before = endpoint.problem;
        await (present ? endpoint.open() : endpoint.close());
        if (endpoint.isOpen === present || endpoint.problem !== before) this.#options.onChange(endpoint);
      }),
    );
  }

  ageClient(address: Address): void {
    for (const endpoint of this.endpoints) endpoint.ageClient(address);
  }

  resetClient(address: Address, except?: ConnectionName): void {
    for (const endpoint of this.endpoints) endpoint.resetClient(address, except);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.endpoints.map((endpoint) => endpoint.close()));
  }
}
