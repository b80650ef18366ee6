/** The limits of a takeover, each with its reason. */

/** Two clocks that run at different speed, and the way of an entry to its followers. */
export const CLAIM_MARGIN_MS = 200;
/** A release reaches those who follow within this, or the order to take is refused. */
export const RELEASE_SEEN_MS_MAX = 2000;
/** A node that is ordered to take a group from its owner gets level with the log within this; less than an election of JetStream lasts. */
export const OWNER_SEEN_MS_MAX = 2000;
/** Addresses come up at once; duplicate address detection of IPv6 takes two seconds. */
export const DOOR_MS_MAX = 10_000;
/** How often the end of a grace is looked for: it is only told about. */
export const RECLAIMS_LOOK_MS = 200;
/** How often a starter looks: a part of the pause of a planned takeover. */
export const LOOK_MS = 50;
/** Between two standbys in their order: more than a claim takes to be seen by the others. */
export const STAGGER_MS = 1000;
/** After a take that stopped: a hook that failed may be mended meanwhile. */
export const RETRY_MS = 5000;
/** Who stands by asks so often whether the owner is there, within the time in which it must not be gone. */
export const ASKS_IN_GONE = 5;
/** The owner says so often that it is alive, within the silence that is allowed: some may be lost. */
export const WORDS_IN_SILENCE = 5;
/** Clients' connections that a hook is told of: an environment variable of Linux ends at 128 KiB. */
export const CALLERS_MAX = 2000;
