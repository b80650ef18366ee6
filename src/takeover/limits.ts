/** The limits of a takeover, each with its reason. */

/** An owner answers for so long, from the sending of its last acknowledged append, without a new one (hazard 8). */
export const CLAIM_MS = 1000;
/** Two clocks that run at different speed, and the way of an entry to its followers. */
export const CLAIM_MARGIN_MS = 200;
/** Addresses come up at once; duplicate address detection of IPv6 takes two seconds. */
export const DOOR_MS_MAX = 10_000;
/** How often the end of a grace is looked for: it is only told about. */
export const RECLAIMS_LOOK_MS = 200;
