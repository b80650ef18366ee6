/**
 * The procedures of NLM (program 100021), version by version in number order: what a door looks a call up in, and
 * what a caller takes its codecs from. X/Open XNFS chapters 10 and 11; sync and _MSG/_RES forms of one operation
 * carry the same types.
 */
import { VOID, type Codec } from '../xdr/codec.js';
import {
  decodeCancArgs,
  decodeLockArgs,
  decodeNotify,
  decodeReboot,
  decodeShareArgs,
  decodeTestArgs,
  decodeUnlockArgs,
  encodeCancArgs,
  encodeLockArgs,
  encodeNotify,
  encodeReboot,
  encodeShareArgs,
  encodeTestArgs,
  encodeUnlockArgs,
} from './arguments.js';
import { decodeRes, decodeShareRes, decodeTestRes, encodeRes, encodeShareRes, encodeTestRes } from './results.js';
import type {
  NlmCancArgs,
  NlmLockArgs,
  NlmNotify,
  NlmReboot,
  NlmRes,
  NlmShareArgs,
  NlmShareRes,
  NlmTestArgs,
  NlmTestRes,
  NlmUnlockArgs,
} from './types.js';
import type { Width } from './width.js';

export const NLM_PROGRAM = 100021;
export type NlmVersion = 1 | 3 | 4;

/** What is asked and what is answered, whatever form it travels in. */
export interface NlmOperations {
  readonly NULL: [void, void];
  readonly TEST: [NlmTestArgs, NlmTestRes];
  readonly LOCK: [NlmLockArgs, NlmRes];
  readonly CANCEL: [NlmCancArgs, NlmRes];
  readonly UNLOCK: [NlmUnlockArgs, NlmRes];
  readonly GRANTED: [NlmTestArgs, NlmRes];
  readonly SM_NOTIFY: [NlmReboot, void];
  readonly SHARE: [NlmShareArgs, NlmShareRes];
  readonly UNSHARE: [NlmShareArgs, NlmShareRes];
  readonly NM_LOCK: [NlmLockArgs, NlmRes];
  readonly FREE_ALL: [NlmNotify, void];
}
export type NlmOperation = keyof NlmOperations;
/** The operations that have a _MSG form, answered by a call of the _RES form. */
type MessageOperation = 'TEST' | 'LOCK' | 'CANCEL' | 'UNLOCK' | 'GRANTED';

interface Procedure<Kind, Operation extends NlmOperation, Name extends string, Args, Result> {
  readonly number: number;
  readonly name: Name;
  /**
   * `sync`: the reply carries the result. `msg`: the reply is void and the result travels back as a call of the
   * `res` procedure, whose number is five higher. `void`: there is no result at all.
   */
  readonly kind: Kind;
  readonly operation: Operation;
  readonly args: Codec<Args>;
  readonly result: Codec<Result>;
}
type Sync<O extends NlmOperation> = Procedure<'sync', O, O, NlmOperations[O][0], NlmOperations[O][1]>;
type Void<O extends NlmOperation> = Procedure<'void', O, O, NlmOperations[O][0], void>;
type Msg<O extends MessageOperation> = Procedure<'msg', O, `${O}_MSG`, NlmOperations[O][0], void>;
type Res<O extends MessageOperation> = Procedure<'res', O, `${O}_RES`, NlmOperations[O][1], void>;

const REBOOT: Codec<NlmReboot> = { decode: decodeReboot, encode: encodeReboot };
const NOTIFY: Codec<NlmNotify> = { decode: decodeNotify, encode: encodeNotify };
const SHARE_ARGS: Codec<NlmShareArgs> = { decode: decodeShareArgs, encode: encodeShareArgs };

/** One entry of the table; `kind` and `operation`, or `name`, tell the types of its codecs. */
export type NlmProcedure =
  | Void<'NULL'>
  | Void<'SM_NOTIFY'>
  | Void<'FREE_ALL'>
  | Sync<'SHARE'>
  | Sync<'UNSHARE'>
  | Sync<'NM_LOCK'>
  | { [O in MessageOperation]: Sync<O> | Msg<O> | Res<O> }[MessageOperation];

/** The distance from a `msg` procedure to the `res` procedure that answers it. */
export const NLM_RES_AFTER_MSG = 5;
/** The private callback of a statd on this host. */
export const NLM_SM_NOTIFY = 16;

