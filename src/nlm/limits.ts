/** The limits of the NLM types, from the .x files of X/Open XNFS chapter 10 and of Linux. Each in bytes. */

/** `LM_MAXSTRLEN`: `string caller_name<LM_MAXSTRLEN>`. */
export const CALLER_NAME_BYTES_MAX = 1024;
/** `MAXNETOBJ_SZ`: file handles, owner handles. */
export const NETOBJ_BYTES_MAX = 1024;
/**
 * A cookie is a netobj like any other and is taken and echoed up to its full size. Linux takes at most 32 bytes of
 * one (`NLM_MAXCOOKIELEN`): cookies of our own stay below that.
 */
export const COOKIE_BYTES_MAX = NETOBJ_BYTES_MAX;
/** `LM_MAXNAMELEN` of FREE_ALL's `notify` is LM_MAXSTRLEN + 1. */
export const NOTIFY_NAME_BYTES_MAX = 1025;
/** `SM_MAXSTRLEN` and `SM_PRIV_SIZE` of the local SM_NOTIFY. */
export const REBOOT_NAME_BYTES_MAX = 1024;
export const REBOOT_PRIVATE_BYTES = 16;
