/**
 * Events: what happened in a group, in the past tense; the only food of `evolve`. They name clients, owners and files
 * by small ids that `client-met`, `owner-met` and `file-met` give and `names-forgotten` takes back, so that a LOCK and
 * its UNLOCK cost the ledger few bytes and the fold no hashing of text.
 */

import type { Bytes } from '../base/bytes.js';
import type { U64 } from '../base/u64.js';
import type {
  CallIdentity,
  EndGraceCommand,
  GracePolicy,
  GraceScope,
  LockId,
  Order,
  Rules,
  ShareBits,
} from './command.js';
import type { LifeEvent } from './life-event.js';
import type { NsmEvent } from './nsm-event.js';
import type { Counts } from './outcome.js';
import type { CallbackForm } from './callback-form.js';
import type { Range } from './range.js';
import type { Procedure } from './replies.js';

/** Ids count from 1. */
export type ClientId = number;
export type OwnerId = number;
export type FileId = number;
/** Waiters and locks share one counter. */
export type WaiterId = number;

export interface NodeStarted {
  readonly type: 'node-started';
  readonly node: string;
  readonly release: string;
  readonly notes: readonly string[];
}

export interface RulesSet {
  readonly type: 'rules-set';
  readonly rules: Rules;
}

export interface ClientMet {
  readonly type: 'client-met';
  readonly client: ClientId;
  readonly name: Bytes;
  readonly address: string;
}

export interface OwnerMet {
  readonly type: 'owner-met';
  readonly owner: OwnerId;
  readonly client: ClientId;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: Bytes;
}

export interface FileMet {
  readonly type: 'file-met';
  readonly file: FileId;
  readonly fileSystem: string;
  readonly key: Bytes;
  readonly handle: Bytes;
}

export interface NamesForgotten {
  readonly type: 'names-forgotten';
  readonly files: readonly FileId[];
  readonly owners: readonly OwnerId[];
  readonly clients: readonly ClientId[];
}

/** Takes one number of the lock counter for the lock, and one for each piece that a split cuts off. */
export interface LockGranted {
  readonly type: 'lock-granted';
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly range: Range;
  readonly exclusive: boolean;
  readonly reclaim: boolean;
  readonly monitored: boolean;
  readonly call: CallIdentity;
  /** Only where it differs from the file's. */
  readonly handle?: Bytes;
}

/** The owner's locks within the range, and its waiters wholly within it, are gone. */
export interface LockReleased {
  readonly type: 'lock-released';
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly range: Range;
  readonly call: CallIdentity;
}

/** A step of an UNLOCK over very many locks: those within the range are gone. Its last step is `lock-released`. */
export interface LocksReleased {
  readonly type: 'locks-released';
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly range: Range;
}

/** Takes one number of the lock counter. */
export interface WaiterQueued {
  readonly type: 'waiter-queued';
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly range: Range;
  /** l_len as it came. */
  readonly length: U64;
  readonly exclusive: boolean;
  readonly callback: CallbackForm;
  readonly call: CallIdentity;
  readonly handle?: Bytes;
}

/** The lock is held from here on; the client does not know it yet. The first number taken is the lock's. */
export interface WaiterGranted {
  readonly type: 'waiter-granted';
  readonly waiter: WaiterId;
}

export interface WaiterCancelled {
  readonly type: 'waiter-cancelled';
  readonly waiter: WaiterId;
  /** Absent where no call asked for it (a deadlock that came up while it waited, a purge of one waiter). */
  readonly call?: CallIdentity;
}

/**
 * By its answer to a callback: a CANCEL that was on its way meanwhile still undoes the grant (hazard 2). By a repeated
 * LOCK: nothing undoes it any more.
 */
export interface GrantAcknowledged {
  readonly type: 'grant-acknowledged';
  readonly lock: LockId;
  readonly by: 'answer' | 'lock';
}

/** What the grant had replaced of the owner's own locks is put back (hazard 2). */
export interface GrantUndone {
  readonly type: 'grant-undone';
  readonly lock: LockId;
  readonly by: 'cancel' | 'denial';
  readonly call?: CallIdentity;
}

export interface ClientStateLearned {
  readonly type: 'client-state-learned';
  readonly client: ClientId;
  readonly state: number;
}

export interface ClientRebooted {
  readonly type: 'client-rebooted';
  readonly client: ClientId;
  readonly state: number;
  readonly counts: Counts;
}

export interface ClientFreed {
  readonly type: 'client-freed';
  readonly client: ClientId;
  readonly counts: Counts;
}

export interface AddressUnlocked {
  readonly type: 'address-unlocked';
  readonly address: string;
  readonly counts: Counts;
  readonly order: Order;
}

export interface FileSystemUnlocked {
  readonly type: 'file-system-unlocked';
  readonly fileSystem: string;
  readonly counts: Counts;
  readonly order: Order;
}

export interface ClientUnlocked {
  readonly type: 'client-unlocked';
  readonly name?: Bytes;
  readonly address?: string;
  readonly counts: Counts;
  readonly order: Order;
}

/** One lock by its id; its owner and range stand here so that the fold needs no index of ids. */
export interface LockUnlocked {
  readonly type: 'lock-unlocked';
  readonly lock: LockId;
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly range: Range;
  readonly counts: Counts;
  readonly order: Order;
}

/** The same for one share. */
export interface ShareUnlocked {
  readonly type: 'share-unlocked';
  readonly share: LockId;
  readonly owner: OwnerId;
  readonly counts: Counts;
  readonly order: Order;
}

