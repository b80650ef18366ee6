/**
 * Whether two events say the same, for the fold that asks the rules (fold.ts). The kinds that nearly all of a ledger is
 * made of are compared field by field, the others with what works for any value.
 */

import { isDeepStrictEqual } from 'node:util';
import { equalU64 } from '../../../base/u64.js';
import type { CallIdentity } from '../../../core/command.js';
import type { Event } from '../../../core/event.js';
import { equalRange } from '../../../core/range.js';

export function sameEvent(a: Event, b: Event): boolean {
  if (a.type !== b.type) return false;
  if (a.type === 'lock-granted' && b.type === 'lock-granted') {
    return (
      a.owner === b.owner &&
      a.file === b.file &&
      equalRange(a.range, b.range) &&
      a.exclusive === b.exclusive &&
      a.reclaim === b.reclaim &&
      a.monitored === b.monitored &&
      sameCall(a.call, b.call) &&
      a.handle === b.handle
    );
  }
  if (a.type === 'lock-released' && b.type === 'lock-released') {
    return a.owner === b.owner && a.file === b.file && equalRange(a.range, b.range) && sameCall(a.call, b.call);
  }
  if (a.type === 'waiter-queued' && b.type === 'waiter-queued') {
    return (
      a.owner === b.owner &&
      a.file === b.file &&
      equalRange(a.range, b.range) &&
      equalU64(a.length, b.length) &&
      a.exclusive === b.exclusive &&
      a.callback === b.callback &&
      sameCall(a.call, b.call) &&
      a.handle === b.handle
    );
  }
  return isDeepStrictEqual(a, b);
}

function sameCall(a: CallIdentity, b: CallIdentity): boolean {
  return a.port === b.port && a.xid === b.xid && a.digest === b.digest;
}
