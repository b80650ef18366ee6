/** A client that pipelines prepared calls over one TCP connection as fast as the node takes them, and counts statuses. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { NLM_PROGRAM, nlmCall } from '../../src/nlm/procedures.js';
import { NO_CREDENTIAL } from '../../src/rpc/auth.js';
import { encodeCall } from '../../src/rpc/message.js';
import { beginRecord, endRecord, RecordReader } from '../../src/rpc/record.js';
import { XdrWriter } from '../../src/xdr/writer.js';
import { alock, bytes, type Subject } from './rpc-client.js';

/** Below the node's limit of unanswered calls of one connection. */
const WINDOW = 512;
const BATCH = 128;

/** A LOCK or UNLOCK call as a record; svid and offset are patched into it for each call. */
export interface Template {
  readonly record: Buffer;
  readonly svidAt: number;
}

export function lockTemplate(options: Subject & { exclusive?: boolean; block?: boolean }): Template {
  const { exclusive = true, block = false } = options;
  // Behind svid: offset, length, reclaim and state.
  return template(
    'LOCK',
    { cookie: bytes('ck01'), block, exclusive, alock: alock(options), reclaim: false, state: 1 },
    28,
  );
}

export function unlockTemplate(options: Subject): Template {
  return template('UNLOCK', { cookie: bytes('ck02'), alock: alock(options) }, 20);
}

function template(name: 'LOCK' | 'UNLOCK', args: object, svidFromEnd: number): Template {
  const procedure = nlmCall(4, name);
  if (procedure === undefined) throw new Error(`no ${name}`);
  const writer = new XdrWriter();
  const mark = beginRecord(writer);
  encodeCall(writer, {
    xid: 0,
    program: NLM_PROGRAM,
    version: 4,
    procedure: procedure.number,
    credential: NO_CREDENTIAL,
  });
  procedure.args.encode(writer, args as never); // each template states its own arguments
  endRecord(writer, mark);
  const record = Buffer.from(writer.take());
  return { record, svidAt: record.length - svidFromEnd };
}

/** Sends `count` calls; answers how many ended with which status. */
export async function flood(
  port: number,
  { record, svidAt }: Template,
  count: number,
  callOf: (index: number) => { readonly svid: number; readonly offset: number },
): Promise<ReadonlyMap<number, number>> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  const statuses = new Map<number, number>();
  const records = new RecordReader({ recordBytesMax: 4096, fragmentsMax: 4 });
  let sent = 0;
  let answered = 0;
  const send = (): void => {
    while (sent < count && sent - answered < WINDOW - BATCH) {
      const size = Math.min(BATCH, count - sent);
      const batch = Buffer.allocUnsafe(size * record.length);
      for (let i = 0; i < size; i += 1, sent += 1) {
        const at = i * record.length;
        record.copy(batch, at);
        const { svid, offset } = callOf(sent);
        batch.writeUInt32BE(sent, at + 4);
        batch.writeUInt32BE(svid, at + svidAt);
        batch.writeBigUInt64BE(BigInt(offset), at + svidAt + 4);
      }
      socket.write(batch);
    }
  };
  await new Promise<void>((resolve, reject) => {
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the connection ended after ${answered} answers`)));
    socket.on('data', (chunk: Buffer) => {
      records.push(chunk, (buffer, _start, end) => {
        const status = buffer.readUInt32BE(end - 4);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        answered += 1;
      });
      if (answered === count) resolve();
      else send();
    });
    send();
  });
  socket.removeAllListeners('close');
  socket.destroy();
  return statuses;
}
