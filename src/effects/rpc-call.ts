/**
 * One RPC call of our own to a peer, and its reply: how portmappers, and whoever else must be asked now and then, are
 * asked. A connection a call: these are rare. (Callbacks to clients have a way of their own.)
 */

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, type NetConnectOpts } from 'node:net';
import { addressFamily, type Address } from '../base/address.js';
import { LedgerError } from '../base/errors.js';
import { NO_CREDENTIAL } from '../rpc/auth.js';
import { decodeReply, encodeCall } from '../rpc/message.js';
import { beginRecord, endRecord, RecordReader } from '../rpc/record.js';
import type { Codec } from '../xdr/codec.js';
import { XdrReader } from '../xdr/reader.js';
import { XdrWriter } from '../xdr/writer.js';

export type Peer =
  | {
      readonly transport: 'tcp' | 'udp';
      readonly address: Address;
      readonly port: number;
      /** Where the call leaves from; where it is left out, the kernel chooses. */
      readonly localAddress?: Address | undefined;
      readonly localPort?: number | undefined;
    }
  | { readonly transport: 'unix'; readonly path: string };

export interface Procedure<Arguments, Result> {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly arguments: Codec<Arguments>;
  readonly result: Codec<Result>;
}

/** A host with a thousand registrations answers DUMP within this. */
const REPLY_LIMITS = { recordBytesMax: 256 * 1024, fragmentsMax: 64 };
/** RFC 1057 section 7: a call over UDP may be lost, and is sent again; the first pause, doubled each time. */
const FIRST_RETRY_MS = 500;

/**
 * @throws LedgerError 'timeout' (no reply in time), 'unavailable' (nobody there, `details.errno`), 'unsupported' (the
 * peer has no such program, version or procedure: `details.reply`), 'refused' (any other refusal of RPC). An XdrError
 * of a reply that does not decode comes as 'unavailable'.
 */
export async function callPeer<A, R>(peer: Peer, procedure: Procedure<A, R>, args: A, timeMsMax: number): Promise<R> {
  const xid = randomInt(0x1_0000_0000);
  const writer = new XdrWriter();
  const start = peer.transport === 'udp' ? undefined : beginRecord(writer);
  encodeCall(writer, { xid, ...procedure, credential: NO_CREDENTIAL });
  procedure.arguments.encode(writer, args);
  if (start !== undefined) endRecord(writer, start);
  const reply = await exchange(peer, writer.take(), xid, timeMsMax);
  try {
    return resultOf(procedure, new XdrReader(reply), peer);
  } catch (cause) {
    if (cause instanceof LedgerError) throw cause;
    throw new LedgerError('unavailable', `${nameOf(peer)} answered what is no reply to the call`, { cause });
  }
}

function resultOf<A, R>(procedure: Procedure<A, R>, reader: XdrReader, peer: Peer): R {
  const reply = decodeReply(reader);
  switch (reply.type) {
    case 'SUCCESS':
      return procedure.result.decode(reader);
    case 'PROG_UNAVAIL':
    case 'PROG_MISMATCH':
    case 'PROC_UNAVAIL': {
      const what = `program ${procedure.program} version ${procedure.version} procedure ${procedure.procedure}`;
      throw new LedgerError('unsupported', `${nameOf(peer)} does not serve ${what}`, { details: { reply } });
    }
    default:
      throw new LedgerError('refused', `${nameOf(peer)} refused the call: ${reply.type}`, { details: { reply } });
  }
}

/** The message of the reply with this xid; others are passed over. */
function exchange(peer: Peer, call: Buffer, xid: number, timeMsMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: Buffer | LedgerError): void => {
      clearTimeout(timer);
      close();
      if (outcome instanceof LedgerError) reject(outcome);
      else resolve(outcome);
    };
    const timer = setTimeout(() => {
      settle(new LedgerError('timeout', `${nameOf(peer)} did not answer within ${timeMsMax} ms`));
    }, timeMsMax);
    const close = peer.transport === 'udp' ? overUdp(peer, call, xid, settle) : overStream(peer, call, xid, settle);
  });
}

type Settle = (outcome: Buffer | LedgerError) => void;

function overStream(peer: Exclude<Peer, { transport: 'udp' }>, call: Buffer, xid: number, settle: Settle): () => void {
  const records = new RecordReader(REPLY_LIMITS);
  const socket = connect(connectOptions(peer), () => socket.write(call));
  socket.on('error', (error) => settle(unavailable(peer, error)));
  socket.on('close', () => settle(unavailable(peer, new Error('the connection was closed before the reply'))));
  socket.on('data', (chunk) => {
    try {
      records.push(chunk, (buffer, start, end) => {
        if (isReplyTo(xid, buffer, start, end)) settle(Buffer.from(buffer.subarray(start, end)));
      });
    } catch (error) {
      settle(unavailable(peer, error));
    }
  });
  return () => {
    socket.destroy();
  };
}

function connectOptions(peer: Exclude<Peer, { transport: 'udp' }>): NetConnectOpts {
  if (peer.transport === 'unix') return { path: peer.path };
  return {
    host: peer.address,
    port: peer.port,
    ...(peer.localAddress === undefined ? {} : { localAddress: peer.localAddress }),
    ...(peer.localPort === undefined ? {} : { localPort: peer.localPort }),
  };
}

function overUdp(peer: Extract<Peer, { port: number }>, call: Buffer, xid: number, settle: Settle): () => void {
  const socket = createSocket(addressFamily(peer.address) === 4 ? 'udp4' : 'udp6');
  let retry: NodeJS.Timeout | undefined;
  let closed = false;
  const fail = (error: unknown): void => settle(unavailable(peer, error));
  const send = (pauseMs: number): void => {
    if (closed) return;
    socket.send(call);
    retry = setTimeout(() => send(pauseMs * 2), pauseMs);
  };
  socket.on('error', fail);
  socket.on('message', (message) => {
    if (isReplyTo(xid, message, 0, message.length)) settle(message);
  });
  // Connected: only the peer's packets come in, and a closed port of its comes as an error.
  socket.bind(
    { port: peer.localPort ?? 0, ...(peer.localAddress === undefined ? {} : { address: peer.localAddress }) },
    () => {
      if (!closed)
        socket.connect(peer.port, peer.address, (error?: Error) =>
          error == null ? send(FIRST_RETRY_MS) : fail(error),
        );
    },
  );
  return () => {
    if (closed) return;
    closed = true;
    clearTimeout(retry);
    socket.close();
  };
}

function isReplyTo(xid: number, buffer: Buffer, start: number, end: number): boolean {
  return end - start >= 8 && buffer.readUInt32BE(start) === xid;
}

function unavailable(peer: Peer, cause: unknown): LedgerError {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  const why = errno ?? (cause instanceof Error ? cause.message : String(cause));
  return new LedgerError('unavailable', `${nameOf(peer)} cannot be reached: ${why}`, { details: { errno }, cause });
}

function nameOf(peer: Peer): string {
  return peer.transport === 'unix' ? peer.path : `${peer.address} port ${peer.port} (${peer.transport})`;
}
