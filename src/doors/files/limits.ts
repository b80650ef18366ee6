/** Limits of the control files, each with its reason. */

/** Of one write: what the kernel's own files take (SIMPLE_TRANSACTION_LIMIT - 1 for pages of 4096 bytes); beyond is EFBIG. */
export const ORDER_BYTES_MAX = 4087;

/** The least that FUSE knows: a longer write comes in parts, of which the first is already beyond ORDER_BYTES_MAX. */
export const WRITE_BYTES_MAX = 4096;

/** Of a read of `/dev/fuse`: well above FUSE_MIN_READ_BUFFER (8192) and a request of WRITE_BYTES_MAX. */
export const REQUEST_BYTES_MAX = 65_536;

/** Requests that wait for the node at once (beyond: EAGAIN), so that a crowd of callers cannot fill its memory. */
export const WAITING_MAX = 512;

/** Listings open at once (beyond: ENFILE): anybody may open them, and each may hold a page of text. */
export const LISTINGS_MAX = 256;

/** Rows of a listing that are fetched and formatted in one turn: other clients of the node wait that long at most. */
export const PAGE_ROWS = 250;

/** How long an interrupted order may still be answered as usual before its caller gets EINTR: a signal that a shell
 * receives by the way (SIGCHLD) should not hide the outcome; Ctrl-C should not wait for a ledger that is away. */
export const INTERRUPTED_MS_MAX = 1000;

/** How long a stop waits for orders under way, so that their callers hear the outcome. */
export const STOP_MS_MAX = 2000;

/** Of `mount`, `umount` and the look at a mount that was found. */
export const TOOL_MS_MAX = 5000;
