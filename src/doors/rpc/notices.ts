/** How many SM_NOTIFY and FREE_ALL calls are looked at: the two that are recorded even where they are refused. */

import type { RateLimits } from '../../base/rate.js';

/**
 * A client sends one at a boot and repeats it until it is answered; what is refused is recorded, and a stranger must
 * not fill the ledger. What is beyond is dropped unanswered.
 */
export const NOTICES: RateLimits = { periodMs: 60_000, perKeyMax: 10, totalMax: 600 };
