/**
 * etcd as a peer of the bench, one member of a cluster of one: a transaction that puts a key which is not there, and its
 * deletion, by turns, which is what a lock in etcd is below its lease. It syncs each batch of its log before it answers.
 * It speaks gRPC: calls of HTTP/2, and messages of Protocol Buffers (api/etcdserverpb/rpc.proto of etcd), of which two are
 * written and one field is read here.
 */

import { connect, type ClientHttp2Session } from 'node:http2';
import { join } from 'node:path';
import { once } from 'node:events';
import { freePort, HOST } from './child.js';
import { lanes, type LoadedConnection, type Tally } from './closed-loop.js';
import { startPeer, type Peer } from './peer.js';

/** A message of gRPC has a byte that says whether it is compressed, and its length in four, before it. */
const PREFIX_BYTES = 5;

export async function startEtcd(folder: string): Promise<Peer> {
  const [port, peerPort] = [await freePort(), await freePort()];
  const [clients, peers] = [`http://${HOST}:${port}`, `http://${HOST}:${peerPort}`];
  const urls = [
    ['--listen-client-urls', clients],
    ['--advertise-client-urls', clients],
    ['--listen-peer-urls', peers],
    ['--initial-advertise-peer-urls', peers],
    ['--initial-cluster', `default=${peers}`],
  ];
  return startPeer({
    name: 'etcd',
    program: 'etcd',
    args: ['--data-dir', join(folder, 'data'), '--log-level', 'error', ...urls.flat()],
    port,
    folder,
    answers: () => answers(port),
    connect: async (n, depth, tally) => loaded(await open(port), n, depth, tally),
  });
}

/** Each lane takes and drops a key of its own. */
function loaded(session: ClientHttp2Session, connection: number, depth: number, tally: Tally): LoadedConnection {
  const ask = (method: 'Txn' | 'DeleteRange', message: Buffer, then: () => void): void => {
    const began = performance.now();
    call(session, method, message).then(
      // Whether the transaction's condition held, and how many keys were deleted, are both field 2.
      (reply) => {
        tally.record(began, numberIn(reply, 2) === 1 ? undefined : `${method}: ${reply.toString('hex')}`);
        then();
      },
      (error: unknown) => tally.record(began, String(error)),
    );
  };
  const failed = new Promise<never>((_, reject) => session.on('error', reject));
  const stopped = lanes(depth, tally, (lane, again) => {
    const key = Buffer.from(`lock:${connection}:${lane}`);
    const take = taking(key, Buffer.from('owner-1234567890'));
    const drop = field(1, key);
    return () => ask('Txn', take, () => ask('DeleteRange', drop, again));
  });
  return { done: Promise.race([stopped, failed]), close: () => session.destroy() };
}

/** TxnRequest: where the key was never created, it is put. */
function taking(key: Buffer, value: Buffer): Buffer {
  const target = 1;
  const condition = Buffer.concat([tag(2, target), field(3, key), tag(5, 0)]);
  const put = field(2, Buffer.concat([field(1, key), field(2, value)]));
  return Buffer.concat([field(1, condition), field(2, put)]);
}

/** A field that is bytes or a message; none here has more than 127. */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** A field that is a small number. */
function tag(number: number, value: number): Buffer {
  return Buffer.from([number << 3, value]);
}

/** The number in a field of a message; 0, as Protocol Buffers have it, where it is not there. */
function numberIn(message: Buffer, wanted: number): number {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const value = varint();
    if (key >>> 3 === wanted) return value;
    if ((key & 7) === 2) at += value;
  }
  return 0;
}

function call(session: ClientHttp2Session, method: string, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/etcdserverpb.KV/${method}`,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let status = 'no status';
    const told = (headers: Record<string, unknown>): void => {
      const said = headers['grpc-status'];
      if (typeof said === 'string') status = said;
    };
    stream.on('response', told);
    stream.on('trailers', told);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => {
      if (status === '0') resolve(Buffer.concat(chunks).subarray(PREFIX_BYTES));
      else reject(new Error(`etcd, ${method}: gRPC status ${status}`));
    });
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([prefix, message]));
  });
}

async function open(port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://${HOST}:${port}`);
  await once(session, 'connect');
  return session;
}

/** Whether it takes a write: it has elected itself then. */
async function answers(port: number): Promise<boolean> {
  const session = await open(port).catch(() => undefined);
  if (session === undefined) return false;
  session.on('error', () => undefined);
  try {
    await call(session, 'DeleteRange', field(1, Buffer.from('lock')));
    return true;
  } catch {
    return false;
  } finally {
    session.destroy();
  }
}
