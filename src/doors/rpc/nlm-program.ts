/**
 * NLM, program 100021, behind the RPC door: arguments to a command, the settled outcome to a result. It decides
 * nothing.
 */

import { randomInt } from 'node:crypto';
import { assert, unreachable } from '../../base/assert.js';
import { RateLimiter } from '../../base/rate.js';
import { murmur3 } from '../../base/murmur3.js';
import type { Address } from '../../base/address.js';
import type { Bytes } from '../../base/bytes.js';
import { callbackForm } from '../../core/callback-form.js';
import type { Command, FileName } from '../../core/command.js';
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
import type { NlmRes, NlmShareRes } from '../../nlm/types.js';
import type { Codec } from '../../xdr/codec.js';
import type { XdrWriter } from '../../xdr/writer.js';
import { NO_CREDENTIAL } from '../../rpc/auth.js';
import { encodeCall } from '../../rpc/message.js';
import { XdrReader } from '../../xdr/reader.js';
import type { Caller, Request, RpcProgram } from './caller.js';
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
  readonly file: (handle: Bytes) => FileName | undefined;
  /** Calls the client's own NLM service: the _RES of a _MSG that came over TCP. */
  readonly call: (caller: Caller, version: number, procedure: number, encode: (writer: XdrWriter) => void) => void;
  /** A client's answer to a GRANTED_MSG: GRANTED_RES with the cookie of the callback. */
  readonly granted: (cookie: Bytes, status: NlmStatus, address: Address) => void;
  /** Where the host's statd watches our clients: its callback. */
  readonly statd?: RpcProgram | undefined;
  /** Called for the clients that are traced. */
  readonly trace: (address: Address) => ((call: TracedCall) => void) | undefined;
}

const LOCK_MSG = 7;

export const NLM_VERSIONS = [1, 3, 4] as const;

export class NlmProgram implements RpcProgram {
  readonly number = NLM_PROGRAM;
  readonly versions = NLM_VERSIONS;
  readonly #options: NlmProgramOptions;
  readonly #reader = new XdrReader();
  readonly #freeAlls = new RateLimiter(NOTICES);
  #resXid = randomInt(0x1_0000_0000);

  constructor(options: NlmProgramOptions) {
    this.#options = options;
  }

