/**
 * The messages of ONC RPC version 2 (RFC 5531 section 9): calls in and out, replies out and in. They are the
 * envelope of everything that comes through the RPC door and leaves through a callback.
 */
import { unreachable } from '../base/assert.js';
import { XdrError } from '../xdr/error.js';
import type { XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';
import { AUTH_BODY_BYTES_MAX, AUTH_NONE, skipCredential, type Credential } from './auth.js';

const RPC_VERSION = 2;

/** `msg_type` */
const CALL = 0;
const REPLY = 1;
/** `reply_stat` */
const MSG_ACCEPTED = 0;
const MSG_DENIED = 1;
/** `reject_stat` */
const RPC_MISMATCH = 0;
const AUTH_ERROR = 1;
/** `accept_stat` */
const SUCCESS = 0;
const PROG_UNAVAIL = 1;
const PROG_MISMATCH = 2;
const PROC_UNAVAIL = 3;
const GARBAGE_ARGS = 4;
const SYSTEM_ERR = 5;

/** `auth_stat`: the two that we send, as Linux does. A reply may hold any number. */
const AUTH_BADCRED = 1;
const AUTH_BADVERF = 3;

/** Every reply but SUCCESS. `low` and `high` are the lowest and highest version served. */
export type Refusal =
  | { readonly type: 'PROG_UNAVAIL' }
  | { readonly type: 'PROG_MISMATCH'; readonly low: number; readonly high: number }
  | { readonly type: 'PROC_UNAVAIL' }
  | { readonly type: 'GARBAGE_ARGS' }
  | { readonly type: 'SYSTEM_ERR' }
  | { readonly type: 'RPC_MISMATCH'; readonly low: number; readonly high: number }
  | { readonly type: 'AUTH_ERROR'; readonly auth_stat: number };

export type RpcReply = { readonly xid: number; readonly type: 'SUCCESS' } | (Refusal & { readonly xid: number });

/** The header of a call. Where `refusal` is set, it is the answer: only `xid` and what stands before the fault is known. */
export interface RpcCall {
  readonly xid: number;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  /** Of the credential: AUTH_NONE or AUTH_SYS. */
  readonly flavor: number;
  readonly refusal: Refusal | undefined;
}

/** The header of a call of our own. Its verifier is AUTH_NONE. */
export interface OwnCall {
  readonly xid: number;
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly credential: Credential;
}

const VERSION_REFUSED: Refusal = { type: 'RPC_MISMATCH', low: RPC_VERSION, high: RPC_VERSION };
const CREDENTIAL_REFUSED: Refusal = { type: 'AUTH_ERROR', auth_stat: AUTH_BADCRED };
const VERIFIER_REFUSED: Refusal = { type: 'AUTH_ERROR', auth_stat: AUTH_BADVERF };

/**
 * Reads a call's header and leaves the reader at the arguments. Throws XdrError where the bytes are no call or end
 * before its procedure: to those there is no answer. Everything else is answered: see `refusal`.
 */
export function decodeCall(reader: XdrReader): RpcCall {
  const xid = reader.uint();
  if (reader.uint() !== CALL) throw new XdrError('bad-value', 'a message that is no call');
  // Another version of RPC may have another header: nothing after this word is looked at.
  if (reader.uint() !== RPC_VERSION) {
    return { xid, program: 0, version: 0, procedure: 0, flavor: AUTH_NONE, refusal: VERSION_REFUSED };
  }
  const program = reader.uint();
  const version = reader.uint();
  const procedure = reader.uint();
  let flavor = AUTH_NONE;
  let refusal: Refusal | undefined = CREDENTIAL_REFUSED;
  try {
    flavor = skipCredential(reader);
    refusal = VERIFIER_REFUSED;
    skipVerifier(reader);
    refusal = undefined;
  } catch (error) {
    if (!(error instanceof XdrError)) throw error;
  }
  return { xid, program, version, procedure, flavor, refusal };
}

/** With either flavor that is served the verifier is AUTH_NONE (section 10.1, appendix A). */
function skipVerifier(reader: XdrReader): void {
  if (reader.uint() !== AUTH_NONE) throw new XdrError('bad-value', 'a verifier that is not AUTH_NONE');
  reader.skipOpaque(AUTH_BODY_BYTES_MAX);
}

/** The arguments follow. */
export function encodeCall(writer: XdrWriter, call: OwnCall): void {
  writer.uint(call.xid);
  writer.uint(CALL);
  writer.uint(RPC_VERSION);
  writer.uint(call.program);
  writer.uint(call.version);
  writer.uint(call.procedure);
  writer.uint(call.credential.flavor);
  writer.opaque(call.credential.body);
  noVerifier(writer);
}

/** The header of an accepted call's reply; the result follows. */
export function encodeSuccess(writer: XdrWriter, xid: number): void {
  accepted(writer, xid, SUCCESS);
}

/** A whole reply. */
export function encodeRefusal(writer: XdrWriter, xid: number, refusal: Refusal): void {
  switch (refusal.type) {
    case 'PROG_UNAVAIL':
      return accepted(writer, xid, PROG_UNAVAIL);
    case 'PROG_MISMATCH':
      accepted(writer, xid, PROG_MISMATCH);
      writer.uint(refusal.low);
      return writer.uint(refusal.high);
    case 'PROC_UNAVAIL':
      return accepted(writer, xid, PROC_UNAVAIL);
    case 'GARBAGE_ARGS':
      return accepted(writer, xid, GARBAGE_ARGS);
    case 'SYSTEM_ERR':
      return accepted(writer, xid, SYSTEM_ERR);
    case 'RPC_MISMATCH':
      denied(writer, xid, RPC_MISMATCH);
      writer.uint(refusal.low);
      return writer.uint(refusal.high);
    case 'AUTH_ERROR':
      denied(writer, xid, AUTH_ERROR);
      return writer.uint(refusal.auth_stat);
    default:
      return unreachable(refusal);
  }
}

function accepted(writer: XdrWriter, xid: number, accept_stat: number): void {
  writer.uint(xid);
  writer.uint(REPLY);
  writer.uint(MSG_ACCEPTED);
  noVerifier(writer);
  writer.uint(accept_stat);
}

function denied(writer: XdrWriter, xid: number, reject_stat: number): void {
  writer.uint(xid);
  writer.uint(REPLY);
  writer.uint(MSG_DENIED);
  writer.uint(reject_stat);
}

function noVerifier(writer: XdrWriter): void {
  writer.uint(AUTH_NONE);
  writer.uint(0);
}

/** Reads a reply; after SUCCESS the reader is at the result. Throws XdrError. */
export function decodeReply(reader: XdrReader): RpcReply {
  const xid = reader.uint();
  if (reader.uint() !== REPLY) throw new XdrError('bad-value', 'a message that is no reply');
  return reader.enumeration(MSG_DENIED) === MSG_ACCEPTED ? acceptedReply(reader, xid) : deniedReply(reader, xid);
}

function acceptedReply(reader: XdrReader, xid: number): RpcReply {
  reader.uint();
  reader.skipOpaque(AUTH_BODY_BYTES_MAX);
  switch (reader.uint()) {
    case SUCCESS:
      return { xid, type: 'SUCCESS' };
    case PROG_UNAVAIL:
      return { xid, type: 'PROG_UNAVAIL' };
    case PROG_MISMATCH:
      return { xid, type: 'PROG_MISMATCH', low: reader.uint(), high: reader.uint() };
    case PROC_UNAVAIL:
      return { xid, type: 'PROC_UNAVAIL' };
    case GARBAGE_ARGS:
      return { xid, type: 'GARBAGE_ARGS' };
    case SYSTEM_ERR:
      return { xid, type: 'SYSTEM_ERR' };
    default:
      throw new XdrError('bad-value', 'an accept_stat that is none');
  }
}

function deniedReply(reader: XdrReader, xid: number): RpcReply {
  return reader.enumeration(AUTH_ERROR) === RPC_MISMATCH
    ? { xid, type: 'RPC_MISMATCH', low: reader.uint(), high: reader.uint() }
    : { xid, type: 'AUTH_ERROR', auth_stat: reader.uint() };
}
