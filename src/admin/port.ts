/**
 * What the administrative procedures may ask of the node. Every door (Unix socket, NATS, control files) hands them
 * its requests in the same form; `compose` implements this port.
 */

import type { Command } from '../core/command.js';
import type { Notice } from '../core/nsm.js';
import type { NlmFiles } from '../core/state.js';
import type { Settled } from '../engine/settled.js';
import type { NoticeProgress } from '../effects/sm-notify/progress.js';
import type { Position } from '../ledger/port.js';
import type { GroupTakeover } from '../takeover/group-takeover.js';
import type { MemberPort } from '../takeover/port.js';
import type { SigningRules } from './signed.js';

export interface GroupView {
  readonly name: string;
  readonly epoch: number;
  /** Last durable position. */
  readonly position: Position;
  /**
   * `serving`; `grace` while a scope of it is in grace; `degraded`: only releases are taken; `standby`: it is owned by
   * another node, or by none; `down`: being recovered.
   */
  readonly status: 'serving' | 'grace' | 'degraded' | 'standby' | 'down';
  readonly statusReason: string;
  /** For queries alone; undefined while the group is down. */
  readonly state: NlmFiles | undefined;
  /** The server addresses that move with it; undefined where the group has all of the node. */
  readonly addresses?: readonly string[];
  /** The group of the host's own affairs on a node of a cluster: it has no locks. */
  readonly isLocal: boolean;
}

export interface DroppedLock {
  readonly kind: 'lock' | 'waiter' | 'share';
  readonly lock: number;
  readonly client: string;
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: string;
  readonly fileSystem: string;
  /** Hex. */
  readonly handle: string;
  /** Decimal digits; `end` is `"eof"` at 2^64-1. */
  readonly start: string;
  readonly end: string;
  readonly exclusive: boolean;
  /** Of a share: what it denies and what it does, 0 none, 1 read, 2 write, 3 both; its range is the whole file. */
  readonly mode?: number;
  readonly access?: number;
}

export interface RowList {
  readonly length: number;
  slice(start: number, end?: number): DroppedLock[];
}

/** The list of a purge, collected as its rows are swept; kept for a while, in full up to a limit. */
export interface PurgeReport {
  readonly group: string;
  /** Undefined while the sweep goes on: then there are more rows to come, too. */
  readonly files: number | undefined;
  /** Of all rows so far. */
  readonly fileSystems: ReadonlySet<string>;
  /** Made on demand: an array, or what slices like one. */
  readonly rows: RowList;
  /** Rows beyond the limit are counted and not kept: `audit purge` derives them by replay. */
  readonly truncated: boolean;
}

export interface Listener {
  readonly address: string;
  /** False while the address is not on this host: it is waited for. */
  readonly present: boolean;
  readonly nlmPort: number;
  readonly nsmPort: number | undefined;
  readonly problem: string | undefined;
}

export interface NodeView {
  readonly name: string;
  readonly release: string;
  readonly pid: number;
  readonly startedAt: number;
  readonly data: string;
  readonly listeners: readonly Listener[];
  readonly connections: number;
  readonly clients: number;
  /** What is off, and why; what to look at. */
  readonly notes: readonly string[];
  readonly registration: string;
  /** Calls on handles that no export maps, since the start. */
  readonly unmappedCalls: number;
  readonly counters: Readonly<Record<string, number>>;
}

/** One thing that happened, for `watch`: durable already. */
export interface WatchedEvent {
  readonly group: string;
  readonly position: Position;
  readonly time: number;
  /** The event with names in place of ids, ready for JSON. */
  readonly event: Readonly<Record<string, unknown>> & { readonly type: string };
}

/** What became durable at once. Its events are described as they are taken: soon, since names may be forgotten. */
export interface WatchedBatch {
  readonly count: number;
  /** From one on; the first is 0. */
  events(from?: number): Iterable<WatchedEvent>;
}

/** One group that moves between nodes, as this node has it, and the orders that move it. */
export type TakeoverView = Pick<GroupTakeover, 'group' | 'running' | 'release' | 'take'> & {
  readonly port: Pick<MemberPort, 'role' | 'state' | 'lag'>;
};

export interface AdminPort {
  /** Which orders have to be signed, and whose signatures count; undefined where nothing is configured. */
  readonly signing?: SigningRules | undefined;
  node(): NodeView;
  groups(): readonly GroupView[];
  /** Submits to one owned group, and waits until it is durable. */
  submit(group: string, command: Command): Promise<Settled>;
  /** The file system of a path, as the configuration and the mount table have it. Throws `path-not-found`, `path-not-served`. */
  fileSystemOfPath(
    path: string,
    options: { readonly force: boolean },
  ): Promise<{ readonly fileSystem: string; readonly mountPoint: string }>;
  /** Path of a file by its handle, on the mounted file system; undefined where none is found in time. */
  pathOfHandle(fileSystem: string, handle: string): Promise<string | undefined>;
  /**
   * What the purge at `position` dropped; waits until its sweep has come to the first `rows`, or has ended. Undefined once it
   * has been dropped from memory.
   */
  purgeReport(group: string, position: Position, rows: number): Promise<PurgeReport | undefined>;
  /** Of the groups that this node shares with others. */
  takeovers(): readonly TakeoverView[];
  watch(listener: (event: WatchedEvent) => void): { close(): void };
  watchBatches(listener: (batch: WatchedBatch) => void): { close(): void };
  noticeProgress(notice: Notice): NoticeProgress;
  /** Traces one client's calls in the log (`undefined` ends it). */
  trace(address: string, on: boolean): void;
}
