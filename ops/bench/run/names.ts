/** The servers of the rounds by name. */

export const NODE = 'nlm-ledger';
/** The server that does nothing. */
export const IDLE = 'idle';
export const GANESHA = 'ganesha';
