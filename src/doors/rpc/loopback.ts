/**
 * A port of 127.0.0.1 for callers of this host: programs that watch other hosts, and the host's statd. They know no
 * other address, and server addresses need not be loopback ones.
 */

import { parseAddress } from '../../base/address.js';
import type { RpcDispatch } from './serve.js';
import { TcpListener, type TcpLimits } from './tcp.js';
import { UdpListener, type UdpLimits } from './udp.js';

const LOOPBACK = parseAddress('127.0.0.1');

export class LoopbackDoor {
  readonly port: number;
  readonly #listeners: readonly { close(): Promise<void> }[];

  private constructor(port: number, listeners: readonly { close(): Promise<void> }[]) {
    this.port = port;
    this.#listeners = listeners;
  }

  /** Rejects with the error of bind(2). */
  static async open(port: number, dispatch: RpcDispatch, limits: TcpLimits & UdpLimits): Promise<LoopbackDoor> {
    const tcp = await TcpListener.open(LOOPBACK, port, dispatch, limits);
    try {
      return new LoopbackDoor(tcp.port, [tcp, await UdpListener.open(LOOPBACK, tcp.port, dispatch, limits)]);
    } catch (error) {
      await tcp.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }
}
