/** The facts of a reclaim that was refused: the client tells nobody, so the ledger does. */

import type { FileName, OwnerName, ShareBits } from './command.js';
import type { ReclaimFacts } from './event.js';
import type { Range } from './range.js';

export function reclaimFacts(
  { owner, file }: { readonly owner: OwnerName; readonly file: FileName },
  what:
    { readonly range: Range; readonly exclusive: boolean } | { readonly mode: ShareBits; readonly access: ShareBits },
): ReclaimFacts {
  const { client, serverAddress, svid, oh } = owner;
  const { fileSystem, key, handle } = file;
  return { name: client.name, address: client.address, serverAddress, svid, oh, fileSystem, key, handle, ...what };
}
