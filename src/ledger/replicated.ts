/**
 * The replicated log of one group, as one node has it: a stream that the nodes share, and this node's own archive of
 * it, a file ledger in which every entry is synced. Beside the port of a single ledger; the owner's appends go through
 * the `Ledger` that a claim gives.
 *
 * The archive never holds an entry that the stream (or, after the stream was rolled back, another archive) contradicts:
 * a suffix that lost the race to a claim is kept aside and cut, and the observer is told to fold anew.
 */

import type { CheckpointStore, Entry, Head, Ledger, Position } from './port.js';

/** Sees what others append. Called in order, never concurrently; must not throw. */
export interface LogObserver {
  /** The next entries; they are synced in this node's archive. */
  onEntries(entries: readonly Entry[]): void;
  /** What stood above `position` was superseded and is kept aside: whoever folded it folds anew from the archive. */
  onRewound(position: Position): void;
  /** The stream cannot be followed now (its cause), or can again (undefined). It is tried again by itself. */
  onAway(cause: Error | undefined): void;
}

export interface ClaimOptions {
  /** Claims although the last owner's head is not known after a rollback (hazard 11); recorded by the claim. */
  readonly acceptLoss: boolean;
  /**
   * Automatic takeover is on: an entry counts once the owner and one follower have it, so a claim needs the heads of all
   * but one of the nodes that archive the group.
   */
  readonly quorum: boolean;
  /** A node that is known to be dead: its head is not waited for. */
  readonly dead?: string | undefined;
}

/** The newest forms that a release reads: of an entry, and of the events in it. */
export interface FormatVersions {
  readonly entry: number;
  readonly event: number;
}

/** What a claim found before it appended anything. */
export interface ClaimReport {
  /** Heads of the archives that answered, by node, this one's among them. */
  readonly heads: readonly { readonly node: string; readonly position: Position; readonly epoch: number }[];
  /** What every node that answered reads: an owner writes no newer form. */
  readonly reads: FormatVersions;
  /** Entries that the stream had lost and an archive brought back. */
  readonly republished: number;
  /** True where entries may be missing that an archive out of reach has. */
  readonly lossAccepted: boolean;
}

export interface Claimed {
  /**
   * Appends to the stream, fenced by its whole-stream sequence, and to the archive in parallel; durable once both are.
   * Its first entry, of the next epoch, is the claim: `fenced` means that another node was first. An append whose end
   * is not known is repeated by the ledger itself; it resolves late, not `unknown`, while the stream is away.
   * Closing it gives the group up: following may begin again.
   */
  readonly ledger: Ledger;
  readonly report: ClaimReport;
  /** What every node reads that answered the claim, or has told since that it archives: nodes are upgraded one by one. */
  reads(): FormatVersions;
  /** Calls `listener` once, as soon as an entry of a higher epoch is seen, while the ledger is open. */
  onSuperseded(listener: (epoch: number) => void): void;
}

export interface ReplicationStatus {
  readonly stream: string;
  readonly connected: boolean;
  /** Of the archive. */
  readonly position: Position;
  /** Entries that the stream has and the archive has not; undefined while the stream is away. */
  readonly lag: number | undefined;
  /** What was set aside for people to look at: forks, reported loudly; each with its folder. */
  readonly forks: readonly string[];
}

export interface ReplicatedLog {
  readonly group: string;
  /** Of this node's archive. */
  head(): Head;
  /** From the archive, up to its head at the time of the call. */
  read(from: Position): AsyncIterable<readonly Entry[]>;
  readonly checkpoints: CheckpointStore;
  /** Archives what others append, and hands it on, until `stopFollowing`. */
  follow(observer: LogObserver): void;
  /** Resolves once the archive has what the stream had at the time of the call. Rejects `unavailable` after `msMax`. */
  caughtUp(msMax: number): Promise<Head>;
  stopFollowing(): Promise<void>;
  /**
   * Stops following, catches up, compares the heads of all archives, and publishes a suffix that the stream lost. What
   * it archives and rewinds meanwhile it hands to the observer as before; nothing after it has ended. Where it throws,
   * nothing was claimed, and following may begin again.
   * @throws LedgerError `unavailable` (the stream is away), `refused` (a fork, or heads that would have to be known)
   */
  claim(options: ClaimOptions): Promise<Claimed>;
  status(): ReplicationStatus;
  close(): Promise<void>;
}
