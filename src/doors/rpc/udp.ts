/** The UDP side of one address and port: replies leave from the socket that received the call. */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { addressFamily, addressFrom, type Address } from '../../base/address.js';
import { encodeRefusal, encodeSuccess, type Refusal } from '../../rpc/message.js';
import type { Codec } from '../../xdr/codec.js';
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
      // Replies go to addresses: Node's own resolver would take each of them to its next tick.
      lookup: (address, _options, found) => found(null, address, addressFamily(address as Address)),
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
    this.#inFlight += 1;
    const caller = { transport: 'udp', address, port: remote.port, serverAddress: this.#address } as const;
    const call = new UdpCall(caller, remote, this);
    if (!this.#dispatch.dispatch(message, 0, message.length, call)) this.ended();
  }

  /** One call less that is not answered yet. */
  ended(): void {
    this.#inFlight -= 1;
  }

  #source(text: string): Address | undefined {
    if (this.#sources.has(text)) return this.#sources.get(text);
    if (this.#sources.size >= SOURCES_MAX) this.#sources.clear();
    const address = addressFrom(text);
    this.#sources.set(text, address);
    return address;
  }

  /** Where the next message is written; `depart` sends it. */
  get writer(): XdrWriter {
    return this.#writer;
  }

  depart({ port, address }: RemoteInfo): void {
    const message = this.#writer.take();
    // Without a callback: what cannot be sent is lost as any datagram may be, and the client asks again.
    if (!this.#closed) this.#socket.send(message, port, address);
  }
}

/** One datagram: its reply leaves from the socket that received it. */
class UdpCall implements Transport {
  readonly caller: Caller;
  readonly isPresentLife = false;
  readonly #remote: RemoteInfo;
  readonly #listener: UdpListener;

  constructor(caller: Caller, remote: RemoteInfo, listener: UdpListener) {
    this.caller = caller;
    this.#remote = remote;
    this.#listener = listener;
  }

  succeed<Result>(xid: number, codec: Codec<Result>, result: Result): void {
    const { writer } = this.#listener;
    encodeSuccess(writer, xid);
    codec.encode(writer, result);
    this.#answered();
  }

  refuse(xid: number, refusal: Refusal): void {
    encodeRefusal(this.#listener.writer, xid, refusal);
    this.#answered();
  }

  forget(): void {
    this.#listener.ended();
  }

  callBack(message: (writer: XdrWriter) => void): void {
    message(this.#listener.writer);
    this.#listener.depart(this.#remote);
  }

  #answered(): void {
    this.#listener.ended();
    this.#listener.depart(this.#remote);
  }
}
