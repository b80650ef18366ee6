/** What a live node answers to calls that it does not serve: RFC 5531 section 9, byte for byte, over TCP and UDP. */

import test from 'ava';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { startNode } from '../support/node.js';

type Word = number;
const NO_AUTH: readonly Word[] = [0, 0];
const XID = 0x0a0b0c0d;
const NLM = 100021;

function words(...values: readonly Word[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value >>> 0, index * 4);
  return buffer;
}

function accepted(...rest: readonly Word[]): Buffer {
  return words(XID, 1, 0, ...NO_AUTH, ...rest);
}

function denied(...rest: readonly Word[]): Buffer {
  return words(XID, 1, 1, ...rest);
}

/** [what, the call, the reply] */
const CASES: readonly (readonly [string, Buffer, Buffer])[] = [
  ['another program: PROG_UNAVAIL', words(XID, 0, 2, 100003, 3, 0, ...NO_AUTH, ...NO_AUTH), accepted(1)],
  ['version 2: PROG_MISMATCH 1 to 4', words(XID, 0, 2, NLM, 2, 0, ...NO_AUTH, ...NO_AUTH), accepted(2, 1, 4)],
  ['version 5: PROG_MISMATCH 1 to 4', words(XID, 0, 2, NLM, 5, 0, ...NO_AUTH, ...NO_AUTH), accepted(2, 1, 4)],
  ['procedure 99: PROC_UNAVAIL', words(XID, 0, 2, NLM, 4, 99, ...NO_AUTH, ...NO_AUTH), accepted(3)],
  ['procedure 2^32-1: PROC_UNAVAIL', words(XID, 0, 2, NLM, 4, -1, ...NO_AUTH, ...NO_AUTH), accepted(3)],
  ['LOCK without arguments: GARBAGE_ARGS', words(XID, 0, 2, NLM, 4, 2, ...NO_AUTH, ...NO_AUTH), accepted(4)],
  ['a cookie of 2^32-1 bytes: GARBAGE_ARGS', words(XID, 0, 2, NLM, 4, 2, ...NO_AUTH, ...NO_AUTH, -1, 0), accepted(4)],
  ['RPC version 3: RPC_MISMATCH 2 to 2', words(XID, 0, 3, NLM, 4, 0, ...NO_AUTH, ...NO_AUTH), denied(0, 2, 2)],
  ['RPC version 1 and nothing after it: RPC_MISMATCH', words(XID, 0, 1), denied(0, 2, 2)],
  ['an unknown credential: AUTH_BADCRED', words(XID, 0, 2, NLM, 4, 0, 9, 0, ...NO_AUTH), denied(1, 1)],
  ['a credential of 401 bytes: AUTH_BADCRED', words(XID, 0, 2, NLM, 4, 0, 0, 401, ...NO_AUTH), denied(1, 1)],
  ['a cut AUTH_SYS: AUTH_BADCRED', words(XID, 0, 2, NLM, 4, 0, 1, 8, 0, 0, ...NO_AUTH), denied(1, 1)],
  ['an unknown verifier: AUTH_BADVERF', words(XID, 0, 2, NLM, 4, 0, ...NO_AUTH, 9, 0), denied(1, 3)],
  ['NULL: success', words(XID, 0, 2, NLM, 4, 0, ...NO_AUTH, ...NO_AUTH), accepted(0)],
];

async function overTcp(port: number, call: Buffer, from = '127.0.0.1'): Promise<Buffer> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from });
  await once(socket, 'connect');
  socket.write(Buffer.concat([words(0x8000_0000 + call.length), call]));
  let reply = Buffer.alloc(0);
  while (reply.length < 4 || reply.length < 4 + (reply.readUInt32BE(0) & 0x7fff_ffff)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    reply = Buffer.concat([reply, chunk]);
  }
  socket.destroy();
  return reply.subarray(4);
}

async function overUdp(port: number, call: Buffer): Promise<Buffer> {
  const socket = createSocket('udp4');
  socket.send(call, port, '127.0.0.1');
  const [reply] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return reply;
}

test('what is not served is refused in the words of RFC 5531, over TCP and UDP', async (t) => {
  const node = await startNode(t);
  for (const [what, call, reply] of CASES) {
    t.is((await overTcp(node.nlmPort, call)).toString('hex'), reply.toString('hex'), `${what}, over TCP`);
    t.is((await overUdp(node.nlmPort, call)).toString('hex'), reply.toString('hex'), `${what}, over UDP`);
  }
});

test('NSM has one version and says so', async (t) => {
  const node = await startNode(t);
  const call = words(XID, 0, 2, 100024, 2, 0, ...NO_AUTH, ...NO_AUTH);
  t.is((await overTcp(node.nsmPort, call)).toString('hex'), accepted(2, 1, 1).toString('hex'));
});

test('a client of a network that may not lock gets AUTH_TOOWEAK', async (t) => {
  const node = await startNode(t, { file: { clients: [{ network: '127.0.0.9/32' }] } });
  const call = words(XID, 0, 2, NLM, 4, 0, ...NO_AUTH, ...NO_AUTH);
  t.is((await overTcp(node.nlmPort, call)).toString('hex'), denied(1, 5).toString('hex'));
  t.is((await overTcp(node.nlmPort, call, '127.0.0.9')).toString('hex'), accepted(0).toString('hex'));
});
