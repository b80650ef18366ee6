/** The TCP side of one address and port. */

import { createServer, type Server, type Socket } from 'node:net';
import { addressFrom, type Address } from '../../base/address.js';
import type { ConnectionName } from './caller.js';
import { RpcConnection, type ConnectionLimits } from './connection.js';
import type { RpcDispatch } from './serve.js';

export interface TcpLimits extends ConnectionLimits {
  /** Connections of one listener; the next is closed as it comes. */
  readonly connectionsMax: number;
  /** Connections from one address. */
  readonly connectionsPerClientMax: number;
}

/** How often, at the least, idle and half-open connections are looked for. */
const CHECK_MS_MAX = 5000;

export class TcpListener {
  readonly #server: Server;
  readonly #connections = new Set<RpcConnection>();
  readonly #byClient = new Map<Address, number>();
  readonly #timer: NodeJS.Timeout;

  private constructor(address: Address, dispatch: RpcDispatch, limits: TcpLimits) {
    this.#server = createServer({ noDelay: true }, (socket: Socket) => {
      const client = socket.remoteAddress === undefined ? undefined : addressFrom(socket.remoteAddress);
      if (client === undefined || socket.remotePort === undefined || this.#isFull(client, limits)) {
        socket.on('error', () => undefined);
        socket.destroy();
        return;
      }
      const caller = { transport: 'tcp', address: client, port: socket.remotePort, serverAddress: address } as const;
      const connection = new RpcConnection(socket, caller, dispatch, limits, performance.now());
      this.#connections.add(connection);
      this.#byClient.set(client, (this.#byClient.get(client) ?? 0) + 1);
      socket.on('close', () => this.#forget(connection));
    });
    this.#timer = setInterval(
      () => {
        const now = performance.now();
        for (const connection of this.#connections) connection.check(now);
      },
      Math.min(CHECK_MS_MAX, limits.idleMsMax, limits.recordMsMax),
    );
    this.#timer.unref();
  }

  /** Rejects with the error of bind(2). */
  static async open(address: Address, port: number, dispatch: RpcDispatch, limits: TcpLimits): Promise<TcpListener> {
    const listener = new TcpListener(address, dispatch, limits);
    try {
      await new Promise<void>((resolve, reject) => {
        listener.#server.once('error', reject);
        listener.#server.listen({ host: address, port, exclusive: true }, () => {
          listener.#server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      clearInterval(listener.#timer);
      throw error;
    }
    // An accept that failed (out of descriptors) must not end the node; the next one may succeed.
    listener.#server.on('error', () => undefined);
    return listener;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** See `RpcConnection.age`. */
  ageClient(address: Address): void {
    for (const connection of this.#connections) if (connection.caller.address === address) connection.age();
  }

  /**
   * Ends the connections of a client that has rebooted: whatever still comes out of them is of its older life, but for the
   * one that a call of its new life came on.
   */
  resetClient(address: Address, except?: ConnectionName): void {
    for (const connection of this.#connections) {
      const { caller } = connection;
      const isExcepted = except?.serverAddress === caller.serverAddress && except.port === caller.port;
      if (caller.address === address && !isExcepted) connection.reset();
    }
  }

  #isFull(client: Address, limits: TcpLimits): boolean {
    return (
      this.#connections.size >= limits.connectionsMax ||
      (this.#byClient.get(client) ?? 0) >= limits.connectionsPerClientMax
    );
  }

  #forget(connection: RpcConnection): void {
    this.#connections.delete(connection);
    const { address } = connection.caller;
    const left = (this.#byClient.get(address) ?? 1) - 1;
    if (left === 0) this.#byClient.delete(address);
    else this.#byClient.set(address, left);
  }

  /** No new connection from here on; the old ones are reset. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.reset();
    await closed;
  }
}
