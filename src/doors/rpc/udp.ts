/** The UDP side of one address and port: replies leave from the socket that received the call. */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { addressFamily, addressFrom, type Address } from '../../base/address.js';
import { encodeRefusal, encodeSuccess, type Refusal } from '../../rpc/message.js';
import { XdrWriter } from '../../xdr/writer.js';
import type { Caller, Transport } from './caller.js';
import type { RpcDispatch } from './serve.js';

export interface UdpLimits {
  /** Calls of this socket that are not answered yet; what comes beyond is dropped, and asked again. */
  readonly udpInFlightMax: number;
}

/** Room in the kernel for bursts: the default holds some hundred calls. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** Textual source addresses whose canonical form is kept. */
const SOURCES_MAX = 10_000;

export class UdpListener {
  readonly #socket: Socket;
  readonly #address: Address;
  readonly #dispatch: RpcDispatch;
  readonly #limits: UdpLimits;
  readonly #writer = new XdrWriter();
  readonly #sources = new Map<string, Address | undefined>();
  #inFlight = 0;
  #closed = false;

  private constructor(address: Address, dispatch: RpcDispatch, limits: UdpLimits) {
    this.#limits = limits;
    this.#address = address;
    this.#dispatch = dispatch;
    this.#socket = createSocket({
      type: addressFamily(address) === 4 ? 'udp4' : 'udp6',
      ...(addressFamily(address) === 6 ? { ipv6Only: true } : {}),
      recvBufferSize: RECEIVE_BUFFER_BYTES,
    });
    this.#socket.on('message', (message, remote) => this.#receive(message, remote));
  }

  /** Rejects with the error of bind(2). */
  static async open(address: Address, port: number, dispatch: RpcDispatch, limits: UdpLimits): Promise<UdpListener> {
    const listener = new UdpListener(address, dispatch, limits);
    try {
      await new Promise<void>((resolve, reject) => {
        listener.#socket.once('error', reject);
        listener.#socket.bind({ address, port, exclusive: true }, () => {
          listener.#socket.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      listener.#socket.close();
      throw error;
    }
    // ICMP errors of earlier replies come here; the client asks again.
    listener.#socket.on('error', () => undefined);
    return listener;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(message: Buffer, remote: RemoteInfo): void {
    // Nobody can be answered at port 0, and a send to it throws.
    if (this.#inFlight >= this.#limits.udpInFlightMax || remote.port === 0) return;
    const address = this.#source(remote.address);
    if (address === undefined) return;
    const caller = { transport: 'udp', address, port: remote.port, serverAddress: this.#address } as const;
    this.#inFlight += 1;
    if (!this.#dispatch.dispatch(message, 0, message.length, this.#transport(caller, remote))) this.#inFlight -= 1;
  }

  #source(text: string): Address | undefined {
    if (this.#sources.has(text)) return this.#sources.get(text);
    if (this.#sources.size >= SOURCES_MAX) this.#sources.clear();
    const address = addressFrom(text);
    this.#sources.set(text, address);
    return address;
  }

  #transport(caller: Caller, remote: RemoteInfo): Transport {
    return {
      caller,
      isPresentLife: false,
      succeed: (xid, encode) => {
        encodeSuccess(this.#writer, xid);
        encode(this.#writer);
        this.#send(remote);
      },
      refuse: (xid: number, refusal: Refusal) => {
        encodeRefusal(this.#writer, xid, refusal);
        this.#send(remote);
      },
      forget: () => {
        this.#inFlight -= 1;
      },
      callBack: (message) => {
        message(this.#writer);
        this.#deliver(remote);
      },
    };
  }

  #send(remote: RemoteInfo): void {
    this.#inFlight -= 1;
    this.#deliver(remote);
  }

  #deliver(remote: RemoteInfo): void {
    const message = this.#writer.take();
    if (!this.#closed) this.#socket.send(message, remote.port, remote.address, () => undefined);
  }
}
