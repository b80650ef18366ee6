/** What an audit is asked about: a file, a client, an owner, a server address, a file system; what is given must all hold. */

import type { Bytes } from '../base/bytes.js';
import type { FileId, OwnerId } from '../core/event.js';
import { addressOf, clientOf, fileSystemOf, O_SVID, type NlmFiles } from '../core/state.js';
import type { DroppedRow } from '../core/sweep.js';
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

/** On the path of every event of a long ledger: nothing is made for a look. */
export function passes(filter: Filter, state: NlmFiles, owner: OwnerId, file: FileId): boolean {
  return (
    (filter.client === undefined || filter.client === clientOf(state, owner).name) &&
    (filter.clientAddress === undefined || filter.clientAddress === clientOf(state, owner).address) &&
    (filter.svid === undefined || filter.svid === (state.owners.get(owner, O_SVID) | 0)) &&
    (filter.oh === undefined || filter.oh === state.ownerHandles[owner]) &&
    (filter.address === undefined || filter.address === addressOf(state, owner).address) &&
    (filter.fileSystem === undefined || filter.fileSystem === fileSystemOf(state, file).name) &&
    passesHandles(filter, state.fileNames[file]?.handles ?? [])
  );
}

/** The row's file is still in the state. */
export function passesDropped(filter: Filter, state: NlmFiles, row: DroppedRow): boolean {
  const { clientName: name, clientAddress: address, serverAddress, svid, oh, fileSystem, handle, file } = row;
  const names = { name, address, serverAddress, svid, oh, fileSystem, handle };
  return (
    passesNames({ ...filter, handle: undefined, inode: undefined }, names) &&
    passesHandles(filter, state.fileNames[file]?.handles ?? [handle])
  );
}

/** Of somebody whom the state need not know. */
export interface Names {
  readonly name: Bytes;
  readonly address: string;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: Bytes;
  readonly fileSystem: string;
  readonly handle: Bytes;
}

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined };

export function passesNames(filter: Loose<Filter>, names: Names): boolean {
  const is = <T>(asked: T | undefined, found: T): boolean => asked === undefined || asked === found;
  return (
    is(filter.client, names.name) &&
    is(filter.clientAddress, names.address) &&
    is(filter.address, names.serverAddress) &&
    is(filter.svid, names.svid) &&
    is(filter.oh, names.oh) &&
    is(filter.fileSystem, names.fileSystem) &&
    passesHandles(filter, [names.handle])
  );
}

/** What an event of a whole scope names: a purge, a grace, a reboot. */
export type Scope = Loose<Pick<Filter, 'client' | 'clientAddress' | 'address' | 'fileSystem'>>;

/** Whether everything that is asked about is named by the scope: the event is about it as such. */
export function isAbout(filter: Filter, scope: Scope): boolean {
  return Object.entries(filter).every(([field, asked]) => scope[field as keyof Scope] === asked);
}

export function isEmpty(filter: Filter): boolean {
  return Object.keys(filter).length === 0;
}

function passesHandles({ handle, inode }: Loose<Filter>, handles: readonly Bytes[]): boolean {
  return (
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
