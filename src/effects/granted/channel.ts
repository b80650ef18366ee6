/**
 * One TCP connection to a client's NLM service, for callbacks: calls are pipelined and matched by xid. It leaves
 * from the server address that the client used (Linux compares it), and from a privileged port where that is allowed.
 */

import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { Address } from '../../base/address.js';
import { NO_CREDENTIAL } from '../../rpc/auth.js';
import { decodeReply, encodeCall } from '../../rpc/message.js';
import { beginRecord, endRecord, RecordReader } from '../../rpc/record.js';
import { XdrReader } from '../../xdr/reader.js';
import { XdrWriter } from '../../xdr/writer.js';

export interface ChannelOptions {
  readonly address: Address;
  readonly port: number;
  readonly localAddress: Address;
}

/** How a call ended; `called` says whether it may have reached the client. */
export type ChannelReply<R> =
  | { readonly type: 'reply'; readonly result: R }
  | { readonly type: 'failed'; readonly called: boolean; readonly why: string };

export interface ChannelCall<R> {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly encode: (writer: XdrWriter) => void;
  readonly decode: (reader: XdrReader) => R;
}

const CONNECT_MS = 5000;
const REPLY_MS = 10_000;
/** Shorter than clients keep an idle connection (Linux: five minutes): ours goes first. */
const IDLE_MS = 240_000;
/** Replies of NLM are a few dozen bytes; a client has no reason for more. */
const REPLY_LIMITS = { recordBytesMax: 8192, fragmentsMax: 16 };
/** Reserved ports are taken from here downwards, as libtirpc does, below the ports of well-known services. */
const PRIVILEGED_FIRST = 1023;
const PRIVILEGED_LAST = 665;

interface Waiting {
  readonly settle: (reply: ChannelReply<XdrReader>) => void;
  readonly timer: NodeJS.Timeout;
}

let nextPrivileged = PRIVILEGED_FIRST;
let mayBindPrivileged = true;

export class Channel {
  readonly #options: ChannelOptions;
  readonly #onClose: () => void;
  readonly #records = new RecordReader(REPLY_LIMITS);
  readonly #waiting = new Map<number, Waiting>();
  readonly #writer = new XdrWriter();
  #socket: Promise<Socket> | undefined;
  /** Once it is connected. */
  #connected: Socket | undefined;
  #xid = randomInt(0x1_0000_0000);
  #idle: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: ChannelOptions, onClose: () => void) {
    this.#options = options;
    this.#onClose = onClose;
  }

  /** Connects where it is not connected, and stays open for a while. Never rejects. */
  async open(): Promise<void> {
    try {
      this.#socket ??= this.#connect();
      await this.#socket;
      if (this.#waiting.size === 0) this.#idleFrom();
    } catch {
      this.close();
    }
  }

  /** Where it is connected, the call is written before this returns. Never rejects. */
  async call<R>(call: ChannelCall<R>): Promise<ChannelReply<R>> {
    let socket = this.#connected;
    if (socket === undefined) {
      try {
        this.#socket ??= this.#connect();
        socket = await this.#socket;
      } catch (error) {
        this.close();
        return { type: 'failed', called: false, why: error instanceof Error ? error.message : String(error) };
      }
    }
    const reply = await this.#exchange(socket, call);
    if (reply.type === 'failed') return reply;
    try {
      return { type: 'reply', result: call.decode(reply.result) };
    } catch (error) {
      return { type: 'failed', called: true, why: error instanceof Error ? error.message : String(error) };
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#socket?.then((socket) => socket.destroy()).catch(() => undefined);
    for (const [xid, waiting] of this.#waiting)
      this.#settle(xid, waiting, { type: 'failed', called: true, why: 'the connection ended' });
    this.#onClose();
  }

  #exchange<R>(socket: Socket, call: ChannelCall<R>): Promise<ChannelReply<XdrReader>> {
    this.#xid = (this.#xid + 1) >>> 0;
    const xid = this.#xid;
    const mark = beginRecord(this.#writer);
    const { program, version, procedure } = call;
    encodeCall(this.#writer, { xid, program, version, procedure, credential: NO_CREDENTIAL });
    call.encode(this.#writer);
    endRecord(this.#writer, mark);
    const bytes = this.#writer.take();
    return new Promise((settle) => {
      if (this.#closed) return settle({ type: 'failed', called: false, why: 'the connection ended' });
      const timer = setTimeout(() => {
        const waiting = this.#waiting.get(xid);
        if (waiting !== undefined)
          this.#settle(xid, waiting, { type: 'failed', called: true, why: 'no answer in time' });
      }, REPLY_MS);
      this.#waiting.set(xid, { settle, timer });
      clearTimeout(this.#idle);
      socket.write(bytes);
    });
  }

  #settle(xid: number, waiting: Waiting, reply: ChannelReply<XdrReader>): void {
    clearTimeout(waiting.timer);
    this.#waiting.delete(xid);
    waiting.settle(reply);
    if (this.#waiting.size === 0) this.#idleFrom();
  }

  #idleFrom(): void {
    if (this.#closed) return;
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.close(), IDLE_MS);
    this.#idle.unref();
  }

  #receive(chunk: Buffer): void {
    try {
      this.#records.push(chunk, (buffer, start, end) => {
        const reader = new XdrReader(Buffer.from(buffer.subarray(start, end)));
        const reply = decodeReply(reader);
        const waiting = this.#waiting.get(reply.xid);
        if (waiting === undefined) return;
        const why = `the client refused the call: ${reply.type}`;
        this.#settle(
          reply.xid,
          waiting,
          reply.type === 'SUCCESS' ? { type: 'reply', result: reader } : { type: 'failed', called: false, why },
        );
      });
    } catch {
      this.close();
    }
  }

  async #connect(): Promise<Socket> {
    const socket = await connectFrom(this.#options);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('close', () => this.close());
    this.#connected = socket;
    return socket;
  }
}

/** Tries reserved ports one after the other until one is free, and any port where reserved ones are not allowed. */
async function connectFrom(options: ChannelOptions): Promise<Socket> {
  for (let tries = 0; mayBindPrivileged && tries < PRIVILEGED_FIRST - PRIVILEGED_LAST; tries += 1) {
    const localPort = nextPrivileged;
    nextPrivileged = localPort === PRIVILEGED_LAST ? PRIVILEGED_FIRST : localPort - 1;
    try {
      return await connectOnce(options, localPort);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EACCES' || code === 'EPERM') mayBindPrivileged = false;
      else if (code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL') throw error;
      else if (code === 'EADDRNOTAVAIL' && tries > 2) break;
    }
  }
  return connectOnce(options, undefined);
}

function connectOnce({ address, port, localAddress }: ChannelOptions, localPort: number | undefined): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, localAddress, ...(localPort === undefined ? {} : { localPort }) });
    const timer = setTimeout(
      () => socket.destroy(new Error(`no connection to ${address} port ${port} in ${CONNECT_MS} ms`)),
      CONNECT_MS,
    );
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      // From here on the end of the connection says everything.
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}
