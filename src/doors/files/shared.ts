/** What the reading thread and the node share: the descriptor's number and two counters. */

export interface ReaderData {
  /** Of `/dev/fuse`; descriptors belong to the process, so both threads use it. */
  readonly fd: number;
  readonly shared: Int32Array;
  /** Seconds since 1970. */
  readonly time: number;
}

/** Requests handed to the node and not answered yet: the reader adds, the node takes away. */
export const WAITING = 0;
/** Not 0: the mount did not come about. */
export const STOP = 1;
