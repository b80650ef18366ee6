/** A client of our own for tests: RPC calls over one TCP connection or UDP socket, matched by xid; copies at will. */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Bytes } from '../../src/base/bytes.js';
import { u64FromBigInt } from '../../src/base/u64.js';
import { NLM_PROGRAM, nlmCall, nlmProcedure } from '../../src/nlm/procedures.js';
import type { NlmLock, NlmTestReply } from '../../src/nlm/types.js';
import { NSM_PROGRAM, nsmProcedure } from '../../src/nsm/procedures.js';
import { NO_CREDENTIAL } from '../../src/rpc/auth.js';
import { decodeReply, encodeCall, type RpcReply } from '../../src/rpc/message.js';
import { beginRecord, endRecord, RecordReader } from '../../src/rpc/record.js';
import type { Codec } from '../../src/xdr/codec.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';

export interface Subject {
  readonly file?: string;
  readonly caller?: string;
  readonly svid?: number;
  readonly oh?: string;
  readonly offset?: bigint;
  readonly length?: bigint;
}

export interface LockOptions extends Subject {
  readonly exclusive?: boolean;
  readonly block?: boolean;
  readonly reclaim?: boolean;
  readonly state?: number;
  readonly xid?: number;
}

export interface ShareOptions {
  readonly version?: 3 | 4;
  readonly file?: string;
  readonly caller?: string;
  readonly oh?: string;
  readonly mode?: 0 | 1 | 2 | 3;
  readonly access?: 0 | 1 | 2 | 3;
  readonly reclaim?: boolean;
  readonly xid?: number;
}

interface Reply {
  readonly reply: RpcReply;
  readonly reader: XdrReader;
}

export function bytes(text: string): Bytes {
  return text as Bytes;
}

export class RpcClient {
  readonly #send: (message: Buffer) => void;
  readonly #close: () => void;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly closed: Promise<void>;
  #xid = 1;

  private constructor(send: (message: Buffer) => void, close: () => void, closed: Promise<void>) {
    this.#send = send;
    this.#close = close;
    this.closed = closed;
  }

