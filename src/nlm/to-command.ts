/** The requests of NLM as commands of the core: one function a procedure. Pure; the door hands in what it saw. */

import type { Bytes } from '../base/bytes.js';
import type { CallbackForm } from '../core/callback-form.js';
import type { CallIdentity, Command, FileName, OwnerName } from '../core/command.js';
import { rangeFromWire, type Range } from '../core/range.js';
import { NLM4_DENIED_NOLOCKS, NLM4_FBIG, NLM4_STALE_FH, type NlmStatus } from './status.js';
import type {
  NlmCancArgs,
  NlmLock,
  NlmLockArgs,
  NlmNotify,
  NlmShare,
  NlmShareArgs,
  NlmTestArgs,
  NlmUnlockArgs,
} from './types.js';

/** What a door knows of a call besides its arguments. */
export interface CallFacts {
  /** Canonical source address. */
  readonly address: string;
  /** Canonical in-bound address of the server. */
  readonly serverAddress: string;
  readonly call: CallIdentity;
  /** As `LockCommand` has it. */
  readonly presentLife: boolean;
  /** How this client is to be called back. */
  readonly callback: CallbackForm;
  /** The file of a handle; `undefined` where this node does not serve it. */
  readonly file: (handle: Bytes) => FileName | undefined;
  /** The owner of a caller's name, svid and oh. */
  readonly owner: (client: Bytes, address: string, serverAddress: string, svid: number, oh: Bytes) => OwnerName;
}

/** A command, or the status that answers at once because no command can be made of the arguments. */
export type Translated = Command | StatusReply;
export interface StatusReply {
  readonly type: 'status';
  readonly status: NlmStatus;
}

export function lockCommand(args: NlmLockArgs, facts: CallFacts): Translated {
  const subject = subjectOf(args.alock, facts);
  if ('type' in subject) return subject;
  return {
    type: 'lock',
    owner: subject.owner,
    file: subject.file,
    range: subject.range,
    length: args.alock.l_len,
    exclusive: args.exclusive,
    block: args.block,
    reclaim: args.reclaim,
    monitored: true,
    state: args.state,
    presentLife: facts.presentLife,
    callback: facts.callback,
    call: facts.call,
  };
}

/** NM_LOCK: not monitored (X/Open XNFS NLM_NM_LOCK), never blocks, and its state says nothing. */
export function nmLockCommand(args: NlmLockArgs, facts: CallFacts): Translated {
  const subject = subjectOf(args.alock, facts);
  if ('type' in subject) return subject;
  return {
    type: 'lock',
    owner: subject.owner,
    file: subject.file,
    range: subject.range,
    length: args.alock.l_len,
    exclusive: args.exclusive,
    block: false,
    reclaim: args.reclaim,
    monitored: false,
    state: 0,
    presentLife: facts.presentLife,
    callback: facts.callback,
    call: facts.call,
  };
}

export function testCommand(args: NlmTestArgs, facts: CallFacts): Translated {
  const subject = subjectOf(args.alock, facts);
  if ('type' in subject) return subject;
  const { owner, file, range } = subject;
  return { type: 'test', owner, file, range, exclusive: args.exclusive };
}

export function cancelCommand(args: NlmCancArgs, facts: CallFacts): Translated {
  const subject = subjectOf(args.alock, facts);
  if ('type' in subject) return subject;
  const { owner, file, range } = subject;
  return { type: 'cancel', owner, file, range, exclusive: args.exclusive, block: args.block, call: facts.call };
}

export function unlockCommand(args: NlmUnlockArgs, facts: CallFacts): Translated {
  const subject = subjectOf(args.alock, facts);
  if ('type' in subject) return subject;
  const { owner, file, range } = subject;
  return { type: 'unlock', owner, file, range, call: facts.call };
}

export function shareCommand({ share, reclaim }: NlmShareArgs, facts: CallFacts): Translated {
  const subject = shareSubjectOf(share, facts);
  if ('type' in subject) return subject;
  return { type: 'share', ...subject, mode: share.mode, access: share.access, reclaim, call: facts.call };
}

export function unshareCommand({ share }: NlmShareArgs, facts: CallFacts): Translated {
  const subject = shareSubjectOf(share, facts);
  if ('type' in subject) return subject;
  return { type: 'unshare', ...subject, mode: share.mode, access: share.access, call: facts.call };
}

/** FREE_ALL frees what came from the caller's own address, whatever name it gives. */
export function freeAllCommand(args: NlmNotify, address: string): Command {
  return { type: 'free-all', client: { name: args.name, address } };
}

interface Subject {
  readonly owner: OwnerName;
  readonly file: FileName;
  readonly range: Range;
}

const TOO_BIG: StatusReply = { type: 'status', status: NLM4_FBIG };
const STALE: StatusReply = { type: 'status', status: NLM4_STALE_FH };
const BAD_NAME: StatusReply = { type: 'status', status: NLM4_DENIED_NOLOCKS };

function subjectOf(lock: NlmLock, facts: CallFacts): Subject | StatusReply {
  if (!isCallerName(lock.caller_name)) return BAD_NAME;
  const range = rangeFromWire(lock.l_offset, lock.l_len);
  if (range === undefined) return TOO_BIG;
  const file = facts.file(lock.fh);
  if (file === undefined) return STALE;
  const owner = facts.owner(lock.caller_name, facts.address, facts.serverAddress, lock.svid, lock.oh);
  return { owner, file, range };
}

/** A share names no svid: its owner is the client's oh alone. */
function shareSubjectOf(share: NlmShare, facts: CallFacts): Omit<Subject, 'range'> | StatusReply {
  if (!isCallerName(share.caller_name)) return BAD_NAME;
  const file = facts.file(share.fh);
  if (file === undefined) return STALE;
  const owner = facts.owner(share.caller_name, facts.address, facts.serverAddress, 0, share.oh);
  return { owner, file };
}

/** lockd refuses names with a slash; control characters and NUL have no place in a host name either, nor has an empty one. */
function isCallerName(name: Bytes): boolean {
  if (name.length === 0) return false;
  for (let i = 0; i < name.length; i += 1) {
    const c = name.charCodeAt(i);
    if (c < 0x21 || c === 0x2f || c === 0x7f) return false;
  }
  return true;
}