  serve(request: Request): void {
    const { version, procedure: number, transport, xid } = request;
    const procedure = nlmProcedure(version, number);
    const reader = this.#reader.reset(request.buffer, request.start, request.end);
    switch (procedure?.kind) {
      case 'void':
        return this.#serveVoid(procedure, reader, request);
      case 'sync':
        return this.#serveSync(procedure, reader, request, {
          reply: (encode) => transport.succeed(xid, encode),
          drop: () => transport.forget(xid),
        });
      case 'msg':
        if (procedure.operation === 'GRANTED') break;
        return this.#serveMsg(procedure, reader, request);
      case 'res':
        if (procedure.operation !== 'GRANTED') break;
        return this.#serveGrantedRes(procedure.args.decode(reader), request);
      case undefined:
        break;
      default:
        return unreachable(procedure);
    }
    transport.refuse(xid, { type: 'PROC_UNAVAIL' });
  }

  /** The reply to a _MSG is void and says nothing; its result goes back as a call of the _RES form. */
  #serveMsg(procedure: MsgProcedure, reader: XdrReader, request: Request): void {
    const { version, transport, xid } = request;
    const sync = nlmProcedure(version, procedure.number - NLM_RES_AFTER_MSG);
    assert(sync?.kind === 'sync', 'each _MSG has its synchronous form');
    const number = procedure.number + NLM_RES_AFTER_MSG;
    this.#serveSync(sync, reader, request, {
      reply: (encode) => {
        if (transport.callBack === undefined) this.#options.call(transport.caller, version, number, encode);
        else transport.callBack((writer) => this.#encodeRes(writer, version, number, encode));
      },
      drop: () => undefined,
    });
    // Only now: arguments that are none are refused instead.
    transport.succeed(xid, () => undefined);
  }

  #encodeRes(writer: XdrWriter, version: number, procedure: number, encode: (writer: XdrWriter) => void): void {
    this.#resXid = (this.#resXid + 1) >>> 0;
    encodeCall(writer, { xid: this.#resXid, program: NLM_PROGRAM, version, procedure, credential: NO_CREDENTIAL });
    encode(writer);
  }

  #serveGrantedRes({ cookie, stat }: NlmRes, { transport, xid }: Request): void {
    this.#options.granted(cookie, stat, transport.caller.address);
    transport.succeed(xid, () => undefined);
  }

  #serveVoid(procedure: Extract<NlmProcedure, { kind: 'void' }>, reader: XdrReader, request: Request): void {
    const { transport, xid } = request;
    switch (procedure.operation) {
      case 'NULL':
        return transport.succeed(xid, () => undefined);
      case 'FREE_ALL': {
        const { address } = transport.caller;
        const command = freeAllCommand(procedure.args.decode(reader), address);
        if (!this.#freeAlls.admits(address, performance.now())) return transport.forget(xid);
        this.#options.submit(command, (settled) => {
          if (settled.type === 'answer') transport.succeed(xid, () => undefined);
          else transport.forget(xid);
        });
        return;
      }
      case 'SM_NOTIFY':
        // The private callback of a statd on this host.
        if (this.#options.statd === undefined) return transport.refuse(xid, { type: 'PROC_UNAVAIL' });
        return this.#options.statd.serve(request);
      default:
        return unreachable(procedure);
    }
  }

  #serveSync(procedure: SyncProcedure, reader: XdrReader, request: Request, answer: Answer): void {
    const facts = this.#facts(request);
    switch (procedure.operation) {
      case 'TEST': {
        const args = procedure.args.decode(reader);
        return this.#submit(testCommand(args, facts), procedure, request, args, answer, (reply) =>
          answer.reply((writer) => procedure.result.encode(writer, { cookie: args.cookie, stat: testReplyOf(reply) })),
        );
      }
      case 'LOCK': {
        const args = procedure.args.decode(reader);
        return this.#submit(lockCommand(args, facts), procedure, request, args, answer, resTo(procedure, args, answer));
      }
      case 'NM_LOCK': {
        const args = procedure.args.decode(reader);
        return this.#submit(
          nmLockCommand(args, facts),
          procedure,
          request,
          args,
          answer,
          resTo(procedure, args, answer),
        );
      }
      case 'CANCEL': {
        const args = procedure.args.decode(reader);
        return this.#submit(
          cancelCommand(args, facts),
          procedure,
          request,
          args,
          answer,
          resTo(procedure, args, answer),
        );
      }
      case 'UNLOCK': {
        const args = procedure.args.decode(reader);
        return this.#submit(
          unlockCommand(args, facts),
          procedure,
          request,
          args,
          answer,
          resTo(procedure, args, answer),
        );
      }
      case 'SHARE': {
        const args = procedure.args.decode(reader);
        return this.#submit(
          shareCommand(args, facts),
          procedure,
          request,
          args,
          answer,
          shareResTo(procedure, args, answer),
        );
      }
      case 'UNSHARE': {
        const args = procedure.args.decode(reader);
        return this.#submit(
          unshareCommand(args, facts),
          procedure,
          request,
          args,
          answer,
          shareResTo(procedure, args, answer),
        );
      }
      case 'GRANTED':
        return request.transport.refuse(request.xid, { type: 'PROC_UNAVAIL' });
      default:
        return unreachable(procedure);
    }
  }

  #facts({ xid, version, procedure, buffer, start, end, transport: { caller, isPresentLife } }: Request): CallFacts {
    const { address, serverAddress, port, transport } = caller;
    const digest = murmur3(buffer, start, end);
    const callback = callbackForm({ version, transport, message: procedure === LOCK_MSG });
    const call = { port, xid, digest };
    return { address, serverAddress, presentLife: isPresentLife, callback, call, file: this.#options.file };
  }

  /** Submits, and replies once the outcome is settled; one that is withheld is not answered: the client asks again. */
  #submit(
    translated: Translated,
    procedure: NlmProcedure,
    { transport, xid }: Request,
    args: unknown,
    answer: Answer,
    reply: (outcome: NlmReply) => void,
  ): void {
    const { address, serverAddress, transport: protocol } = transport.caller;
    const trace = this.#options.trace(address);
    const settled = (outcome: NlmReply | undefined, words: string) => {
      trace?.({ address, serverAddress, transport: protocol, procedure: procedure.name, xid, args, answer: words });
      if (outcome === undefined || outcome.type === 'silence') answer.drop();
      else reply(outcome);
    };
    if (translated.type === 'status') return settled(translated, `status ${translated.status}`);
    this.#options.submit(translated, (end) => {
      if (end.type === 'answer') settled(end.outcome, end.outcome.type);
      else settled(undefined, `withheld: ${end.cause.message}`);
    });
  }
}

/** Writes the result where it belongs: into the reply, or into a call of the _RES form. */
interface Answer {
  reply(encode: (writer: XdrWriter) => void): void;
  drop(): void;
}
type MsgProcedure = Extract<NlmProcedure, { kind: 'msg' }>;
type SyncProcedure = Extract<NlmProcedure, { kind: 'sync' }>;

function resTo(
  procedure: { readonly result: Codec<NlmRes> },
  { cookie }: { readonly cookie: Bytes },
  answer: Answer,
): (outcome: NlmReply) => void {
  return (outcome) => answer.reply((writer) => procedure.result.encode(writer, { cookie, stat: statusOf(outcome) }));
}

/** The sequence is of no use to anybody, and 0 everywhere (X/Open XNFS leaves it to the server). */
function shareResTo(
  procedure: { readonly result: Codec<NlmShareRes> },
  { cookie }: { readonly cookie: Bytes },
  answer: Answer,
): (outcome: NlmReply) => void {
  return (outcome) =>
    answer.reply((writer) => procedure.result.encode(writer, { cookie, stat: statusOf(outcome), sequence: 0 }));
}
