/** The arguments of NLM's procedures between bytes and types.ts. The order of the fields is the order on the wire. */
import type { XdrReader } from '../xdr/reader.js';
import type { XdrWriter } from '../xdr/writer.js';
import {
  CALLER_NAME_BYTES_MAX,
  COOKIE_BYTES_MAX,
  NETOBJ_BYTES_MAX,
  NOTIFY_NAME_BYTES_MAX,
  REBOOT_NAME_BYTES_MAX,
  REBOOT_PRIVATE_BYTES,
} from './limits.js';
import type {
  NlmCancArgs,
  NlmLock,
  NlmLockArgs,
  NlmNotify,
  NlmReboot,
  NlmShare,
  NlmShareArgs,
  NlmShareBits,
  NlmTestArgs,
  NlmUnlockArgs,
} from './types.js';
import { decodeOffset, encodeOffset, type Width } from './width.js';

/** `fsh4_mode` and `fsh4_access` end with 3. */
const SHARE_BITS_LAST = 3;

function decodeLock(reader: XdrReader, width: Width): NlmLock {
  return {
    caller_name: reader.string(CALLER_NAME_BYTES_MAX),
    fh: reader.recurring(NETOBJ_BYTES_MAX),
    oh: reader.recurring(NETOBJ_BYTES_MAX),
    svid: reader.int(),
    l_offset: decodeOffset(reader, width),
    l_len: decodeOffset(reader, width),
  };
}

function encodeLock(writer: XdrWriter, lock: NlmLock, width: Width): void {
  writer.string(lock.caller_name);
  writer.opaque(lock.fh);
  writer.opaque(lock.oh);
  writer.int(lock.svid);
  encodeOffset(writer, lock.l_offset, width);
  encodeOffset(writer, lock.l_len, width);
}

export function decodeLockArgs(reader: XdrReader, width: Width): NlmLockArgs {
  return {
    cookie: reader.opaque(COOKIE_BYTES_MAX),
    block: reader.bool(),
    exclusive: reader.bool(),
    alock: decodeLock(reader, width),
    reclaim: reader.bool(),
    state: reader.int(),
  };
}

export function encodeLockArgs(writer: XdrWriter, args: NlmLockArgs, width: Width): void {
  writer.opaque(args.cookie);
  writer.bool(args.block);
  writer.bool(args.exclusive);
  encodeLock(writer, args.alock, width);
  writer.bool(args.reclaim);
  writer.int(args.state);
}

export function decodeCancArgs(reader: XdrReader, width: Width): NlmCancArgs {
  return {
    cookie: reader.opaque(COOKIE_BYTES_MAX),
    block: reader.bool(),
    exclusive: reader.bool(),
    alock: decodeLock(reader, width),
  };
}

export function encodeCancArgs(writer: XdrWriter, args: NlmCancArgs, width: Width): void {
  writer.opaque(args.cookie);
  writer.bool(args.block);
  writer.bool(args.exclusive);
  encodeLock(writer, args.alock, width);
}

export function decodeTestArgs(reader: XdrReader, width: Width): NlmTestArgs {
  return {
    cookie: reader.opaque(COOKIE_BYTES_MAX),
    exclusive: reader.bool(),
    alock: decodeLock(reader, width),
  };
}

export function encodeTestArgs(writer: XdrWriter, args: NlmTestArgs, width: Width): void {
  writer.opaque(args.cookie);
  writer.bool(args.exclusive);
  encodeLock(writer, args.alock, width);
}

export function decodeUnlockArgs(reader: XdrReader, width: Width): NlmUnlockArgs {
  return {
    cookie: reader.opaque(COOKIE_BYTES_MAX),
    alock: decodeLock(reader, width),
  };
}

export function encodeUnlockArgs(writer: XdrWriter, args: NlmUnlockArgs, width: Width): void {
  writer.opaque(args.cookie);
  encodeLock(writer, args.alock, width);
}

function decodeShare(reader: XdrReader): NlmShare {
  return {
    caller_name: reader.string(CALLER_NAME_BYTES_MAX),
    fh: reader.recurring(NETOBJ_BYTES_MAX),
    oh: reader.recurring(NETOBJ_BYTES_MAX),
    // The casts state what the bound has checked.
    mode: reader.enumeration(SHARE_BITS_LAST) as NlmShareBits,
    access: reader.enumeration(SHARE_BITS_LAST) as NlmShareBits,
  };
}

export function decodeShareArgs(reader: XdrReader): NlmShareArgs {
  return {
    cookie: reader.opaque(COOKIE_BYTES_MAX),
    share: decodeShare(reader),
    reclaim: reader.bool(),
  };
}

export function encodeShareArgs(writer: XdrWriter, args: NlmShareArgs): void {
  writer.opaque(args.cookie);
  writer.string(args.share.caller_name);
  writer.opaque(args.share.fh);
  writer.opaque(args.share.oh);
  writer.uint(args.share.mode);
  writer.uint(args.share.access);
  writer.bool(args.reclaim);
}

export function decodeNotify(reader: XdrReader): NlmNotify {
  return {
    name: reader.string(NOTIFY_NAME_BYTES_MAX),
    state: reader.int(),
  };
}

export function encodeNotify(writer: XdrWriter, args: NlmNotify): void {
  writer.string(args.name);
  writer.int(args.state);
}

export function decodeReboot(reader: XdrReader): NlmReboot {
  return {
    mon: reader.string(REBOOT_NAME_BYTES_MAX),
    state: reader.int(),
    priv: reader.fixed(REBOOT_PRIVATE_BYTES),
  };
}

export function encodeReboot(writer: XdrWriter, args: NlmReboot): void {
  writer.string(args.mon);
  writer.int(args.state);
  writer.fixed(args.priv);
}
