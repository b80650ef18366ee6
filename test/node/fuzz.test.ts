/** Random and mutated bytes against a live node (CONTRIBUTING.md: how many, and how a run is repeated). */

import test, { type ExecutionContext } from 'ava';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { nlmProcedure, NLM_PROGRAM } from '../../src/nlm/procedures.js';
import { alock, bytes, RpcClient } from '../support/rpc-client.js';
import { fuzzInputs, fuzzMsMax, fuzzSeed } from '../support/fuzz.js';
import { startNode, type TestNode } from '../support/node.js';
import { seededRandom, type Random } from '../support/random.js';

const INPUTS = fuzzInputs(100_000);
const SEED = fuzzSeed();
/** Inputs between two looks at another client. */
const ROUND = 1000;
const HOSTILE = [
  0, 1, 2, 3, 4, 5, 6, 16, 255, 1023, 1024, 1025, 65_535, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff,
];

/** One sound call of each procedure that has arguments of its own form. */
function samples(client: RpcClient): Buffer[] {
  const lock = alock({ length: 10n });
  const cookie = bytes('ck01');
  const args: readonly (readonly [number, object])[] = [
    [1, { cookie, exclusive: true, alock: lock }],
    [2, { cookie, block: true, exclusive: true, alock: lock, reclaim: false, state: 1 }],
    [3, { cookie, block: true, exclusive: true, alock: lock }],
    [4, { cookie, alock: lock }],
    [7, { cookie, block: false, exclusive: false, alock: lock, reclaim: false, state: 1 }],
    [15, { cookie: bytes('\0\0\0\0\0\0\0\x01'), stat: 0 }],
    [22, { cookie, block: false, exclusive: true, alock: lock, reclaim: false, state: 1 }],
    [23, { name: bytes('client1'), state: 0 }],
  ];
  return args.map(([number, value]) => {
    const procedure = nlmProcedure(4, number);
    if (procedure === undefined) throw new Error(`no procedure ${number}`);
    // The table above has the arguments of each.
    return client.encode(NLM_PROGRAM, 4, number, procedure.args as never, value as never, 99);
  });
}

function mutated(sample: Buffer, random: Random): Buffer {
  const message = Buffer.from(sample);
  for (let changes = random(4); changes >= 0; changes -= 1) {
    const word = random(Math.floor(message.length / 4)) * 4;
    switch (random(5)) {
      case 0:
        message[random(message.length)] = random(256);
        break;
      case 1:
        message.writeUInt32BE(HOSTILE[random(HOSTILE.length)] ?? 0, word);
        break;
      case 2:
        return message.subarray(0, random(message.length));
      case 3:
        return Buffer.concat([message, Buffer.alloc(random(600), random(256))]);
      default:
        message.copy(message, random(message.length), random(message.length));
    }
  }
  return message;
}

/** The node may reset a connection beyond its limits as it comes: then another one is made. */
async function open(node: TestNode): Promise<Socket> {
  for (let tries = 1; ; tries += 1) {
    const socket = connect({ host: '127.0.0.1', port: node.nlmPort, localAddress: '127.0.0.66' });
    try {
      await once(socket, 'connect');
    } catch (error) {
      if (tries === 100) throw error;
      continue;
    }
    socket.on('error', () => undefined);
    socket.resume();
    return socket;
  }
}

function record(message: Buffer): Buffer {
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE((0x8000_0000 | message.length) >>> 0);
  return Buffer.concat([mark, message]);
}

async function stillServes(t: ExecutionContext, other: RpcClient): Promise<void> {
  const subject = { file: 'other', svid: 9, caller: 'other' };
  t.is(await other.lock(subject), 0);
  t.is(await other.unlock(subject), 0);
}

