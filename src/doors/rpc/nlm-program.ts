/**
 * NLM, program 100021, behind the RPC door: arguments to a command, the settled outcome to a result. It decides
 * nothing.
 */

import { randomInt } from 'node:crypto';
import { assert, unreachable } from '../../base/assert.js';
import { RateLimiter } from '../../base/rate.js';
import type { Address } from '../../base/address.js';
import type { Bytes } from '../../base/bytes.js';
import { callbackForm } from '../../core/callback-form.js';
import type { Command } from '../../core/command.js';
import type { Settle } from '../../engine/settled.js';
import { statusOf, testReplyOf, type NlmReply } from '../../nlm/from-outcome.js';
import { NLM_PROGRAM, NLM_RES_AFTER_MSG, nlmProcedure, type NlmProcedure } from '../../nlm/procedures.js';
import type { NlmStatus } from '../../nlm/status.js';
import {
  cancelCommand,
  freeAllCommand,
  lockCommand,
  nmLockCommand,
  shareCommand,
  testCommand,
  unlockCommand,
  unshareCommand,
  type CallFacts,
  type Translated,
} from '../../nlm/to-command.js';
import { VOID, type Codec } from '../../xdr/codec.js';
import type { XdrReader } from '../../xdr/reader.js';
import type { XdrWriter } from '../../xdr/writer.js';
import { NO_CREDENTIAL } from '../../rpc/auth.js';
import { encodeCall, type RpcCall } from '../../rpc/message.js';
import type { Caller, RpcProgram, Transport } from './caller.js';
import { NOTICES } from './notices.js';

/** One call and its answer, for `trace`. */
export interface TracedCall {
  readonly address: Address;
  readonly serverAddress: Address;
  readonly transport: 'tcp' | 'udp';
  readonly procedure: string;
  readonly xid: number;
  readonly args: unknown;
  readonly answer: string;
}

export interface NlmProgramOptions {
  readonly submit: (command: Command, settle: Settle) => void;
  readonly file: CallFacts['file'];
  readonly owner: CallFacts['owner'];
  /** Calls the client's own NLM service: the _RES of a _MSG that came over TCP. */
  readonly call: (caller: Caller, version: number, procedure: number, encode: (writer: XdrWriter) => void) => void;
  /** A client's answer to a GRANTED_MSG: GRANTED_RES with the cookie of the callback. */
  readonly granted: (cookie: Bytes, status: NlmStatus, address: Address) => void;
  /** Where the host's statd watches our clients: its callback. */
  readonly statd?: RpcProgram | undefined;
  /** Called for the clients that are traced. */
  readonly trace: (address: Address) => ((call: TracedCall) => void) | undefined;
}

export const NLM_VERSIONS = [1, 3, 4] as const;

export class NlmProgram implements RpcProgram {
  readonly number = NLM_PROGRAM;
  readonly versions = NLM_VERSIONS;
  readonly #options: NlmProgramOptions;
  readonly #freeAlls = new RateLimiter(NOTICES);
  #resXid = randomInt(0x1_0000_0000);

  constructor(options: NlmProgramOptions) {
    this.#options = options;
  }

  serve(call: RpcCall, reader: XdrReader, transport: Transport): void {
    const { version, procedure: number, xid } = call;
    const procedure = nlmProcedure(version, number);
    switch (procedure?.kind) {
      case 'void':
        return this.#serveVoid(procedure, call, reader, transport);
      case 'sync':
        if (procedure.operation === 'GRANTED') break;
        return this.#serveSync({ procedure, version, xid, transport, form: 'reply' }, reader);
      case 'msg': {
        if (procedure.operation === 'GRANTED') break;
        const sync = nlmProcedure(version, number - NLM_RES_AFTER_MSG);
        assert(sync?.kind === 'sync' && sync.operation === procedure.operation, 'each _MSG has its synchronous form');
        this.#serveSync({ procedure: sync, version, xid, transport, form: 'res' }, reader);
        // The reply to a _MSG is void and says nothing. Only now: arguments that are none are refused instead.
        return transport.succeed(xid, VOID, undefined);
      }
      case 'res': {
        if (procedure.operation !== 'GRANTED') break;
        const { cookie, stat } = procedure.args.decode(reader);
        this.#options.granted(cookie, stat, transport.caller.address);
        return transport.succeed(xid, VOID, undefined);
      }
      case undefined:
        break;
      default:
        return unreachable(procedure);
    }
    transport.refuse(xid, { type: 'PROC_UNAVAIL' });
  }

