/** Requests and replies of the administrative procedures, as schemas/admin.json describes them for every door. */

import type { GraceScope, Order } from '../core/command.js';
import type { GroupLife, TakeoverStep, Way } from '../core/life.js';
import type { MemberPort } from '../takeover/port.js';
import type { DroppedLock, Listener } from './port.js';

/** What every order may say. */
export interface OrderRequest {
  /** Makes a repeat harmless; without one, each request is a new command. */
  readonly commandId?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
  /** Refused where the node has another name, or a group another epoch. */
  readonly node?: string;
  readonly epoch?: number;
  /** Of the whole request but this, `actor` and `dryRun` (signing/statement.ts). */
  readonly signature?: RequestSignature;
}

export interface RequestSignature {
  /** A public nkey. */
  readonly key: string;
  /** When it was signed, milliseconds since 1970. */
  readonly time: number;
  /** Base64. */
  readonly signature: string;
}

export interface UnlockIpRequest extends OrderRequest {
  readonly address: string;
  /** Says what still pins this file system; without it, every one that was touched. */
  readonly fileSystem?: string;
  readonly reclaimable?: boolean;
}

export interface UnlockFsRequest extends OrderRequest {
  readonly path?: string;
  readonly fileSystem?: string;
  /** Takes a path whose file system no export serves. */
  readonly force?: boolean;
  /** The owners are expected to reclaim what goes, in a grace period to come; waiters stay. */
  readonly reclaimable?: boolean;
}

export interface UnlockClientRequest extends OrderRequest {
  readonly name?: string;
  readonly address?: string;
}

export interface UnlockLockRequest extends OrderRequest {
  readonly lock: number;
  readonly group?: string;
}

/** Of a server address, of a file system, or of everything. */
export interface GraceRequest extends Omit<OrderRequest, 'dryRun'> {
  readonly address?: string;
  readonly fileSystem?: string;
}

export interface GraceOpenRequest extends GraceRequest {
  readonly durationMs?: number;
  readonly policy?: 'strict' | 'lenient';
  readonly expect?: 'held' | 'none';
}

export interface GraceView {
  readonly group: string;
  readonly scope: 'all' | 'address' | 'file-system';
  readonly address?: string;
  readonly fileSystem?: string;
  readonly policy: 'strict' | 'lenient';
  /** Milliseconds since 1970. */
  readonly until: number;
  /** Whether it is over once nothing is expected any more. */
  readonly endsEarly: boolean;
  /** Locks and shares that are not reclaimed yet. */
  readonly expected: number;
}

export interface GraceReply {
  readonly node: string;
  readonly graces: readonly GraceView[];
  /** Who has yet to reclaim, over all graces; the first thousand. */
  readonly clients: readonly {
    readonly group: string;
    readonly client: string;
    readonly clientAddress: string;
    readonly expected: number;
  }[];
}

export interface LocksRequest {
  /** Server address: the one that the lock came in through. */
  readonly address?: string;
  readonly fileSystem?: string;
  readonly path?: string;
  readonly client?: string;
  readonly clientAddress?: string;
  /** Hex. */
  readonly handle?: string;
  readonly group?: string;
  readonly limit?: number;
  readonly cursor?: string;
  /** Looks for the path of each file, by its inode, on the mounted file system: slow. */
  readonly resolve?: boolean;
  /** Refused where the node has another name. */
  readonly node?: string;
}

export interface PurgeReportRequest {
  readonly group: string;
  readonly position: number;
  readonly cursor?: string;
  readonly limit?: number;
  /** Refused where the node has another name. */
  readonly node?: string;
}

export interface NotifyRequest extends Omit<OrderRequest, 'dryRun'> {
  /** Server address; left out with `all`. */
  readonly address?: string;
  readonly all?: boolean;
  /** Also clients that hold nothing there as far as is known. */
  readonly known?: boolean;
}

export interface NotifyReply {
  readonly node: string;
  readonly commandId: string;
  readonly addresses: readonly {
    readonly group: string;
    readonly address: string;
    /** The number that its clients are told. */
    readonly state: number;
    /** How many are told. */
    readonly clients: number;
  }[];
}

export interface NotifyStatusRequest {
  readonly address?: string;
  readonly limit?: number;
  readonly cursor?: string;
}

/** One client and what has become of its notice. Times are milliseconds since 1970. */
export interface NoticeRow {
  readonly group: string;
  /** The client's address, or the name of a host that a program of this host watched. */
  readonly client: string;
  /** Empty: this host itself. */
  readonly serverAddress: string;
  readonly state: number;
  readonly phase: 'waiting' | 'sent' | 'answered' | 'given-up';
  readonly begun: number;
  /** Copies since the node started. */
  readonly attempts: number;
  readonly problem?: string;
  readonly last?: number;
  readonly next?: number;
  readonly ended?: number;
}

/** An order that moves a group between nodes. */
export interface TakeoverRequest extends Omit<OrderRequest, 'dryRun'> {
  readonly group: string;
  /** Left out: as it was begun, else as the configuration says. */
  readonly way?: Way;
}

export interface ReleaseRequest extends TakeoverRequest {
  /** The file systems are given up and unmounted too. */
  readonly unmount?: boolean;
}

