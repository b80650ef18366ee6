/**
 * `nlm_files`: the projection of a group's ledger, changed by `evolve` alone. Rows in typed arrays for what there are
 * millions of, objects for what there are few of.
 *
 * A bulk drop (of an address, file system or client) is a mark: what is older than the mark of its address, file system
 * or client is dead, whether the sweep has reached it or not. `isDead` is how every reader sees it.
 */

import type { Bytes } from '../base/bytes.js';
import type { U64 } from '../base/u64.js';
import type { CallbackForm } from './callback-form.js';
import type { GracePolicy, GraceScope, LockId, Rules, Selector, ShareBits } from './command.js';
import type { ClientId, FileId, OwnerId } from './event.js';
import { HashIndex } from './hash-index.js';
import { DEFAULT_RULES } from './limits.js';
import { UNCLAIMED, type GroupLife, type ReclaimCounts } from './life.js';
import { Chain } from './links.js';
import { LockCalls } from './lock-calls.js';
import { LockRows } from './lock-rows.js';
import { NsmTables } from './nsm.js';
import type { Counts } from './outcome.js';
import { OwnerTree } from './owner-tree.js';
import type { Range } from './range.js';
import type { RefusalSource } from './refusals.js';
import { Replies } from './replies.js';
import { Rows } from './rows.js';
import { StartTree } from './start-tree.js';

/**
 * What a bulk drop can name. While a sweep is unfinished, the counts of other scopes still have its dead, and still
 * count as held what it expects to be reclaimed.
 */
export interface Scope {
  /** Held; without what is expected. */
  locks: number;
  shares: number;
  waiters: number;
  /** Locks and shares that their owners are expected to reclaim. */
  expected: number;
  expectedShares: number;
  /** What has a lower number is dead. */
  mark: number;
  /** Locks and shares with a lower number are expected to be reclaimed. */
  expectMark: number;
  /** First of its owners, or of its files. */
  head: number;
}

export interface Client extends Scope {
  readonly id: ClientId;
  readonly name: Bytes;
  readonly address: string;
  /** NSM state, 0 where it is not known. */
  state: number;
  /** Entries of the reply cache. */
  replies: number;
}

export interface AddressScope extends Scope {
  readonly id: number;
  readonly address: string;
  /** What came in through it and pins a file system, by the file system's id; held and expected alike. */
  readonly pins: (Pins | undefined)[];
}

export interface Pins {
  locks: number;
  shares: number;
  waiters: number;
}

export interface FileSystemScope extends Scope {
  readonly id: number;
  readonly name: string;
}

export interface FileNames {
  readonly key: Bytes;
  /** The handle of `file-met` first; further ones as locks came with them. */
  readonly handles: Bytes[];
}

/** A grant out of a wait that the client has not acknowledged. */
export interface PendingGrant {
  readonly lock: LockId;
  readonly owner: OwnerId;
  readonly file: FileId;
  readonly range: Range;
  readonly length: U64;
  readonly exclusive: boolean;
  readonly callback: CallbackForm;
  readonly handle: number;
  readonly time: number;
  /** What the owner itself held within the range before. */
  readonly replaced: readonly Replaced[];
}

export interface Replaced {
  readonly range: Range;
  readonly exclusive: boolean;
}

/** A lock on opening a file, against other openers (DOS share reservation). */
export interface Share {
  readonly id: LockId;
  readonly owner: OwnerId;
  readonly file: FileId;
  /** What is denied to others: 0 none, 1 read, 2 write, 3 both. */
  readonly mode: ShareBits;
  /** What its owner does, in the same numbers. */
  readonly access: ShareBits;
  readonly handle: number;
  readonly reclaimed: boolean;
  readonly time: number;
  /** Set by the sweep; `isExpected` is how readers see it. */
  expected: boolean;
}

export interface Grace {
  readonly scope: GraceScope;
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly policy: GracePolicy;
  /** Whether it is over once nothing is expected any more. */
  readonly endsEarly: boolean;
}

export interface DoneCommand {
  readonly selector: Selector;
  readonly counts: Counts;
  readonly position: number;
  readonly time: number;
}

