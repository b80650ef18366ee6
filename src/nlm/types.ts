/**
 * The types of NLM, named as in nlm4.x (X/Open XNFS chapters 10 and 11) and with their fields in wire order. One
 * set serves every version: in 1 and 3 offsets and lengths are 32 bits wide on the wire, and statuses fewer.
 */
import type { Bytes } from '../base/bytes.js';
import type { U64 } from '../base/u64.js';
import type { NlmStatus } from './status.js';

/** `l_len` 0 reaches to the end of the file. What a range means is decided in core, not here. */
export interface NlmLock {
  readonly caller_name: Bytes;
  readonly fh: Bytes;
  readonly oh: Bytes;
  /** Signed, as it is printed by clients; equal bits are equal owners. */
  readonly svid: number;
  readonly l_offset: U64;
  readonly l_len: U64;
}

export interface NlmLockArgs {
  readonly cookie: Bytes;
  readonly block: boolean;
  readonly exclusive: boolean;
  readonly alock: NlmLock;
  readonly reclaim: boolean;
  /** The client's NSM state; 0 in a Linux client's reclaim. */
  readonly state: number;
}

export interface NlmCancArgs {
  readonly cookie: Bytes;
  readonly block: boolean;
  readonly exclusive: boolean;
  readonly alock: NlmLock;
}

/** Of TEST, and of GRANTED. */
export interface NlmTestArgs {
  readonly cookie: Bytes;
  readonly exclusive: boolean;
  readonly alock: NlmLock;
}

export interface NlmUnlockArgs {
  readonly cookie: Bytes;
  readonly alock: NlmLock;
}

export interface NlmRes {
  readonly cookie: Bytes;
  readonly stat: NlmStatus;
}

export interface NlmHolder {
  readonly exclusive: boolean;
  readonly svid: number;
  readonly oh: Bytes;
  readonly l_offset: U64;
  readonly l_len: U64;
}

/**
 * `nlm4_testrply`: the holder goes with DENIED and with nothing else. A TEST waits for nothing, so it is never
 * answered DEADLCK, which would become a DENIED without a holder in versions 1 and 3.
 */
export type NlmTestReply =
  | { readonly stat: 1; readonly holder: NlmHolder }
  | { readonly stat: Exclude<NlmStatus, 1 | 5>; readonly holder?: undefined };

export interface NlmTestRes {
  readonly cookie: Bytes;
  readonly stat: NlmTestReply;
}

/** `fsh4_mode`, what is denied to others: 0 none, 1 read, 2 write, 3 both. `fsh4_access` has the same numbers. */
export type NlmShareBits = 0 | 1 | 2 | 3;

export interface NlmShare {
  readonly caller_name: Bytes;
  readonly fh: Bytes;
  readonly oh: Bytes;
  readonly mode: NlmShareBits;
  readonly access: NlmShareBits;
}

export interface NlmShareArgs {
  readonly cookie: Bytes;
  readonly share: NlmShare;
  readonly reclaim: boolean;
}

export interface NlmShareRes {
  readonly cookie: Bytes;
  readonly stat: NlmStatus;
  readonly sequence: number;
}

/** Of FREE_ALL. */
export interface NlmNotify {
  readonly name: Bytes;
  readonly state: number;
}

/** Of the local SM_NOTIFY: the callback of a statd on this host (`nlm_reboot` of Linux). */
export interface NlmReboot {
  readonly mon: Bytes;
  readonly state: number;
  readonly priv: Bytes;
}