/** The same for one waiter: it waits no more, and its client is told so when it asks again. */
export interface WaiterUnlocked {
  readonly type: 'waiter-unlocked';
  readonly waiter: WaiterId;
  readonly owner: OwnerId;
  readonly counts: Counts;
  readonly order: Order;
}

/**
 * A purge after which the owners of the scope are expected to reclaim. The command's id is remembered; grants that were
 * not acknowledged are waiters again, under the numbers of their locks.
 */
export interface LocksExpected {
  readonly type: 'locks-expected';
  readonly scope: GraceScope;
  readonly counts: Counts;
  readonly order: Order;
}

/** Grants of the scope that were not acknowledged are waiters again, under the numbers of their locks. */
export interface GraceOpened {
  readonly type: 'grace-opened';
  readonly scope: GraceScope;
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly policy: GracePolicy;
  readonly expect: 'held' | 'none';
  readonly order: Order;
}

export interface GraceEnded {
  readonly type: 'grace-ended';
  readonly scope: GraceScope;
  readonly why: EndGraceCommand['why'];
  readonly order: Order;
}

/** Its owner did not reclaim it in time: it is free. */
export interface ReclaimMissed {
  readonly type: 'reclaim-missed';
  readonly lock: LockId;
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly range: Range;
  readonly exclusive: boolean;
}

export interface ShareMissed {
  readonly type: 'share-missed';
  readonly share: LockId;
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly mode: ShareBits;
  readonly access: ShareBits;
}

/** What one lock was expected for in this range goes to `to`, who reclaimed it; the rest of the lock stays expected. */
export interface ExpectedYielded {
  readonly type: 'expected-yielded';
  readonly lock: LockId;
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly range: Range;
  readonly exclusive: boolean;
  readonly to: OwnerId;
}

export interface ShareYielded {
  readonly type: 'share-yielded';
  readonly share: LockId;
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly mode: ShareBits;
  readonly access: ShareBits;
  readonly to: OwnerId;
}

/** After the end of a grace: everything that was expected in its scope is reclaimed or missed. */
export interface ReclaimsSettled {
  readonly type: 'reclaims-settled';
  readonly scope: GraceScope;
}

/** Who tried to reclaim what: by names, since the ledger may know neither. */
export interface ReclaimFacts {
  readonly name: Bytes;
  readonly address: string;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: Bytes;
  readonly fileSystem: string;
  readonly key: Bytes;
  readonly handle: Bytes;
  /** Of a lock. */
  readonly range?: Range;
  readonly exclusive?: boolean;
  /** Of a share. */
  readonly mode?: ShareBits;
  readonly access?: ShareBits;
}

/** The client most likely goes on as if it held it: Linux tells nobody. */
export interface ReclaimRefused extends ReclaimFacts {
  readonly type: 'reclaim-refused';
  readonly why: 'no-grace-period' | 'not-expected';
}

/** A reclaim that met the lock or share `held` of `holder`, and was refused. */
export interface ReclaimConflict extends ReclaimFacts {
  readonly type: 'reclaim-conflict';
  readonly holder: OwnerId;
  readonly held: LockId;
}

/** Takes one number of the lock counter. Where the owner is expected to reclaim just such a share, it is this one. */
export interface ShareGranted {
  readonly type: 'share-granted';
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly mode: ShareBits;
  readonly access: ShareBits;
  readonly reclaim: boolean;
  readonly call: CallIdentity;
  /** Only where it differs from the file's. */
  readonly handle?: Bytes;
}

/** One grant of this mode and access is gone. */
export interface ShareReleased {
  readonly type: 'share-released';
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly mode: ShareBits;
  readonly access: ShareBits;
  readonly call: CallIdentity;
}

/** A call that found nothing to do: remembered, so that a late copy does nothing either (hazard 5). */
export interface CallNoted {
  readonly type: 'call-noted';
  readonly client: ClientId;
  readonly procedure: Procedure;
  readonly call: CallIdentity;
}

/** Our own NSM state at a server address. */
export interface ServerStateAdvanced {
  readonly type: 'server-state-advanced';
  readonly serverAddress: string;
  readonly state: number;
}

export interface CallRefused {
  readonly type: 'call-refused';
  readonly what: 'sm-notify' | 'free-all' | 'lock' | 'sm-notify-older';
  readonly name: Bytes;
  readonly address: string;
  readonly detail: string;
}

/** Refusals of a client (`''`: of several) since a time that stand in no event of their own: there were too many. */
export interface RefusalsCounted {
  readonly type: 'refusals-counted';
  readonly what: 'reclaim-refused' | 'reclaim-conflict' | 'call-refused';
  readonly address: string;
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

export type Event =
  | NodeStarted
  | RulesSet
  | ClientMet
  | OwnerMet
  | FileMet
  | NamesForgotten
  | LockGranted
  | LockReleased
  | LocksReleased
  | WaiterQueued
  | WaiterGranted
  | WaiterCancelled
  | GrantAcknowledged
  | GrantUndone
  | ClientStateLearned
  | ClientRebooted
  | ClientFreed
  | AddressUnlocked
  | FileSystemUnlocked
  | ClientUnlocked
  | LockUnlocked
  | ShareUnlocked
  | WaiterUnlocked
  | GraceOpened
  | GraceEnded
  | ShareGranted
  | ShareReleased
  | LocksExpected
  | ReclaimMissed
  | ShareMissed
  | ExpectedYielded
  | ShareYielded
  | ReclaimsSettled
  | ReclaimRefused
  | ReclaimConflict
  | CallNoted
  | ServerStateAdvanced
  | CallRefused
  | RefusalsCounted
  | LifeEvent
  | NsmEvent;

/** Where an event stands: what `evolve` knows besides state and event. */
export interface At {
  readonly position: number;
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly time: number;
}
