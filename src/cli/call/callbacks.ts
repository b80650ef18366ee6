/**
 * Takes the callbacks of a server while `call lock --block` waits: GRANTED and GRANTED_MSG, over TCP and UDP, on a
 * fixed port. It answers GRANTED for the lock that is waited for, and DENIED for every other.
 */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server as TcpServer, type Socket } from 'node:net';
import { addressFamily, type Address } from '../../base/address.js';
import { LedgerError } from '../../base/errors.js';
import { equalU64 } from '../../base/u64.js';
import { isNlmVersion, NLM_PROGRAM, nlmProcedure } from '../../nlm/procedures.js';
import { NLM4_DENIED, NLM4_GRANTED, type NlmStatus } from '../../nlm/status.js';
import type { NlmLock, NlmRes, NlmTestArgs } from '../../nlm/types.js';
import { decodeCall, encodeRefusal, encodeSuccess } from '../../rpc/message.js';
import { beginRecord, endRecord, RecordError, RecordReader } from '../../rpc/record.js';
import { XdrError } from '../../xdr/error.js';
import { XdrReader } from '../../xdr/reader.js';
import { XdrWriter } from '../../xdr/writer.js';

const LIMITS = { recordBytesMax: 16 * 1024, fragmentsMax: 16 };

export interface Callbacks {
  /** Resolves with the form of the first callback that granted the lock. */
  readonly granted: Promise<string>;
  close(): void;
}

export interface CallbackOptions {
  readonly port: number;
  readonly family: Address;
  readonly lock: NlmLock;
  readonly exclusive: boolean;
  /** The answer to a GRANTED_MSG travels as a call of its own. */
  readonly answer: (result: NlmRes) => void;
}

function nothing(_form: string): void {}

/** @throws LedgerError 'busy' where the port is taken */
export async function listenForCallbacks(options: CallbackOptions): Promise<Callbacks> {
  let grant = nothing;
  const granted = new Promise<string>((resolve) => {
    grant = resolve;
  });
  const reply = (message: Buffer, start: number, end: number, asRecord: boolean): Buffer | undefined => {
    try {
      return answerTo(new XdrReader(message, start, end), options, grant, asRecord);
    } catch (error) {
      if (error instanceof XdrError) return undefined;
      throw error;
    }
  };
  const open = new Set<Socket>();
  const tcp = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    serveConnection(socket, reply);
  });
  const udp = createSocket(addressFamily(options.family) === 4 ? 'udp4' : 'udp6');
  udp.on('message', (message, from) => {
    const bytes = reply(message, 0, message.length, false);
    if (bytes !== undefined) udp.send(bytes, from.port, from.address);
  });
  await bind(tcp, udp, options.port);
  return {
    granted,
    close: () => {
      tcp.close();
      udp.close();
      for (const socket of open) socket.destroy();
    },
  };
}

type Reply = (message: Buffer, start: number, end: number, asRecord: boolean) => Buffer | undefined;

function serveConnection(socket: Socket, reply: Reply): void {
  const records = new RecordReader(LIMITS);
  socket.on('data', (chunk) => {
    try {
      records.push(chunk, (buffer, start, end) => {
        const bytes = reply(buffer, start, end, true);
        if (bytes !== undefined) socket.write(bytes);
      });
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      socket.destroy();
    }
  });
}

function answerTo(
  reader: XdrReader,
  options: CallbackOptions,
  grant: (form: string) => void,
  asRecord: boolean,
): Buffer | undefined {
  const call = decodeCall(reader);
  const writer = new XdrWriter();
  const start = asRecord ? beginRecord(writer) : undefined;
  const { xid } = call;
  const procedure = nlmProcedure(call.version, call.procedure);
  if (call.refusal !== undefined) encodeRefusal(writer, xid, call.refusal);
  else if (call.program !== NLM_PROGRAM) encodeRefusal(writer, xid, { type: 'PROG_UNAVAIL' });
  else if (!isNlmVersion(call.version)) encodeRefusal(writer, xid, { type: 'PROG_MISMATCH', low: 1, high: 4 });
  else if (procedure?.operation === 'NULL') encodeSuccess(writer, xid);
  else if (procedure?.operation !== 'GRANTED' || procedure.kind === 'res')
    encodeRefusal(writer, xid, { type: 'PROC_UNAVAIL' });
  else {
    const args = procedure.args.decode(reader);
    const stat: NlmStatus = isOurs(args, options) ? NLM4_GRANTED : NLM4_DENIED;
    const result = { cookie: args.cookie, stat };
    encodeSuccess(writer, xid);
    if (procedure.kind === 'sync') procedure.result.encode(writer, result);
    else options.answer(result);
    if (stat === NLM4_GRANTED) grant(procedure.name);
  }
  if (start !== undefined) endRecord(writer, start);
  return writer.take();
}

function isOurs(args: NlmTestArgs, { lock, exclusive }: CallbackOptions): boolean {
  const { alock } = args;
  return (
    args.exclusive === exclusive &&
    alock.fh === lock.fh &&
    alock.svid === lock.svid &&
    equalU64(alock.l_offset, lock.l_offset) &&
    equalU64(alock.l_len, lock.l_len)
  );
}

async function bind(tcp: TcpServer, udp: UdpSocket, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen(port, () => resolve());
    });
    const address = tcp.address();
    const bound = typeof address === 'object' && address !== null ? address.port : port;
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind(bound, () => resolve());
    });
  } catch (cause) {
    tcp.close();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LedgerError(
      'busy',
      `callbacks cannot be taken on port ${port}: ${why}; give another with --callback-port`,
      { cause },
    );
  }
}
