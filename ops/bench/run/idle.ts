/**
 * A server that does nothing: it says GRANTED to every call and keeps nothing. What it costs is what transport, Node
 * and this machine cost, so it stands beside the node in every round. `node dist/ops/bench/run/idle.js PORT`
 */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { NLM4_GRANTED } from '../../../src/nlm/status.js';
import { decodeCall, encodeSuccess } from '../../../src/rpc/message.js';
import { beginRecord, endRecord, RecordReader } from '../../../src/rpc/record.js';
import { XdrReader } from '../../../src/xdr/reader.js';
import { XdrWriter } from '../../../src/xdr/writer.js';

const HOST = '127.0.0.1';
const COOKIE_BYTES_MAX = 1024;
const port = Number(process.argv[2]);
const reader = new XdrReader();

function answer(writer: XdrWriter, bytes: Buffer, start: number, end: number): void {
  const { xid, procedure } = decodeCall(reader.reset(bytes, start, end));
  encodeSuccess(writer, xid);
  if (procedure === 0) return;
  writer.opaque(reader.opaque(COOKIE_BYTES_MAX));
  writer.uint(NLM4_GRANTED);
}

createServer({ noDelay: true }, (socket) => {
  const records = new RecordReader({ recordBytesMax: 65_536, fragmentsMax: 16 });
  const writer = new XdrWriter();
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    records.push(chunk, (bytes, start, end) => {
      const mark = beginRecord(writer);
      answer(writer, bytes, start, end);
      endRecord(writer, mark);
    });
    if (writer.position > 0) socket.write(writer.take());
  });
}).listen(port, HOST);

const udp = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
const datagram = new XdrWriter();
udp.on('message', (bytes, { port: source, address }) => {
  answer(datagram, bytes, 0, bytes.length);
  udp.send(datagram.take(), source, address);
});
udp.bind(port, HOST);
