/** The statuses of NLM and how version 4 becomes version 1 and 3. The outcome of every lock request ends here. */

/** `nlm4_stats`. 0 to 4 are `nlm_stats` of versions 1 and 3 too. */
export const NLM4_GRANTED = 0;
export const NLM4_DENIED = 1;
export const NLM4_DENIED_NOLOCKS = 2;
export const NLM4_BLOCKED = 3;
export const NLM4_DENIED_GRACE_PERIOD = 4;
export const NLM4_DEADLCK = 5;
// 6, ROFS: what an export allows is the NFS server's to say.
export const NLM4_STALE_FH = 7;
export const NLM4_FBIG = 8;
export const NLM4_FAILED = 9;

export type NlmStatus = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

export const NLM4_STATUS_LAST = NLM4_FAILED;
/** FreeBSD and illumos answer 5 (deadlock) in versions 1 and 3 as well: taken from others, never sent. */
export const NLM_STATUS_LAST = NLM4_DEADLCK;

/** What version 1 or 3 says in the place of each status of version 4, as Linux does. */
const NARROW: readonly NlmStatus[] = [
  NLM4_GRANTED,
  NLM4_DENIED,
  NLM4_DENIED_NOLOCKS,
  NLM4_BLOCKED,
  NLM4_DENIED_GRACE_PERIOD,
  NLM4_DENIED, // DEADLCK
  NLM4_DENIED_NOLOCKS, // ROFS
  NLM4_DENIED_NOLOCKS, // STALE_FH
  NLM4_DENIED_NOLOCKS, // FBIG
  NLM4_DENIED_NOLOCKS, // FAILED
];

export function narrowStatus(status: NlmStatus): NlmStatus {
  return NARROW[status] ?? NLM4_DENIED_NOLOCKS;
}