  #serveVoid(
    procedure: Extract<NlmProcedure, { kind: 'void' }>,
    call: RpcCall,
    reader: XdrReader,
    transport: Transport,
  ): void {
    const { xid } = call;
    switch (procedure.operation) {
      case 'NULL':
        return transport.succeed(xid, VOID, undefined);
      case 'FREE_ALL': {
        const { address } = transport.caller;
        const command = freeAllCommand(procedure.args.decode(reader), address);
        if (!this.#freeAlls.admits(address, performance.now())) return transport.forget(xid);
        this.#options.submit(command, (settled) => {
          if (settled.type === 'answer') transport.succeed(xid, VOID, undefined);
          else transport.forget(xid);
        });
        return;
      }
      case 'SM_NOTIFY':
        // The private callback of a statd on this host.
        if (this.#options.statd === undefined) return transport.refuse(xid, { type: 'PROC_UNAVAIL' });
        return this.#options.statd.serve(call, reader, transport);
      default:
        return unreachable(procedure);
    }
  }

  #serveSync(asked: Asked, reader: XdrReader): void {
    const { procedure } = asked;
    const facts = this.#facts(asked, reader.digest());
    switch (procedure.operation) {
      case 'TEST': {
        const args = procedure.args.decode(reader);
        return this.#submit(testCommand(args, facts), args, asked);
      }
      case 'LOCK': {
        const args = procedure.args.decode(reader);
        return this.#submit(lockCommand(args, facts), args, asked);
      }
      case 'NM_LOCK': {
        const args = procedure.args.decode(reader);
        return this.#submit(nmLockCommand(args, facts), args, asked);
      }
      case 'CANCEL': {
        const args = procedure.args.decode(reader);
        return this.#submit(cancelCommand(args, facts), args, asked);
      }
      case 'UNLOCK': {
        const args = procedure.args.decode(reader);
        return this.#submit(unlockCommand(args, facts), args, asked);
      }
      case 'SHARE': {
        const args = procedure.args.decode(reader);
        return this.#submit(shareCommand(args, facts), args, asked);
      }
      case 'UNSHARE': {
        const args = procedure.args.decode(reader);
        return this.#submit(unshareCommand(args, facts), args, asked);
      }
      default:
        return unreachable(procedure);
    }
  }

  #facts({ version, xid, transport: { caller, isPresentLife }, form }: Asked, digest: number): CallFacts {
    const { address, serverAddress, port, transport } = caller;
    const callback = callbackForm({ version, transport, message: form === 'res' });
    const call = { port, xid, digest };
    const { file, owner } = this.#options;
    return { address, serverAddress, presentLife: isPresentLife, callback, call, file, owner };
  }

  /** Submits, and replies once the outcome is settled; one that is withheld is not answered: the client asks again. */
  #submit(translated: Translated, args: { readonly cookie: Bytes }, asked: Asked): void {
    const { cookie } = args;
    const trace = this.#options.trace(asked.transport.caller.address);
    const traced = trace === undefined ? undefined : (answer: string) => trace(describe(asked, args, answer));
    if (translated.type === 'status') {
      traced?.(`status ${translated.status}`);
      return this.#answer(asked, cookie, translated);
    }
    this.#options.submit(translated, (end) => {
      traced?.(end.type === 'answer' ? end.outcome.type : `withheld: ${end.cause.message}`);
      if (end.type === 'answer' && end.outcome.type !== 'silence') this.#answer(asked, cookie, end.outcome);
      // A _MSG has its void reply already.
      else if (asked.form === 'reply') asked.transport.forget(asked.xid);
    });
  }

  #answer(asked: Asked, cookie: Bytes, reply: NlmReply): void {
    const { procedure } = asked;
    switch (procedure.operation) {
      case 'TEST':
        return this.#send(asked, procedure.result, { cookie, stat: testReplyOf(reply) });
      case 'SHARE':
      case 'UNSHARE':
        // The sequence is of no use to anybody, and 0 everywhere (X/Open XNFS leaves it to the server).
        return this.#send(asked, procedure.result, { cookie, stat: statusOf(reply), sequence: 0 });
      default:
        return this.#send(asked, procedure.result, { cookie, stat: statusOf(reply) });
    }
  }

  /** The result goes into the reply, or where a _MSG asked into a call of the _RES form. */
  #send<Result>({ form, version, xid, procedure, transport }: Asked, codec: Codec<Result>, result: Result): void {
    if (form === 'reply') return transport.succeed(xid, codec, result);
    // As far behind the _MSG form as that is behind the synchronous one.
    const number = procedure.number + 2 * NLM_RES_AFTER_MSG;
    const encode = (writer: XdrWriter): void => codec.encode(writer, result);
    if (transport.callBack === undefined) this.#options.call(transport.caller, version, number, encode);
    else transport.callBack((writer) => this.#encodeRes(writer, version, number, encode));
  }

  #encodeRes(writer: XdrWriter, version: number, procedure: number, encode: (writer: XdrWriter) => void): void {
    this.#resXid = (this.#resXid + 1) >>> 0;
    encodeCall(writer, { xid: this.#resXid, program: NLM_PROGRAM, version, procedure, credential: NO_CREDENTIAL });
    encode(writer);
  }
}

/** A call whose answer is a result, until it has it. */
interface Asked {
  readonly procedure: SyncProcedure;
  readonly version: number;
  readonly xid: number;
  readonly transport: Transport;
  /** `res`: a _MSG asked. */
  readonly form: 'reply' | 'res';
}
type SyncProcedure = Exclude<Extract<NlmProcedure, { kind: 'sync' }>, { operation: 'GRANTED' }>;

function describe({ procedure, xid, transport: { caller } }: Asked, args: unknown, answer: string): TracedCall {
  const { address, serverAddress, transport } = caller;
  return { address, serverAddress, transport, procedure: procedure.name, xid, args, answer };
}
