/**
 * The life of a group that moves between nodes, in the projection: who owns it, how its last takeover went, step by
 * step. Changed by evolve-life.ts alone; each change makes a new object.
 *
 *   unclaimed ─┬─▶ claimed ──serve-group──▶ owned ──begin-release──▶ releasing ──finish-release──▶ released
 *   (a group   │      ▲                       ▲  └────────◀── abandon-release ───┘                    │
 *   that never │      └── claim-group, from any of them: a new epoch ◀────────────────────────────────┘
 *   moves)     └ grants like an owned one
 */

import type { Order } from './command.js';

/** Whether the locks stay in the ledger, or are dropped and reclaimed by their clients in a grace period. */
export type Way = 'carry' | 'reclaim';

export type GroupStatus = 'unclaimed' | 'claimed' | 'owned' | 'releasing' | 'released';

export type StepOutcome = 'done' | 'failed' | 'skipped';

/** The last try of a step of the last takeover. */
export interface TakeoverStep {
  readonly step: string;
  readonly node: string;
  readonly outcome: StepOutcome;
  readonly detail: string;
  readonly milliseconds: number;
  /** When it ended, milliseconds since 1970. */
  readonly time: number;
}

/** An order that moved the group, so that a late copy of it does not move it again (hazard 14). */
export interface LifeOrder {
  readonly commandId: string;
  readonly what: 'release' | 'claim' | 'abandon';
  readonly takeover: number;
}

export interface GroupLife {
  readonly status: GroupStatus;
  /** The owner; where it is released, the one that was. `''` before the first claim. */
  readonly node: string;
  /** The last owner before that served, `''` for none. */
  readonly from: string;
  /** Of the last claim, or of the release that has begun since. */
  readonly way: Way;
  /** Number of the takeover: a release begins it and the next claim ends it, or a claim alone is one. */
  readonly takeover: number;
  /**
   * The epoch before ended with `group-released`, or was this node's own: nobody can still answer under it, so the claim
   * need not wait before it serves (hazard 8).
   */
  readonly clean: boolean;
  /** The claim was made although an archive out of reach may have acknowledged entries. */
  readonly lossAccepted: boolean;
  /** What the file handles of the last node that served are made from, an export each. */
  readonly handles: readonly string[];
  /** The last claim's, release's or abandonment's. */
  readonly order: Order;
  /** Since when the status is what it is, milliseconds since 1970. */
  readonly since: number;
  /** Of the last takeover, in the order of their last try. */
  readonly steps: readonly TakeoverStep[];
  /** The last ones, oldest first. */
  readonly orders: readonly LifeOrder[];
}

export const UNCLAIMED: GroupLife = {
  status: 'unclaimed',
  node: '',
  from: '',
  way: 'carry',
  takeover: 0,
  clean: true,
  lossAccepted: false,
  handles: [],
  order: { commandId: '', actor: '', door: '', reason: '' },
  since: 0,
  steps: [],
  orders: [],
};

/** How many locks and shares were reclaimed, and missed at the end of a grace, since the last claim. */
export interface ReclaimCounts {
  readonly reclaimed: number;
  readonly missed: number;
}

/** Whether locks may be granted: not before the claim serves, and not from the beginning of a release on (hazard 12). */
export function grants({ status }: GroupLife): boolean {
  return status === 'unclaimed' || status === 'owned';
}
