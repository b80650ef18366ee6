/** How a submitted command ends: the answer and where it stands, or no answer at all. */

import type { LedgerError } from '../base/errors.js';
import type { Outcome } from '../core/outcome.js';
import type { Position } from '../ledger/port.js';

/** Everything that the outcome depends on is durable; `position` is the last entry that it depends on. */
export interface Answer {
  readonly type: 'answer';
  readonly outcome: Outcome;
  readonly position: Position;
}

export type Settled =
  | Answer
  /** The ledger failed before it was durable: an NLM client is not answered (it asks again), an operator is told why. */
  | { readonly type: 'withheld'; readonly cause: LedgerError };

export type Settle = (settled: Settled) => void;