/** A file in the wake queue: what was freed there, and the next waiter to look at. */
export interface FreedFile {
  readonly file: FileId;
  /** The hull of what was freed. */
  range: Range;
  /** Slot of a waiter, 0 for the first. */
  next: number;
  /** Grows with each release, so that a wake step decided before it does not end the wake. */
  version: number;
}

/** A bulk drop whose dead are still in the tables, and how far the sweep has come. */
export interface SweepTask {
  readonly kind: 'address' | 'client' | 'file-system';
  /** Owner or file that is being swept. */
  at: number;
  /** Next lock (of an owner) or waiter to look at. */
  lock: number;
  waiter: number;
  /** In a file: the place in the tree by owner that was reached. */
  owner: number;
  startHigh: number;
  startLow: number;
  /** Whether locks, waiters of `at` are done. */
  locksDone: boolean;
  begun: boolean;
  readonly pending: Iterator<PendingGrant, undefined>;
  pendingDone: boolean;
  readonly shares: Iterator<Share, undefined>;
  sharesDone: boolean;
}

// Owners, by their id.
export const O_CLIENT = 0;
export const O_ADDRESS = 1;
export const O_SVID = 2;
export const O_LOCK = 3;
export const O_WAITER = 4;
export const O_WAITERS = 5;
export const O_PENDING = 6;
export const O_CLIENT_NEXT = 7;
export const O_CLIENT_PREVIOUS = 8;
export const O_ADDRESS_NEXT = 9;
export const O_ADDRESS_PREVIOUS = 10;
const O_IDLE_NEXT = 11;
const O_IDLE_PREVIOUS = 12;
const O_IDLE = 13;
export const O_USED = 14;
export const O_SHARES = 15;
/** Replies to LOCK and SHARE calls with a lower number say nothing any more (two words). */
export const O_VOID = 16;
const O_STRIDE = 18;

// Files, by their id.
export const F_FILE_SYSTEM = 0;
export const F_BY_START = 1;
export const F_BY_OWNER = 2;
export const F_WAITER = 3;
export const F_WAITER_LAST = 4;
export const F_WAITERS = 5;
export const F_PENDING = 6;
export const F_NEXT = 7;
export const F_PREVIOUS = 8;
const F_IDLE_NEXT = 9;
const F_IDLE_PREVIOUS = 10;
const F_IDLE = 11;
export const F_USED = 12;
export const F_SHARES = 13;
const F_STRIDE = 14;

// Waiters, by slot.
export const W_OWNER = 0;
export const W_FILE = 1;
export const W_START_HIGH = 2;
export const W_START_LOW = 3;
export const W_END_HIGH = 4;
export const W_END_LOW = 5;
export const W_LENGTH_HIGH = 6;
export const W_LENGTH_LOW = 7;
/** EXCLUSIVE; from bit 1 the form of the callback; from bit 8 on the handle, as in a lock. */
export const W_FLAGS = 8;
export const W_ID = 9;
export const W_TIME = 11;
export const W_NEXT = 13;
export const W_PREVIOUS = 14;
export const W_OWNER_NEXT = 15;
export const W_OWNER_PREVIOUS = 16;
const W_STRIDE = 17;

export class NlmFiles {
  rules: Rules = DEFAULT_RULES;
  /** Of the last event; entries below the epoch are ignored and counted (hazard 10). */
  epoch = 0;
  position = 0;
  time = 0;
  violations = 0;
  life: GroupLife = UNCLAIMED;
  reclaims: ReclaimCounts = { reclaimed: 0, missed: 0 };
  /** The next number of a lock or waiter. */
  nextId = 1;
  /** Without the dead and without what is expected. */
  lockCount = 0;
  shareCount = 0;
  waiterCount = 0;

