/** Who calls, and how the answer goes back: what a program of the RPC door sees of a transport. */

import type { Address } from '../../base/address.js';
import type { Refusal, RpcCall } from '../../rpc/message.js';
import type { Codec } from '../../xdr/codec.js';
import type { XdrReader } from '../../xdr/reader.js';
import type { XdrWriter } from '../../xdr/writer.js';

export interface Caller {
  readonly transport: 'tcp' | 'udp';
  readonly address: Address;
  readonly port: number;
  /** The in-bound address: the one that the socket is bound to. */
  readonly serverAddress: Address;
}

/** One TCP connection of a client. */
export type ConnectionName = Pick<Caller, 'serverAddress' | 'port'>;

/** Each call is answered once, at any time, or never (the client asks again). An answer to a closed connection is dropped. */
export interface Transport {
  readonly caller: Caller;
  /** False where a call may be of a client's life before its last reboot. */
  readonly isPresentLife: boolean;
  succeed<Result>(xid: number, codec: Codec<Result>, result: NoInfer<Result>): void;
  refuse(xid: number, refusal: Refusal): void;
  /** The call will not be answered. */
  forget(xid: number): void;
  /**
   * A call of ours to where the caller's came from, by the socket that received it: the _RES of a _MSG over UDP, which
   * clients take from nowhere else. Absent over TCP, whose calls go one way.
   */
  readonly callBack?: (message: (writer: XdrWriter) => void) => void;
}

/** An RPC program behind the door. */
export interface RpcProgram {
  readonly number: number;
  readonly versions: readonly number[];
  /** `reader` stands at the arguments; it is another call's once this returns. */
  serve(call: RpcCall, reader: XdrReader, transport: Transport): void;
}
