/** Ids as names, for people and JSON: whose, of which file, which bytes. Opaque bytes stand as `textOfBytes` has them. */

import { textOfBytes } from '../admin/text.js';
import { bytesToHex, NO_BYTES, type Bytes } from '../base/bytes.js';
import type { FileId, OwnerId } from '../core/event.js';
import { addressOf, clientOf, fileSystemOf, O_SVID, type NlmFiles } from '../core/state.js';

export interface OwnerNames {
  readonly client: string;
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: string;
}

export interface FileNames {
  readonly fileSystem: string;
  /** Hex. */
  readonly handle: string;
}

export function ownerNames(state: NlmFiles, owner: OwnerId): OwnerNames {
  const { name, address } = clientOf(state, owner);
  return {
    client: textOfBytes(name),
    clientAddress: address,
    serverAddress: addressOf(state, owner).address,
    svid: state.owners.get(owner, O_SVID) | 0,
    oh: textOfBytes(state.ownerHandles[owner] ?? NO_BYTES),
  };
}

export function fileNames(state: NlmFiles, file: FileId, handle?: Bytes): FileNames {
  const known = state.fileNames[file]?.handles[0] ?? NO_BYTES;
  return { fileSystem: fileSystemOf(state, file).name, handle: bytesToHex(handle ?? known) };
}