  static async tcp(host: string, port: number, localAddress?: string): Promise<RpcClient> {
    const socket: Socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) });
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    const records = new RecordReader({ recordBytesMax: 65_536, fragmentsMax: 64 });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    const client = new RpcClient(
      (message) => {
        const writer = new XdrWriter();
        const mark = beginRecord(writer);
        endRecord(writer, mark);
        const head = writer.take();
        head.writeUInt32BE((0x8000_0000 | message.length) >>> 0, 0);
        socket.write(Buffer.concat([head, message]));
      },
      () => socket.destroy(),
      closed,
    );
    socket.on('data', (chunk: Buffer) => {
      records.push(chunk, (buffer, start, end) => client.#receive(Buffer.from(buffer.subarray(start, end))));
    });
    return client;
  }

  static async udp(host: string, port: number, localAddress = '127.0.0.1'): Promise<RpcClient> {
    const socket: UdpSocket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve) => socket.bind({ port: 0, address: localAddress }, resolve));
    const client = new RpcClient(
      (message) => socket.send(message, port, host),
      () => socket.close(),
      new Promise(() => undefined),
    );
    socket.on('message', (message) => client.#receive(message));
    return client;
  }

  close(): void {
    this.#close();
  }

  /** Raw bytes of a message, as they are. */
  raw(message: Buffer): void {
    this.#send(message);
  }

  nextXid(): number {
    this.#xid += 1;
    return this.#xid;
  }

  encode<A>(program: number, version: number, procedure: number, codec: Codec<A>, args: A, xid: number): Buffer {
    const writer = new XdrWriter();
    encodeCall(writer, { xid, program, version, procedure, credential: NO_CREDENTIAL });
    codec.encode(writer, args);
    return writer.take();
  }

  /** Sends, and waits for the reply of this xid. */
  async call<A, R>(
    program: number,
    version: number,
    procedure: number,
    args: { readonly codec: Codec<A>; readonly value: A },
    result: Codec<R>,
    xid = this.nextXid(),
  ): Promise<R> {
    const { reply, reader } = await this.exchange(
      this.encode(program, version, procedure, args.codec, args.value, xid),
      xid,
    );
    if (reply.type !== 'SUCCESS') throw new Error(`refused: ${reply.type}`);
    return result.decode(reader);
  }

  exchange(message: Buffer, xid: number): Promise<Reply> {
    const answered = new Promise<Reply>((resolve) => this.#waiting.set(xid, resolve));
    this.#send(message);
    return answered;
  }

  async lock(options: LockOptions = {}): Promise<number> {
    const procedure = nlmCall(4, 'LOCK')!;
    const { exclusive = true, block = false, reclaim = false, state = 1 } = options;
    const value = { cookie: bytes('ck01'), block, exclusive, alock: alock(options), reclaim, state };
    return (await this.call(NLM_PROGRAM, 4, 2, { codec: procedure.args, value }, procedure.result, options.xid)).stat;
  }

  async unlock(options: Subject & { readonly xid?: number } = {}): Promise<number> {
    const procedure = nlmCall(4, 'UNLOCK')!;
    const value = { cookie: bytes('ck02'), alock: alock(options) };
    return (await this.call(NLM_PROGRAM, 4, 4, { codec: procedure.args, value }, procedure.result, options.xid)).stat;
  }

  /** SHARE or UNSHARE. */
  async share(
    operation: 'SHARE' | 'UNSHARE',
    options: ShareOptions = {},
  ): Promise<{ readonly stat: number; readonly sequence: number }> {
    const { version = 4, file = 'file-1', caller = 'client1', oh = 'opener', mode = 2, access = 1 } = options;
    const procedure = nlmProcedure(version, operation === 'SHARE' ? 20 : 21);
    if (procedure?.kind !== 'sync' || (procedure.operation !== 'SHARE' && procedure.operation !== 'UNSHARE')) {
      throw new Error(`no ${operation} in version ${version}`);
    }
    const share = { caller_name: bytes(caller), fh: bytes(file), oh: bytes(oh), mode, access };
    const value = { cookie: bytes('ck05'), share, reclaim: options.reclaim ?? false };
    const { number, args, result } = procedure;
    return this.call(NLM_PROGRAM, version, number, { codec: args, value }, result, options.xid);
  }

  async cancel(options: LockOptions = {}): Promise<number> {
    const procedure = nlmCall(4, 'CANCEL')!;
    const { exclusive = true, block = true } = options;
    const value = { cookie: bytes('ck03'), block, exclusive, alock: alock(options) };
    return (await this.call(NLM_PROGRAM, 4, 3, { codec: procedure.args, value }, procedure.result, options.xid)).stat;
  }

  async test(options: LockOptions = {}): Promise<NlmTestReply> {
    const procedure = nlmCall(4, 'TEST')!;
    const value = { cookie: bytes('ck04'), exclusive: options.exclusive ?? true, alock: alock(options) };
    return (await this.call(NLM_PROGRAM, 4, 1, { codec: procedure.args, value }, procedure.result)).stat;
  }

  /** NULL of NLM. */
  async ping(): Promise<void> {
    const procedure = nlmProcedure(4, 0);
    if (procedure?.name !== 'NULL') throw new Error('no NULL');
    await this.call(NLM_PROGRAM, 4, 0, { codec: procedure.args, value: undefined }, procedure.result);
  }

  async freeAll(name: string): Promise<void> {
    const procedure = nlmCall(4, 'FREE_ALL')!;
    await this.call(
      NLM_PROGRAM,
      4,
      23,
      { codec: procedure.args, value: { name: bytes(name), state: 0 } },
      procedure.result,
    );
  }

  async notify(name: string, state: number): Promise<void> {
    const procedure = nsmProcedure(1, 6);
    if (procedure?.name !== 'SM_NOTIFY') throw new Error('no SM_NOTIFY');
    await this.call(
      NSM_PROGRAM,
      1,
      6,
      { codec: procedure.args, value: { mon_name: bytes(name), state } },
      procedure.result,
    );
  }

  #receive(message: Buffer): void {
    const reader = new XdrReader(message);
    const reply = decodeReply(reader);
    const waiting = this.#waiting.get(reply.xid);
    this.#waiting.delete(reply.xid);
    waiting?.({ reply, reader });
  }
}

export function alock({
  file = 'file-1',
  caller = 'client1',
  svid = 1,
  oh = '1@client1',
  offset = 0n,
  length = 0n,
}: Subject): NlmLock {
  return {
    caller_name: bytes(caller),
    fh: bytes(file),
    oh: bytes(oh),
    svid,
    l_offset: u64FromBigInt(offset),
    l_len: u64FromBigInt(length),
  };
}
