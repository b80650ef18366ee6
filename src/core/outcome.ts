/** Outcomes: what `decide` answers. A "no" that the protocol foresees is data; each door maps it to its own words. */

import type { Bytes } from '../base/bytes.js';
import type { LockId, Selector } from './command.js';
import type { Range } from './range.js';

export interface Holder {
  readonly exclusive: boolean;
  readonly svid: number;
  readonly oh: Bytes;
  readonly range: Range;
}

export interface Counts {
  readonly locks: number;
  readonly waiters: number;
  readonly shares: number;
  /** Of the locks, those that their owners were only expected to reclaim; absent for none. */
  readonly expected?: number;
  /** The same of the shares. */
  readonly expectedShares?: number;
}

/** Counts as they are recorded: what is 0 of the expected is left out. */
export function countsWith(held: Counts, expected: number, expectedShares: number): Counts {
  return {
    ...held,
    ...(expected === 0 ? {} : { expected }),
    ...(expectedShares === 0 ? {} : { expectedShares }),
  };
}

export type NlmOutcome =
  | { readonly type: 'granted' }
  | { readonly type: 'denied'; readonly holder?: Holder }
  | { readonly type: 'denied-no-locks'; readonly why: string }
  | { readonly type: 'blocked' }
  | { readonly type: 'denied-grace-period' }
  | { readonly type: 'deadlock' }
  /** The group of the file is not owned here: its file systems are at another node. */
  | { readonly type: 'not-here' }
  /** Nothing is answered: a call of an older incarnation of the client (hazard 7). */
  | { readonly type: 'silence' };

export type AdminOutcome =
  | {
      readonly type: 'purged';
      readonly selector: Selector;
      readonly counts: Counts;
      readonly dryRun: boolean;
      /** True where this command id had been carried out before: `position` is that of then. */
      readonly repeated: boolean;
      /** Where the purge stands in the ledger, for a repeated command; otherwise the position of this batch. */
      readonly position?: number;
    }
  | { readonly type: 'not-found'; readonly what: string }
  | { readonly type: 'refused'; readonly why: string };

export type InternalOutcome =
  /** A notice that counted: what the client held before is given up. */
  | { readonly type: 'rebooted' }
  /** Done; `more` asks the engine to submit the same command again (bounded steps). */
  | { readonly type: 'done'; readonly more: boolean; readonly lock?: LockId }
  /** Our NSM state at a server address, to be announced. */
  | { readonly type: 'server-state'; readonly state: number };

/**
 * Nothing is decided yet: apply the events, sweep until it is done where a sweep is under way, and ask again with the
 * same command.
 */
export interface AgainOutcome {
  readonly type: 'again';
}

export type Outcome = NlmOutcome | AdminOutcome | InternalOutcome | AgainOutcome;
