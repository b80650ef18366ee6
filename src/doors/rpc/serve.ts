/**
 * One message of a transport: its header is read, refused in the words of RFC 5531 where it has to be, and handed to
 * its program.
 */

import type { Address } from '../../base/address.js';
import { decodeCall, type Refusal } from '../../rpc/message.js';
import { XdrError } from '../../xdr/error.js';
import { XdrReader } from '../../xdr/reader.js';
import type { RpcProgram, Transport } from './caller.js';

export interface RpcDoorCounters {
  calls: number;
  refused: number;
  /** Messages that were no calls at all: nothing is answered to them. */
  garbled: number;
}

/** AUTH_TOOWEAK: the caller's network may not use this service (RFC 5531 section 8.2). */
const NOT_ADMITTED: Refusal = { type: 'AUTH_ERROR', auth_stat: 5 };

export class RpcDispatch {
  readonly counters: RpcDoorCounters = { calls: 0, refused: 0, garbled: 0 };
  readonly #programs: ReadonlyMap<number, RpcProgram>;
  readonly #admits: (address: Address) => boolean;
  readonly #reader = new XdrReader();

  constructor(programs: readonly RpcProgram[], admits: (address: Address) => boolean) {
    this.#programs = new Map(programs.map((program) => [program.number, program]));
    this.#admits = admits;
  }

  /** True where the message is a call, which will be answered, refused or forgotten through `transport`. */
  dispatch(buffer: Buffer, start: number, end: number, transport: Transport): boolean {
    const reader = this.#reader.reset(buffer, start, end);
    let call;
    try {
      call = decodeCall(reader);
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      this.counters.garbled += 1;
      return false;
    }
    this.counters.calls += 1;
    const { xid, version } = call;
    const program = this.#programs.get(call.program);
    const refusal = call.refusal ?? this.#refusal(program, version, transport);
    if (refusal !== undefined || program === undefined) {
      this.counters.refused += 1;
      transport.refuse(xid, refusal ?? { type: 'PROG_UNAVAIL' });
      return true;
    }
    try {
      program.serve(call, reader, transport);
    } catch (error) {
      if (!(error instanceof XdrError)) throw error;
      this.counters.refused += 1;
      transport.refuse(xid, { type: 'GARBAGE_ARGS' });
    }
    return true;
  }

  #refusal(program: RpcProgram | undefined, version: number, transport: Transport): Refusal | undefined {
    if (program === undefined) return { type: 'PROG_UNAVAIL' };
    if (!program.versions.includes(version)) {
      return { type: 'PROG_MISMATCH', low: Math.min(...program.versions), high: Math.max(...program.versions) };
    }
    return this.#admits(transport.caller.address) ? undefined : NOT_ADMITTED;
  }
}
