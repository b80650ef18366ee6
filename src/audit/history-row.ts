/** One thing that happened, with names: what `audit history` prints. */

import type { Blocker } from '../admin/messages.js';
import type { Position } from '../ledger/port.js';
import type { LockNames } from './names.js';
import type { Cause } from './orders.js';

export type What =
  | 'granted'
  | 'released'
  | 'waits'
  | 'granted-after-wait'
  | 'wait-ended'
  | 'acknowledged'
  | 'grant-undone'
  | 'dropped'
  | 'expected'
  | 'waits-again'
  | 'missed'
  | 'reclaim-refused'
  | 'reclaim-conflict'
  | 'purged'
  | 'rebooted'
  | 'freed-all'
  | 'call-refused'
  | 'grace-opened'
  | 'grace-ended'
  | 'node-started'
  | 'rules-set'
  | 'group'
  | 'event'
  | 'ignored';

export interface HistoryRow extends Partial<LockNames> {
  readonly group: string;
  readonly position: Position;
  /** Of the event in its entry, from 0. */
  readonly index: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly epoch: number;
  readonly node: string;
  readonly what: What;
  readonly kind?: 'lock' | 'waiter' | 'share';
  /** Number of the lock, waiter or share. */
  readonly lock?: number;
  /** Of a share: what is denied, and what its owner does. */
  readonly mode?: number;
  readonly access?: number;
  readonly reclaim?: boolean;
  readonly heldMs?: number;
  readonly waitedMs?: number;
  /** Whom it stood behind when it began to wait. */
  readonly behind?: readonly Blocker[];
  /** Why it was lost, where its owner did not give it back. */
  readonly cause?: Cause;
  /** Of what has no other field: in words. */
  readonly detail?: string;
}

/** Of what was lost: it ended otherwise than by its owner's will. */
export function isLoss({ what, cause }: HistoryRow): boolean {
  return (
    what === 'missed' ||
    what === 'reclaim-refused' ||
    ((what === 'dropped' || what === 'expected') && cause?.type !== 'free-all')
  );
}