export interface TakeRequest extends TakeoverRequest {
  /** Also from an owner that has not released it: it is dead, or fenced from the file systems. */
  readonly force?: boolean;
  /** Its node is known to be dead, not only cut off: what it could still answer is not waited for. Includes `force`. */
  readonly dead?: boolean;
  /** Also where an archive out of reach may have acknowledged entries that are lost. */
  readonly acceptLoss?: boolean;
}

export interface GroupStatusRequest {
  readonly group?: string;
}

/** A group that moves between nodes, as the answering node knows it. Times are milliseconds since 1970. */
export type GroupLifeReply = {
  readonly group: string;
  readonly role: MemberPort['role'];
  readonly nodes: readonly string[];
  /** Entries that this node is behind; absent while the log is away. */
  readonly lag?: number;
} & (
  | { readonly isKnown: false }
  | {
      readonly isKnown: true;
      /** The owner, or the last one where it is released. */
      readonly owner: string;
      readonly from: string;
      readonly status: GroupLife['status'];
      readonly way: Way;
      readonly takeover: number;
      readonly epoch: number;
      readonly position: number;
      readonly lossAccepted: boolean;
      readonly since: number;
      /** What is under way on this node. */
      readonly running?: 'release' | 'take';
      readonly order: Order;
      /** Of the last takeover, the last try of each. */
      readonly steps: readonly TakeoverStep[];
      /** Since the last claim, and what is expected yet. */
      readonly reclaims: { readonly reclaimed: number; readonly missed: number; readonly expected: number };
    }
);

export type TakeoverReply = GroupLifeReply & { readonly node: string; readonly commandId: string };

export interface TraceRequest {
  readonly address: string;
  readonly on: boolean;
}

export type Status = 'serving' | 'grace' | 'degraded' | 'down';

/** Of a group: it may be another node's. */
export type GroupStatus = Status | 'standby';

export interface GroupReply {
  readonly name: string;
  readonly epoch: number;
  readonly position: number;
  readonly status: GroupStatus;
  readonly statusReason: string;
  readonly locks: number;
  readonly waiters: number;
}

export interface GroupsReply {
  readonly groups: readonly GroupReply[];
  /** Of those that the node shares with others; absent on a single node. */
  readonly shared?: readonly GroupLifeReply[];
}

export interface StatusReply {
  readonly node: string;
  readonly release: string;
  readonly pid: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly data: string;
  /** The worst of the groups. */
  readonly status: Status;
  readonly groups: readonly GroupReply[];
  readonly listeners: readonly Listener[];
  readonly connections: number;
  readonly clients: number;
  readonly notes: readonly string[];
  readonly registration: string;
  readonly unmappedCalls: number;
  readonly counters: Readonly<Record<string, number>>;
}

export interface GracesReply {
  /** Those that are open. */
  readonly graces: readonly {
    readonly group: string;
    readonly scope: GraceScope;
    /** Milliseconds since 1970. */
    readonly until: number;
  }[];
}

export interface LockRow {
  readonly kind: 'lock' | 'share' | 'waiter';
  readonly group: string;
  readonly lock: number;
  readonly client: string;
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: string;
  readonly fileSystem: string;
  readonly handle: string;
  readonly start: string;
  readonly end: string;
  readonly exclusive: boolean;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Of a share alone: what it denies and what it does, 0 none, 1 read, 2 write, 3 both; its range is the whole file. */
  readonly mode?: number;
  readonly access?: number;
  /** Only where the request asked to resolve, and a path was found. */
  readonly path?: string;
}

/** Whom a waiter stands behind. */
export interface Blocker {
  readonly lock: number;
  readonly client: string;
  readonly clientAddress: string;
  readonly svid: number;
  readonly exclusive: boolean;
  readonly start: string;
  readonly end: string;
}

export interface WaiterRow extends LockRow {
  readonly waitingMs: number;
  /** The first of the locks in its way, at most eight; empty where it is about to be granted. */
  readonly behind: readonly Blocker[];
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** For the next page; absent on the last. Locks that come and go between two pages may be in neither or both. */
  readonly cursor?: string;
}

export interface PurgeCounts {
  readonly locks: number;
  readonly waiters: number;
  readonly shares: number;
  /** Absent where the list is no longer kept, and in a dry run beyond the first page. */
  readonly files?: number;
}

export interface PurgedGroup {
  readonly group: string;
  readonly epoch: number;
  readonly position: number;
  readonly repeated: boolean;
  readonly counts: PurgeCounts;
  /** `kept`: the whole list can be paged; `truncated`: only its first rows; `gone`: of a command of long ago; `none`: dry run. */
  readonly list: 'kept' | 'truncated' | 'gone' | 'none';
  /** For `purge-report`, where the rows below are not all of this group's. */
  readonly cursor?: string;
}

/** What remains on a file system that an order touched. */
export interface Pin {
  readonly fileSystem: string;
  readonly locks: number;
  readonly waiters: number;
  readonly shares: number;
  /** The server addresses that they came in through. */
  readonly addresses: readonly string[];
}

export interface PurgeReply {
  readonly node: string;
  readonly commandId: string;
  readonly dryRun: boolean;
  readonly repeated: boolean;
  /** Over all groups. */
  readonly counts: PurgeCounts;
  readonly groups: readonly PurgedGroup[];
  /** The first rows, at most 1000. */
  readonly rows: readonly DroppedLock[];
  readonly pins: readonly Pin[];
}

export interface PurgeReportReply extends Page<DroppedLock> {
  readonly group: string;
  readonly position: number;
  readonly files: number;
  readonly truncated: boolean;
}
