/** A small real RPC service over TCP and UDP for tests of our calls to peers: answers what its table says. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { decodeCall, encodeRefusal, encodeSuccess, type Refusal, type RpcCall } from '../../src/rpc/message.js';
import { beginRecord, endRecord, RecordReader } from '../../src/rpc/record.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';

/** Writes the result, or says the refusal, or stays silent. */
export type Answer = (call: RpcCall, reader: XdrReader, result: XdrWriter) => Refusal | 'silence' | undefined;

export interface RpcService {
  readonly port: number;
  readonly calls: RpcCall[];
  close(): Promise<void>;
}

export async function startRpcService(
  transport: 'tcp' | 'udp',
  answer: Answer,
  options: { readonly port?: number; readonly address?: string } = {},
): Promise<RpcService> {
  const calls: RpcCall[] = [];
  const reply = (message: Buffer): Buffer | undefined => {
    const reader = new XdrReader(message);
    const call = decodeCall(reader);
    calls.push(call);
    const result = new XdrWriter();
    const outcome = answer(call, reader, result);
    if (outcome === 'silence') return undefined;
    const writer = new XdrWriter();
    if (outcome === undefined) encodeSuccess(writer, call.xid);
    else encodeRefusal(writer, call.xid, outcome);
    return Buffer.concat([writer.view(), outcome === undefined ? result.view() : Buffer.alloc(0)]);
  };
  const address = options.address ?? '127.0.0.1';
  if (transport === 'udp') {
    const socket = createSocket('udp4');
    socket.on('message', (message, from) => {
      const bytes = reply(message);
      if (bytes !== undefined) socket.send(bytes, from.port, from.address);
    });
    socket.bind(options.port ?? 0, address);
    await once(socket, 'listening');
    return { port: socket.address().port, calls, close: async () => void socket.close() };
  }
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const records = new RecordReader({ recordBytesMax: 65536, fragmentsMax: 8 });
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      records.push(chunk, (buffer, start, end) => {
        const bytes = reply(buffer.subarray(start, end));
        if (bytes === undefined) return;
        const mark = new XdrWriter();
        endRecord(mark, beginRecord(mark));
        const head = Buffer.from(mark.view());
        head.writeUInt32BE(0x8000_0000 + bytes.length);
        // In two pieces: a reply may come split anywhere.
        socket.write(Buffer.concat([head, bytes.subarray(0, 3)]));
        socket.write(bytes.subarray(3));
      });
    });
  });
  server.listen(options.port ?? 0, address);
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { port: (server.address() as AddressInfo).port, calls, close };
}