/** Versions 1, 3 and 4: 0 to 15, and 16 by which a statd on this host reports a reboot to Linux (never from afar). */
function lockProcedures(width: Width): readonly NlmProcedure[] {
  const testArgs: Codec<NlmTestArgs> = {
    decode: (reader) => decodeTestArgs(reader, width),
    encode: (writer, args) => encodeTestArgs(writer, args, width),
  };
  const lockArgs = lockArgsCodec(width);
  const cancArgs: Codec<NlmCancArgs> = {
    decode: (reader) => decodeCancArgs(reader, width),
    encode: (writer, args) => encodeCancArgs(writer, args, width),
  };
  const unlockArgs: Codec<NlmUnlockArgs> = {
    decode: (reader) => decodeUnlockArgs(reader, width),
    encode: (writer, args) => encodeUnlockArgs(writer, args, width),
  };
  const testRes: Codec<NlmTestRes> = {
    decode: (reader) => decodeTestRes(reader, width),
    encode: (writer, res) => encodeTestRes(writer, res, width),
  };
  const res = resCodec(width);
  return [
    { number: 0, name: 'NULL', kind: 'void', operation: 'NULL', args: VOID, result: VOID },
    { number: 1, name: 'TEST', kind: 'sync', operation: 'TEST', args: testArgs, result: testRes },
    { number: 2, name: 'LOCK', kind: 'sync', operation: 'LOCK', args: lockArgs, result: res },
    { number: 3, name: 'CANCEL', kind: 'sync', operation: 'CANCEL', args: cancArgs, result: res },
    { number: 4, name: 'UNLOCK', kind: 'sync', operation: 'UNLOCK', args: unlockArgs, result: res },
    { number: 5, name: 'GRANTED', kind: 'sync', operation: 'GRANTED', args: testArgs, result: res },
    { number: 6, name: 'TEST_MSG', kind: 'msg', operation: 'TEST', args: testArgs, result: VOID },
    { number: 7, name: 'LOCK_MSG', kind: 'msg', operation: 'LOCK', args: lockArgs, result: VOID },
    { number: 8, name: 'CANCEL_MSG', kind: 'msg', operation: 'CANCEL', args: cancArgs, result: VOID },
    { number: 9, name: 'UNLOCK_MSG', kind: 'msg', operation: 'UNLOCK', args: unlockArgs, result: VOID },
    { number: 10, name: 'GRANTED_MSG', kind: 'msg', operation: 'GRANTED', args: testArgs, result: VOID },
    { number: 11, name: 'TEST_RES', kind: 'res', operation: 'TEST', args: testRes, result: VOID },
    { number: 12, name: 'LOCK_RES', kind: 'res', operation: 'LOCK', args: res, result: VOID },
    { number: 13, name: 'CANCEL_RES', kind: 'res', operation: 'CANCEL', args: res, result: VOID },
    { number: 14, name: 'UNLOCK_RES', kind: 'res', operation: 'UNLOCK', args: res, result: VOID },
    { number: 15, name: 'GRANTED_RES', kind: 'res', operation: 'GRANTED', args: res, result: VOID },
    { number: NLM_SM_NOTIFY, name: 'SM_NOTIFY', kind: 'void', operation: 'SM_NOTIFY', args: REBOOT, result: VOID },
  ];
}

/** Versions 3 and 4: 20 to 23. 17 to 19 are undefined. */
function shareProcedures(width: Width): readonly NlmProcedure[] {
  const shareRes: Codec<NlmShareRes> = {
    decode: (reader) => decodeShareRes(reader, width),
    encode: (writer, res) => encodeShareRes(writer, res, width),
  };
  const lockArgs = lockArgsCodec(width);
  const res = resCodec(width);
  return [
    { number: 20, name: 'SHARE', kind: 'sync', operation: 'SHARE', args: SHARE_ARGS, result: shareRes },
    { number: 21, name: 'UNSHARE', kind: 'sync', operation: 'UNSHARE', args: SHARE_ARGS, result: shareRes },
    { number: 22, name: 'NM_LOCK', kind: 'sync', operation: 'NM_LOCK', args: lockArgs, result: res },
    { number: 23, name: 'FREE_ALL', kind: 'void', operation: 'FREE_ALL', args: NOTIFY, result: VOID },
  ];
}

function lockArgsCodec(width: Width): Codec<NlmLockArgs> {
  return {
    decode: (reader) => decodeLockArgs(reader, width),
    encode: (writer, args) => encodeLockArgs(writer, args, width),
  };
}

function resCodec(width: Width): Codec<NlmRes> {
  return {
    decode: (reader) => decodeRes(reader, width),
    encode: (writer, res) => encodeRes(writer, res, width),
  };
}

/** Every procedure of each version that is served, in number order. */
export const NLM_PROCEDURES: Readonly<Record<NlmVersion, readonly NlmProcedure[]>> = {
  1: lockProcedures(32),
  3: [...lockProcedures(32), ...shareProcedures(32)],
  4: [...lockProcedures(64), ...shareProcedures(64)],
};

const BY_NUMBER = new Map(
  Object.entries(NLM_PROCEDURES).map(([version, procedures]) => [
    Number(version),
    Array.from({ length: 24 }, (_, number) => procedures.find((procedure) => procedure.number === number)),
  ]),
);

/** Whether PROG_MISMATCH is not the answer. */
export function isNlmVersion(version: number): version is NlmVersion {
  return BY_NUMBER.has(version);
}

/** Undefined: PROC_UNAVAIL, or PROG_MISMATCH where `isNlmVersion` says no. */
export function nlmProcedure(version: number, procedure: number): NlmProcedure | undefined {
  return BY_NUMBER.get(version)?.[procedure];
}

/** The entry of a procedure that we call ourselves. Undefined where the version does not have it. */
export function nlmCall<Name extends NlmProcedure['name']>(
  version: NlmVersion,
  name: Name,
): Extract<NlmProcedure, { name: Name }> | undefined {
  const isNamed = (entry: NlmProcedure): entry is Extract<NlmProcedure, { name: Name }> => entry.name === name;
  return NLM_PROCEDURES[version].find(isNamed);
}