test('no bytes of a stranger, whole or half, over TCP or UDP, harm another client', async (t) => {
  t.timeout(fuzzMsMax(INPUTS));
  const began = performance.now();
  t.log(`seed ${SEED}, ${INPUTS} inputs`);
  const random = seededRandom(SEED);
  const node = await startNode(t);
  const other = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  const udp = createSocket('udp4');
  await new Promise<void>((resolve) => udp.bind({ port: 0, address: '127.0.0.66' }, resolve));
  t.teardown(() => (other.close(), udp.close()));
  const sound = samples(other);
  let socket = await open(node);
  const before = process.memoryUsage().rss;
  for (let done = 0; done < INPUTS; done += ROUND) {
    const records: Buffer[] = [];
    for (let i = 0; i < ROUND; i += 1) {
      const message = mutated(sound[random(sound.length)]!, random);
      const way = random(10);
      if (way < 3) udp.send(message, way === 2 ? node.nsmPort : node.nlmPort, '127.0.0.1');
      else if (message.length > 0) records.push(record(message));
    }
    // Cut anywhere, so that records lie over chunks.
    const stream = Buffer.concat(records);
    for (let at = 0; at < stream.length;) {
      const size = 1 + random(20_000);
      socket.write(stream.subarray(at, at + size));
      at += size;
    }
    // Marks that announce anything, and half records left behind.
    if (random(3) === 0) {
      const mark = Buffer.alloc(4 + random(200), random(256));
      mark.writeUInt32BE(HOSTILE[random(HOSTILE.length)] ?? 0);
      socket.write(mark);
      socket.end();
      socket = await open(node);
    } else if (socket.destroyed) {
      socket = await open(node);
    }
    await stillServes(t, other);
  }
  socket.destroy();
  t.log(`${Math.round(INPUTS / ((performance.now() - began) / 1000))} inputs a second`);
  const grown = (process.memoryUsage().rss - before) / 1024 / 1024;
  t.log(`memory grew by ${grown.toFixed(0)} MB; ${JSON.stringify(node.admin.node().counters)}`);
  t.true(grown < 400);
});

test('a record cut at every byte into two writes is one call, and a message cut short anywhere is never a success', async (t) => {
  const node = await startNode(t);
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  const socket = connect({ host: '127.0.0.1', port: node.nlmPort, noDelay: true });
  t.teardown(() => (client.close(), socket.destroy()));
  await once(socket, 'connect');
  let replies = 0;
  let wait: (() => void) | undefined;
  socket.on('data', (chunk: Buffer) => {
    replies += chunk.length;
    wait?.();
  });
  const call = samples(client)[0]!;
  const whole = record(call);
  let expected = 0;
  for (let at = 1; at < whole.length; at += 1) {
    socket.write(whole.subarray(0, at));
    await client.ping();
    socket.write(whole.subarray(at));
    // TEST: mark, header, cookie and status.
    expected += 4 + 24 + 8 + 4;
    while (replies < expected) await new Promise<void>((resolve) => (wait = resolve));
  }
  t.is(replies, expected);
  for (const sample of samples(client)) {
    for (let length = 24; length < sample.length; length += 1) {
      const { reply } = await client.exchange(sample.subarray(0, length), 99);
      t.not(reply.type, 'SUCCESS', `${length} of ${sample.length} bytes`);
    }
  }
});

test('a record in many fragments is one call, up to the limit', async (t) => {
  const node = await startNode(t);
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  const call = samples(client)[0]!;
  const send = async (size: number): Promise<'answered' | 'closed'> => {
    const socket = connect({ host: '127.0.0.1', port: node.nlmPort });
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    const parts: Buffer[] = [];
    for (let at = 0; at < call.length; at += size) {
      const part = call.subarray(at, at + size);
      const mark = Buffer.alloc(4);
      mark.writeUInt32BE((at + size >= call.length ? 0x8000_0000 : 0) + part.length);
      parts.push(mark, part);
    }
    socket.write(Buffer.concat(parts));
    const outcome = await Promise.race([
      once(socket, 'data').then(() => 'answered' as const),
      once(socket, 'close').then(() => 'closed' as const),
    ]);
    socket.destroy();
    return outcome;
  };
  t.is(await send(8), 'answered');
  t.is(await send(1), 'closed');
  t.is(await client.lock(), 0);
});

test('absurd caller names, handles and owners are answered, and make no lock', async (t) => {
  const node = await startNode(t);
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  for (const caller of ['', ' ', 'a/b', '../../etc', 'a\0b', 'a\nb', '\x7f']) {
    t.is(await client.lock({ caller }), 2, JSON.stringify(caller));
  }
  await t.throwsAsync(client.lock({ caller: 'x'.repeat(1025) }), { message: /GARBAGE_ARGS/ });
  await t.throwsAsync(client.lock({ file: 'x'.repeat(1025) }), { message: /GARBAGE_ARGS/ });
  t.is(node.admin.groups()[0]?.state?.lockCount, 0);
  t.is(await client.lock({ caller: 'x'.repeat(255), file: 'x'.repeat(64), oh: 'y'.repeat(1024) }), 0);
});
