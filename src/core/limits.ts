/** The limits that hold until `rules-set` says otherwise, each with its reason. */

import type { Rules } from './command.js';

export const DEFAULT_RULES: Rules = {
  version: 1,
  // About 1.5 GB of projection.
  locksMax: 10_000_000,
  // A client with a million locks is absurd, and possible.
  locksPerClientMax: 1_000_000,
  waitersMax: 200_000,
  waitersPerFileMax: 100_000,
  // Each SHARE looks at all of them: some ten microseconds.
  sharesPerFileMax: 4096,
  // A millisecond or two.
  deadlockStepsMax: 10_000,
  // A client retransmits for about a minute. Of LOCK calls as many more.
  repliesMax: 100_000,
  replyAgeMsMax: 300_000,
  commandsMax: 10_000,
  commandAgeMsMax: 7 * 86_400_000,
  // What comes back soon keeps its id; together about 100 MB.
  idleFilesMax: 200_000,
  idleOwnersMax: 200_000,
  idleClientsMax: 10_000,
};

/** Grants of one wake step: below a millisecond. The engine takes as many steps as its turn has room for. */
export const WAKE_GRANTS_MAX = 64;
/** Waiters looked at in one wake step: well below a millisecond. */
export const WAKE_STEPS_MAX = 4096;
/** Locks of one `miss` step: an entry stays far below a megabyte. */
export const MISSES_MAX = 256;
/** Locks that one step of an UNLOCK takes: about five milliseconds, then the others have their turn. */
export const UNLOCK_STEP_MAX = 1024;
/** Locks of its owner that one LOCK may replace: at once, since a lock is granted whole or not; about ten milliseconds. */
export const LOCK_REPLACES_MAX = 2048;
/** Waiters of one owner, a process: each of its calls looks at all of them. */
export const WAITERS_PER_OWNER_MAX = 1024;
/** Refusals of one kind and client that are told one by one in an hour: as many as a busy client has locks in doubt. */
export const REFUSALS_RECORDED_MAX = 1000;
export const REFUSAL_WINDOW_MS = 3_600_000;
/** The rest is counted, and told so often. */
export const REFUSAL_SUM_MS = 60_000;
/** Kinds and clients that are counted apart, the others together: some 40 MB of ledger an hour at the very worst. */
export const REFUSAL_SOURCES_MAX = 256;
/** Expected locks that one reclaim takes the place of: an entry stays far below a megabyte. */
export const RECLAIM_YIELDS_MAX = 256;
/** Rows looked at in one `miss` step: about a millisecond. */
export const MISS_STEPS_MAX = 16_384;
/** Waiters looked at for one newcomer in a wake window. */
export const WINDOW_STEPS_MAX = 1024;
/** Acknowledged grants that a CANCEL still undoes: it was sent before the answer, so it comes within moments. */
export const UNDOABLE_MAX = 10_000;
/** Characters of the detail of one step of a takeover: some lines of what a hook said. */
export const STEP_DETAIL_MAX = 4096;
/** Orders to claim or release that are remembered, with their command ids: those of some years. */
export const LIFE_ORDERS_MAX = 256;
/** Hosts that programs of this host watch: a Linux client watches each of its servers once. */
export const MONITORS_MAX = 4096;
/** Clients that the host's statd watches for us; the oldest is asked for anew at its next lock. */
export const MONITORED_CLIENTS_MAX = 100_000;
/** Names forgotten of each kind in one event. */
export const FORGET_MAX = 512;
/** Nodes of a conflict search while dead locks are being swept; past it the command waits for the sweep. */
export const SWEEPING_SEARCH_MAX = 2048;
/** Handles of one file (one an export) that are kept apart. */
export const HANDLES_MAX = 65_535;
/** Replies that age takes out at once. */
export const EXPIRED_REPLIES_MAX = 64;
