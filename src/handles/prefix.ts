/** Handle formats of servers whose handles are not known in detail: a fixed prefix under a mask, and the catch-all. */

import { bytesFrom, bytesFromHex, type Bytes } from '../base/bytes.js';
import type { HandleFormat } from './format.js';

/**
 * Matches where the handle's first bytes, under the mask, are the prefix's. The key is the whole handle; with
 * `keyFrom` it is the rest from that offset on, behind the file system's name, which keeps it unique among file systems.
 */
export function prefixFormat(options: {
  readonly fileSystem: string;
  /** Hex. */
  readonly prefix: string;
  /** Hex, as long as the prefix; without it every bit counts. */
  readonly mask?: string | undefined;
  /** Offset in bytes. */
  readonly keyFrom?: number | undefined;
}): HandleFormat {
  const { fileSystem, keyFrom } = options;
  const prefix = bytesFromHex(options.prefix);
  const mask = options.mask === undefined ? undefined : bytesFromHex(options.mask);
  const keyHead: Bytes = bytesFrom(Buffer.from(`${fileSystem}\0`, 'utf8'));
  return {
    extract(fh) {
      if (fh.length < prefix.length) return undefined;
      for (let i = 0; i < prefix.length; i++) {
        const bits = mask === undefined ? 0xff : mask.charCodeAt(i);
        if (((fh.charCodeAt(i) ^ prefix.charCodeAt(i)) & bits) !== 0) return undefined;
      }
      if (keyFrom === undefined) return { key: fh, fileSystem };
      if (fh.length <= keyFrom) return undefined;
      return { key: (keyHead + fh.slice(keyFrom)) as Bytes, fileSystem }; // bytes behind bytes are bytes
    },
  };
}

/** Matches every handle; the key is the whole handle. */
export function anyFormat(fileSystem: string): HandleFormat {
  return { extract: (fh) => ({ key: fh, fileSystem }) };
}
