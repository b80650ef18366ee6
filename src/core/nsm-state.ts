/** NSM states, compared as serial numbers of 32 bit (RFC 1982): neither a reinstalled nor a forged state locks out for ever. */

export function isNewerState(state: number, known: number): boolean {
  return ((state - known) | 0) > 0;
}

export function isOlderState(state: number, known: number): boolean {
  return ((state - known) | 0) < 0;
}

/**
 * Our own next state: odd, and new to whoever saw this address before, from whatever statd, since the time of day is in
 * it (hazard 7). `now` in milliseconds since 1970.
 */
export function nextServerState(last: number, now: number): number {
  return Math.max(last + 2, Math.floor(now / 1000) | 1) >>> 0;
}
