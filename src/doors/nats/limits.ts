/** The limits of the door on the bus. */

/** Of one request; every request of ours is far below. */
export const REQUEST_BYTES_MAX = 64 * 1024;
/** Requests that are not answered yet, over all subjects. */
export const REQUESTS_IN_FLIGHT_MAX = 64;
/** Events that the server has not confirmed; beyond it events are dropped and counted, and nobody waits. */
export const EVENT_BYTES_UNCONFIRMED_MAX = 4 * 1024 * 1024;
/** Events that wait for a look whether anybody listens; beyond it they are dropped and counted. */
export const EVENTS_HELD_MAX = 64 * 1024;
/** Between two such looks. A subscriber's first event may come as much later. */
export const LISTENERS_LOOK_MS = 25;
/** The part of the server's largest message that the rows of one answer may take. */
export const ROWS_SHARE = 0.5;
/** A start never waits longer for NATS. */
export const START_MS_MAX = 1000;
/** At the end, for requests that are not answered yet. */
export const ANSWER_MS_MAX = 5000;
/** At the end, for the server to confirm that no further request comes; a frozen one never does. */
export const STOP_MS_MAX = 1000;
