/** What a file handle format is: pure, one per kind of NFS server; the map of exports (map.ts) asks them in turn. */

import type { Bytes } from '../base/bytes.js';

/** Where a handle leads. */
export interface HandleParts {
  /**
   * The identity of the file by itself: unique over every file system of the configuration, and the same for each
   * handle of one file, so two exports of one tree are one file.
   */
  readonly key: Bytes;
  /** The stable name of the file system, as facts in events have it. */
  readonly fileSystem: string;
}

export interface HandleFormat {
  /** `undefined` where the handle is not of this format or not of this export. Never throws, whatever the bytes. */
  extract(fh: Bytes): HandleParts | undefined;
}

/** RFC 1813 section 2.4: an NFSv3 file handle has at most 64 bytes. */
export const HANDLE_BYTES_MAX = 64;
