/** The outcomes of the core as statuses of NLM: the one table, on the way out of the line. */

import type { Holder, Outcome } from '../core/outcome.js';
import { equalU64, incrementU64, U64_MAX, U64_ZERO, type U64 } from '../base/u64.js';
import type { Range } from '../core/range.js';
import {
  NLM4_BLOCKED,
  NLM4_DEADLCK,
  NLM4_DENIED,
  NLM4_DENIED_GRACE_PERIOD,
  NLM4_DENIED_NOLOCKS,
  NLM4_FAILED,
  NLM4_GRANTED,
  NLM4_STALE_FH,
  type NlmStatus,
} from './status.js';
import type { NlmHolder, NlmTestReply } from './types.js';

/** What a request of NLM ends with: an outcome, or a status that its arguments alone called for. */
export type NlmReply = Outcome | { readonly type: 'status'; readonly status: NlmStatus };

export function statusOf(reply: NlmReply): NlmStatus {
  switch (reply.type) {
    case 'status':
      return reply.status;
    case 'granted':
      return NLM4_GRANTED;
    case 'denied':
      return NLM4_DENIED;
    case 'denied-no-locks':
      return NLM4_DENIED_NOLOCKS;
    case 'blocked':
      return NLM4_BLOCKED;
    case 'denied-grace-period':
      return NLM4_DENIED_GRACE_PERIOD;
    case 'deadlock':
      return NLM4_DEADLCK;
    case 'not-here':
      return NLM4_STALE_FH;
    default:
      return NLM4_FAILED;
  }
}

export function testReplyOf(reply: NlmReply): NlmTestReply {
  if (reply.type === 'denied' && reply.holder !== undefined) {
    return { stat: NLM4_DENIED, holder: holderOf(reply.holder) };
  }
  const stat = statusOf(reply);
  // DENIED without its holder has no form on the wire, and TEST knows no deadlock.
  return { stat: stat === NLM4_DENIED || stat === NLM4_DEADLCK ? NLM4_FAILED : stat };
}

function holderOf(holder: Holder): NlmHolder {
  const { exclusive, svid, oh, range } = holder;
  return { exclusive, svid, oh, l_offset: range.start, l_len: lengthOf(range) };
}

/** `l_len` of a range; 0 to the end of the file. */
function lengthOf(range: Range): U64 {
  const { start, end } = range;
  if (equalU64(end, U64_MAX)) return U64_ZERO;
  const borrow = end.low < start.low ? 1 : 0;
  return incrementU64({ high: end.high - start.high - borrow, low: (end.low - start.low) >>> 0 });
}
