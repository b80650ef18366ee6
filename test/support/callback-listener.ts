/** The NLM service of a client, for tests: takes GRANTED calls and answers them as it is told. */

import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { NLM_PROGRAM, nlmProcedure } from '../../src/nlm/procedures.js';
import type { NlmStatus } from '../../src/nlm/status.js';
import type { NlmTestArgs } from '../../src/nlm/types.js';
import { decodeCall, encodeSuccess } from '../../src/rpc/message.js';
import { beginRecord, endRecord, RecordReader } from '../../src/rpc/record.js';
import { XdrReader } from '../../src/xdr/reader.js';
import { XdrWriter } from '../../src/xdr/writer.js';

export interface Callback {
  readonly args: NlmTestArgs;
  readonly from: string | undefined;
}

export class CallbackListener {
  readonly callbacks: Callback[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #waiting: (() => void)[] = [];
  /** Status of the next answers; `undefined` says nothing at all, `drop` ends the connection instead. */
  answer: (callback: Callback) => NlmStatus | undefined | 'drop' = () => 0;

  private constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async open(port = 0, host = '127.0.0.1'): Promise<CallbackListener> {
    const listener = new CallbackListener();
    listener.#server.listen(port, host);
    await once(listener.#server, 'listening');
    return listener;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Resolves once `count` callbacks have come in all. */
  async received(count: number): Promise<void> {
    while (this.callbacks.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    const records = new RecordReader({ recordBytesMax: 65_536, fragmentsMax: 16 });
    socket.on('data', (chunk: Buffer) => {
      records.push(chunk, (buffer, start, end) => {
        const reader = new XdrReader(buffer, start, end);
        const call = decodeCall(reader);
        const procedure = nlmProcedure(call.version, call.procedure);
        if (call.program !== NLM_PROGRAM || procedure?.name !== 'GRANTED') return;
        const callback = { args: procedure.args.decode(reader), from: socket.remoteAddress };
        this.callbacks.push(callback);
        const stat = this.answer(callback);
        if (stat === 'drop') socket.destroy();
        else if (stat !== undefined) {
          const writer = new XdrWriter();
          const mark = beginRecord(writer);
          encodeSuccess(writer, call.xid);
          procedure.result.encode(writer, { cookie: callback.args.cookie, stat });
          endRecord(writer, mark);
          socket.write(writer.take());
        }
        for (const resolve of this.#waiting.splice(0)) resolve();
      });
    });
  }
}
