/**
 * May this entry stand next? One rule for every ledger that decides by itself (memory, file), before it writes.
 */

import { LedgerError } from '../base/errors.js';
import { equalBytes } from './chain.js';
import { readEnvelope } from './envelope.js';
import type { AppendOutcome, Head, Position, SealedEntry } from './port.js';

export type Admission =
  /** It continues the chain: this is the head once it is durable. */
  { readonly type: 'next'; readonly head: Head } | { readonly type: 'ended'; readonly outcome: AppendOutcome };

/** `hashAt` gives the hash of the entry that stands at a position from 1 to the head. */
export async function admit(
  head: Head,
  entry: SealedEntry,
  hashAt: (position: Position) => Promise<Uint8Array>,
  isCopy = false,
): Promise<Admission> {
  return admitNext(head, entry, isCopy) ?? { type: 'ended', outcome: await repeated(head, entry, hashAt) };
}

/**
 * The quick part, without a promise: `undefined` where the entry is at or below the head. A copy stands in another log
 * already: a lower epoch is no reason to refuse it, evolve ignores such an entry (hazard 10).
 */
export function admitNext(head: Head, entry: SealedEntry, isCopy = false): Admission | undefined {
  if (entry.position > head.position + 1) return ended({ type: 'behind', head: head.position });
  if (entry.position <= head.position) return undefined;
  if (entry.epoch < head.epoch && !isCopy) return ended({ type: 'fenced', epoch: head.epoch });
  const envelope = readEnvelope(entry.bytes);
  if (envelope.position !== entry.position || envelope.epoch !== entry.epoch) {
    throw new LedgerError('damaged', `the entry for position ${entry.position} says position ${envelope.position}`);
  }
  // The same position after a different past: another entry stands below.
  if (!equalBytes(envelope.previous, head.hash)) return ended({ type: 'fenced', epoch: head.epoch });
  return {
    type: 'next',
    head: {
      position: entry.position,
      epoch: Math.max(entry.epoch, head.epoch),
      time: Math.max(envelope.time, head.time),
      hash: entry.hash,
    },
  };
}

/** The same bytes again (after `unknown`) are durable already; any other entry was beaten to its position. */
async function repeated(
  head: Head,
  entry: SealedEntry,
  hashAt: (position: Position) => Promise<Uint8Array>,
): Promise<AppendOutcome> {
  if (entry.position < 1) throw new LedgerError('damaged', `an entry for position ${entry.position}`);
  const stands = entry.position === head.position ? head.hash : await hashAt(entry.position);
  return equalBytes(stands, entry.hash) ? { type: 'durable' } : { type: 'fenced', epoch: head.epoch };
}

function ended(outcome: AppendOutcome): Admission {
  return { type: 'ended', outcome };
}
