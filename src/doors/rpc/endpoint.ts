/**
 * The sockets of one server address: NLM and NSM, TCP and UDP, bound to the address itself, since a wildcard bind
 * hides the in-bound address from UDP. They open as the address comes and close, connections reset, as it goes.
 */

import type { Address } from '../../base/address.js';
import type { ConnectionName } from './caller.js';
import type { RpcDispatch } from './serve.js';
import { TcpListener, type TcpLimits } from './tcp.js';
import { UdpListener, type UdpLimits } from './udp.js';

export interface EndpointOptions {
  readonly nlmPort: number;
  /** `undefined`: another statd serves NSM on this host. */
  readonly nsmPort: number | undefined;
  readonly nlm: RpcDispatch;
  readonly nsm: RpcDispatch;
  readonly limits: TcpLimits & UdpLimits;
}

/** Numbers that are tried for port 0, until one is free for TCP and UDP. */
const FREE_PORT_TRIES = 16;

interface Sockets {
  readonly tcp: readonly TcpListener[];
  readonly udp: readonly UdpListener[];
  readonly nlmPort: number;
  readonly nsmPort: number | undefined;
}

export class Endpoint {
  readonly address: Address;
  readonly #options: EndpointOptions;
  #sockets: Sockets | undefined;
  #problem: string | undefined;
  /** Opening and closing follow each other; an address that flaps ends in the last state that was asked for. */
  #step: Promise<void> = Promise.resolve();

  constructor(address: Address, options: EndpointOptions) {
    this.address = address;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#sockets !== undefined;
  }

  /** Why the sockets could not be opened. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get nlmPort(): number {
    return this.#sockets?.nlmPort ?? this.#options.nlmPort;
  }

  get nsmPort(): number | undefined {
    return this.#sockets === undefined ? this.#options.nsmPort : this.#sockets.nsmPort;
  }

  get connections(): number {
    return this.#sockets?.tcp.reduce((sum, listener) => sum + listener.connections, 0) ?? 0;
  }

  /** Opens what is not open. A port that is taken is a problem to be shown, and tried again by the next call. */
  open(): Promise<void> {
    this.#step = this.#step.then(async () => {
      if (this.#sockets !== undefined) return;
      const opened: { close(): Promise<void> }[] = [];
      try {
        this.#sockets = await this.#openAll(opened);
        this.#problem = undefined;
      } catch (error) {
        await Promise.all(opened.map((listener) => listener.close()));
        this.#problem = error instanceof Error ? error.message : String(error);
      }
    });
    return this.#step;
  }

  close(): Promise<void> {
    this.#step = this.#step.then(async () => {
      const sockets = this.#sockets;
      this.#sockets = undefined;
      this.#problem = undefined;
      if (sockets !== undefined)
        await Promise.all([...sockets.tcp, ...sockets.udp].map((listener) => listener.close()));
    });
    return this.#step;
  }

  /** NLM alone: the notice of its reboot may have come over NSM, and its answer is to be read. */
  resetClient(address: Address, except?: ConnectionName): void {
    this.#sockets?.tcp[0]?.resetClient(address, except);
  }

  ageClient(address: Address): void {
    this.#sockets?.tcp[0]?.ageClient(address);
  }

  async #openAll(opened: { close(): Promise<void> }[]): Promise<Sockets> {
    const { nlmPort, nsmPort, nlm, nsm, limits } = this.#options;
    const pair = async (port: number, dispatch: RpcDispatch) => {
      for (let tries = 1; ; tries += 1) {
        const tcp = await TcpListener.open(this.address, port, dispatch, limits);
        try {
          // Port 0: UDP takes the number that TCP was given, unless somebody has it.
          const udp = await UdpListener.open(this.address, tcp.port, dispatch, limits);
          opened.push(tcp, udp);
          return { tcp, udp };
        } catch (error) {
          await tcp.close();
          if (port !== 0 || tries === FREE_PORT_TRIES) throw error;
        }
      }
    };
    const first = await pair(nlmPort, nlm);
    const second = nsmPort === undefined ? undefined : await pair(nsmPort, nsm);
    return {
      tcp: second === undefined ? [first.tcp] : [first.tcp, second.tcp],
      udp: second === undefined ? [first.udp] : [first.udp, second.udp],
      nlmPort: first.tcp.port,
      nsmPort: second?.tcp.port,
    };
  }
}
