/** What an audit is asked about: a file, a client, an owner, a server address, a file system; what is given must all hold. */

import { NO_BYTES, type Bytes } from '../base/bytes.js';
import type { FileId, OwnerId } from '../core/event.js';
import { addressOf, clientOf, fileSystemOf, O_SVID, type NlmFiles } from '../core/state.js';
import { decodeGaneshaHandle, normalizeFsid } from '../handles/ganesha.js';

export interface Filter {
  readonly handle?: Bytes;
  /** The file with this inode, where the handle's format shows it. */
  readonly inode?: { readonly inode: number; readonly fsid?: string };
  /** Of the client. */
  readonly client?: Bytes;
  readonly clientAddress?: string;
  readonly svid?: number;
  readonly oh?: Bytes;
  /** Server address. */
  readonly address?: string;
  readonly fileSystem?: string;
}

interface Whose {
  readonly clientName: Bytes;
  readonly clientAddress: string;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: Bytes;
}

interface Which {
  readonly fileSystem: string;
  readonly handles: readonly Bytes[];
}

export function passes(filter: Filter, state: NlmFiles, owner: OwnerId, file: FileId): boolean {
  return passesOwner(filter, whose(state, owner)) && passesFile(filter, which(state, file));
}

function whose(state: NlmFiles, owner: OwnerId): Whose {
  const { name, address } = clientOf(state, owner);
  return {
    clientName: name,
    clientAddress: address,
    serverAddress: addressOf(state, owner).address,
    svid: state.owners.get(owner, O_SVID) | 0,
    oh: state.ownerHandles[owner] ?? NO_BYTES,
  };
}

function which(state: NlmFiles, file: FileId): Which {
  return { fileSystem: fileSystemOf(state, file).name, handles: state.fileNames[file]?.handles ?? [] };
}

function passesOwner(filter: Filter, owner: Whose): boolean {
  return (
    passesClient(filter, owner.clientName, owner.clientAddress) &&
    (filter.svid === undefined || filter.svid === owner.svid) &&
    (filter.oh === undefined || filter.oh === owner.oh) &&
    (filter.address === undefined || filter.address === owner.serverAddress)
  );
}

function passesClient(filter: Filter, name: Bytes, address: string): boolean {
  return (
    (filter.client === undefined || filter.client === name) &&
    (filter.clientAddress === undefined || filter.clientAddress === address)
  );
}

function passesFile(filter: Filter, { fileSystem, handles }: Which): boolean {
  const { handle, inode } = filter;
  return (
    (filter.fileSystem === undefined || filter.fileSystem === fileSystem) &&
    (handle === undefined || handles.includes(handle)) &&
    (inode === undefined || handles.some((each) => isInode(each, inode)))
  );
}

function isInode(handle: Bytes, { inode, fsid }: NonNullable<Filter['inode']>): boolean {
  const parts = decodeGaneshaHandle(handle);
  if (parts === undefined || parts.inode !== inode) return false;
  // An fsid of another kind than statfs has is not comparable: the inode alone must do.
  return fsid === undefined || parts.fsid.includes(':') || parts.fsid === normalizeFsid(fsid);
}
