/**
 * The owners that calls name: one object for all calls of the same one, so that the state need not search for it each
 * time. Nothing depends on what is kept.
 */

import type { Bytes } from '../base/bytes.js';
import { Recent } from '../base/recent.js';
import type { OwnerName } from '../core/command.js';

/** In each of the two halves; some 200 bytes each. */
const OWNERS_MAX = 4096;

export class Owners {
  /** By oh, which clients make different for each of their owners. */
  readonly #recent = new Recent<Bytes, OwnerName>(OWNERS_MAX);

  of(client: Bytes, address: string, serverAddress: string, svid: number, oh: Bytes): OwnerName {
    const known = this.#recent.get(oh);
    if (
      known !== undefined &&
      known.svid === svid &&
      known.client.name === client &&
      known.client.address === address &&
      known.serverAddress === serverAddress
    ) {
      return known;
    }
    const owner: OwnerName = { client: { name: client, address }, serverAddress, svid, oh, found: 0 };
    this.#recent.set(oh, owner);
    return owner;
  }
}
