import test from 'ava';
import { createSocket } from 'node:dgram';
import { NLM_PROGRAM, nlmCall, nlmProcedure, type NlmVersion } from '../../src/nlm/procedures.js';
import { u64FromBigInt } from '../../src/base/u64.js';
import { NO_CREDENTIAL } from '../../src/rpc/auth.js';
import { decodeCall, decodeReply, encodeCall } from '../../src/rpc/message.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import { startNode } from '../support/node.js';
import { bytes } from '../support/rpc-client.js';

/** A client as BSD has it: one UDP socket, connected, so that whatever comes from elsewhere is not seen. */
async function connectedSocket(port: number) {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', () => resolve()));
  const messages: Buffer[] = [];
  let wake = (): void => undefined;
  socket.on('message', (message) => {
    messages.push(message);
    wake();
  });
  const next = async (): Promise<Buffer> => {
    while (messages.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return messages.shift()!;
  };
  return { socket, next };
}

for (const version of [1, 3, 4] as const satisfies readonly NlmVersion[]) {
  test(`LOCK_MSG of version ${version} over UDP is answered by a LOCK_RES call from the socket that received it`, async (t) => {
    const node = await startNode(t);
    const { socket, next } = await connectedSocket(node.nlmPort);
    t.teardown(() => socket.close());
    const lock = nlmCall(version, 'LOCK_MSG')!;
    const writer = new XdrWriter();
    encodeCall(writer, { xid: 77, program: NLM_PROGRAM, version, procedure: lock.number, credential: NO_CREDENTIAL });
    lock.args.encode(writer, {
      cookie: bytes('cook'),
      block: false,
      exclusive: true,
      alock: {
        caller_name: bytes('bsd'),
        fh: bytes('f'),
        oh: bytes('o'),
        svid: 1,
        l_offset: u64FromBigInt(5n),
        l_len: u64FromBigInt(10n),
      },
      reclaim: false,
      state: 0,
    });
    socket.send(writer.take());
    const seen = new Set<string>();
    for (let i = 0; i < 2; i += 1) {
      const message = await next();
      const reader = new XdrReader(message);
      if (message.readUInt32BE(4) === 1) {
        t.like(decodeReply(reader), { xid: 77, type: 'SUCCESS' });
        seen.add('void reply');
        continue;
      }
      const call = decodeCall(reader);
      t.is(call.program, NLM_PROGRAM);
      t.is(call.version, version);
      t.is(call.procedure, 12);
      const res = nlmProcedure(version, call.procedure);
      if (res?.name !== 'LOCK_RES') throw new Error('no LOCK_RES');
      t.deepEqual(res.args.decode(reader), { cookie: bytes('cook'), stat: 0 });
      seen.add('LOCK_RES');
    }
    t.deepEqual(seen, new Set(['void reply', 'LOCK_RES']));
  });
}
