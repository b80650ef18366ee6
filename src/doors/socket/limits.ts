/** The limits of the Unix socket's door. */

/** Of one request, a line; a longer one ends its connection. */
export const LINE_BYTES_MAX = 64 * 1024;
export const CONNECTIONS_MAX = 64;
/** Requests of one connection that are not answered yet. */
export const REQUESTS_IN_FLIGHT_MAX = 16;
/** Bytes written and not yet read by the peer; a watcher that falls further behind is cut off. */
export const BACKLOG_BYTES_MAX = 8 * 1024 * 1024;