  readonly clients: (Client | undefined)[] = [undefined];
  readonly clientsByAddress = new Map<string, Map<Bytes, Client>>();
  readonly freeClients: ClientId[] = [];
  readonly idleClients = new Set<ClientId>();
  clientCount = 0;
  /** Server addresses and file systems; few, and never forgotten. Their ids are the order of their coming. */
  readonly addresses: AddressScope[] = [];
  readonly addressByName = new Map<string, AddressScope>();
  readonly fileSystems: FileSystemScope[] = [];
  readonly fileSystemByName = new Map<string, FileSystemScope>();

  readonly owners = new Rows(O_STRIDE);
  readonly ownerHandles: Bytes[] = [];
  readonly ownerIndex = new HashIndex();
  readonly freeOwners: OwnerId[] = [];
  ownerNext = 1;
  readonly idleOwners = new Chain(this.owners, O_IDLE_NEXT, O_IDLE_PREVIOUS, O_IDLE);

  readonly files = new Rows(F_STRIDE);
  readonly fileNames: (FileNames | undefined)[] = [];
  readonly fileIndex = new HashIndex();
  readonly freeFiles: FileId[] = [];
  fileNext = 1;
  readonly idleFiles = new Chain(this.files, F_IDLE_NEXT, F_IDLE_PREVIOUS, F_IDLE);

  readonly locks = new LockRows();
  readonly byStart = new StartTree(this.locks);
  readonly byOwner = new OwnerTree(this.locks);

  readonly waiters = new Rows(W_STRIDE);
  readonly waiterIndex = new HashIndex();

  readonly pending = new Map<LockId, PendingGrant>();
  /** Numbers of those in `pending` that are acknowledged, oldest first. */
  readonly undoable = new Set<LockId>();
  readonly pendingByOwner = new Map<OwnerId, PendingGrant[]>();

  /** By number; in files and owners there are counts of them alone. */
  readonly shares = new Map<LockId, Share>();
  readonly sharesByFile = new Map<FileId, Share[]>();

  readonly replies = new Replies();
  readonly lockCalls = new LockCalls();
  readonly commands = new Map<string, DoneCommand>();
  readonly graces: Grace[] = [];
  readonly nsm = new NsmTables();
  /** Scopes whose grace has ended, and whose expected locks are not all gone yet. */
  readonly missing: GraceScope[] = [];
  /** Our own NSM state, for each server address that ever announced one. */
  readonly serverStates = new Map<string, number>();

  // Not part of the fold: work that it left over.
  readonly sweeps: SweepTask[] = [];
  readonly freed = new Map<FileId, FreedFile>();
  /** What was refused of late, and how much of it no event tells yet. */
  readonly refusals = { sources: new Map<string, RefusalSource>(), unrecorded: 0 };
  /** Slot of the next lock that a `miss` step looks at. */
  missAt = 1;
}

export function initialState(): NlmFiles {
  return new NlmFiles();
}

/** True while dead locks or waiters are still in the tables. */
export function isSweeping(state: NlmFiles): boolean {
  return state.sweeps.length > 0;
}

export function clientOf(state: NlmFiles, owner: OwnerId): Client {
  return state.clients[state.owners.get(owner, O_CLIENT)]!;
}

export function addressOf(state: NlmFiles, owner: OwnerId): AddressScope {
  return state.addresses[state.owners.get(owner, O_ADDRESS)]!;
}

export function fileSystemOf(state: NlmFiles, file: FileId): FileSystemScope {
  return state.fileSystems[state.files.get(file, F_FILE_SYSTEM)]!;
}

/** Whether a lock, waiter or pending grant with this number was dropped by a mark. */
export function isDead(state: NlmFiles, owner: OwnerId, file: FileId, id: number): boolean {
  return (
    state.sweeps.length > 0 &&
    (id < clientOf(state, owner).mark || id < addressOf(state, owner).mark || id < fileSystemOf(state, file).mark)
  );
}

/** Whether a live lock or share waits for its owner to reclaim it; `flagged` where a sweep has said so already. */
export function isExpected(state: NlmFiles, owner: OwnerId, file: FileId, id: number, flagged: boolean): boolean {
  return (
    flagged ||
    (state.sweeps.length > 0 && (id < addressOf(state, owner).expectMark || id < fileSystemOf(state, file).expectMark))
  );
}
