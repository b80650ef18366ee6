/** Events of a group's life. */

import type { Order } from './command.js';
import type { StepOutcome, Way } from './life.js';

/** The first event of an epoch. */
export interface GroupClaimed {
  readonly type: 'group-claimed';
  readonly node: string;
  readonly way: Way;
  /** The last owner before that served, `''` for none. */
  readonly from: string;
  readonly takeover: number;
  readonly lossAccepted: boolean;
  readonly order: Order;
}

/** Locks are granted from here on. */
export interface GroupServing {
  readonly type: 'group-serving';
  readonly takeover: number;
  readonly handles: readonly string[];
}

/**
 * No grants and no wakes from here on (hazard 12). In the reclaim way, a grace that is open ends with it: what is
 * expected stays so until the taker's grace ends.
 */
export interface GroupReleasing {
  readonly type: 'group-releasing';
  readonly way: Way;
  readonly takeover: number;
  readonly order: Order;
}

/** The last event of an epoch that ended well. */
export interface GroupReleased {
  readonly type: 'group-released';
  readonly way: Way;
  readonly takeover: number;
}

/** The owner goes on; nothing is granted until it serves again. */
export interface ReleaseAbandoned {
  readonly type: 'release-abandoned';
  /** `reclaim` where something was purged already. */
  readonly way: Way;
  readonly takeover: number;
  readonly order: Order;
}

export interface TakeoverStepEvent {
  readonly type: 'takeover-step';
  readonly takeover: number;
  readonly node: string;
  readonly step: string;
  readonly outcome: StepOutcome;
  /** What was done or skipped, or why it failed; of a hook, what it said. */
  readonly detail: string;
  readonly milliseconds: number;
}

export type LifeEvent =
  GroupClaimed | GroupServing | GroupReleasing | GroupReleased | ReleaseAbandoned | TakeoverStepEvent;
