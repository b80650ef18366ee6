/** Clients, owners and files under their ids: how a name is found, met and forgotten. */

import type { Bytes } from '../base/bytes.js';
import type { ClientName, FileName, OwnerName } from './command.js';
import type { ClientId, ClientMet, FileId, FileMet, OwnerId, OwnerMet } from './event.js';
import { mix, mixText } from './hash-index.js';
import { HANDLES_MAX } from './limits.js';
import { linkFront, unlink } from './links.js';
import {
  clientOf,
  F_BY_START,
  F_FILE_SYSTEM,
  F_NEXT,
  F_PENDING,
  F_PREVIOUS,
  F_SHARES,
  F_USED,
  F_WAITER,
  fileSystemOf,
  O_ADDRESS,
  O_ADDRESS_NEXT,
  O_ADDRESS_PREVIOUS,
  O_CLIENT,
  O_CLIENT_NEXT,
  O_CLIENT_PREVIOUS,
  O_LOCK,
  O_PENDING,
  O_SHARES,
  O_SVID,
  O_USED,
  O_WAITER,
  type AddressScope,
  type Client,
  type FileSystemScope,
  type NlmFiles,
  type Scope,
} from './state.js';

export function findClient(state: NlmFiles, name: ClientName): Client | undefined {
  return state.clientsByAddress.get(name.address)?.get(name.name);
}

/** Whose call it is and about what, as the state knows them: 0 for an owner or a file that it does not know. */
export interface Parties {
  readonly client: Client | undefined;
  readonly owner: OwnerId;
  readonly file: FileId;
}

export function partiesOf(state: NlmFiles, names: { readonly owner: OwnerName; readonly file: FileName }): Parties {
  const file = findFile(state, names.file);
  const known = knownOwner(state, names.owner);
  if (known !== 0) return { client: clientOf(state, known), owner: known, file };
  const client = findClient(state, names.owner.client);
  return { client, owner: client === undefined ? 0 : findOwnerOf(state, client, names.owner), file };
}

/** The owner that was found last by this very name, where it still has it; else 0. */
function knownOwner(state: NlmFiles, name: OwnerName): OwnerId {
  const { found = 0 } = name;
  if (found === 0 || found >= state.ownerNext || state.ownerHandles[found] !== name.oh) return 0;
  const page = state.owners.page(found);
  const at = state.owners.offset(found);
  if (page[at + O_USED] === 0 || page[at + O_SVID] !== name.svid >>> 0) return 0;
  const client = state.clients[page[at + O_CLIENT]!]!;
  return client.name === name.client.name &&
    client.address === name.client.address &&
    state.addresses[page[at + O_ADDRESS]!]!.address === name.serverAddress
    ? found
    : 0;
}

/** The owner's id, or 0. */
export function findOwner(state: NlmFiles, name: OwnerName): OwnerId {
  const client = findClient(state, name.client);
  return client === undefined ? 0 : findOwnerOf(state, client, name);
}

function findOwnerOf(state: NlmFiles, client: Client, name: OwnerName): OwnerId {
  const address = state.addressByName.get(name.serverAddress);
  if (address === undefined) return 0;
  const svid = name.svid >>> 0;
  const hash = ownerHash(client.id, address.id, svid, name.oh);
  for (let place = state.ownerIndex.first(hash); ; place = state.ownerIndex.after(hash, place)) {
    const owner = state.ownerIndex.at(hash, place);
    if (owner === 0) return 0;
    const page = state.owners.page(owner);
    const at = state.owners.offset(owner);
    if (
      page[at + O_SVID] === svid &&
      page[at + O_CLIENT] === client.id &&
      page[at + O_ADDRESS] === address.id &&
      state.ownerHandles[owner] === name.oh
    ) {
      if (name.found !== undefined) name.found = owner;
      return owner;
    }
  }
}

/** The file's id, or 0. */
export function findFile(state: NlmFiles, name: FileName): FileId {
  const { found = 0 } = name;
  if (found !== 0 && state.fileNames[found]?.key === name.key && fileSystemOf(state, found).name === name.fileSystem)
    return found;
  const fileSystem = state.fileSystemByName.get(name.fileSystem);
  if (fileSystem === undefined) return 0;
  const hash = mixText(fileSystem.id, name.key);
  for (let place = state.fileIndex.first(hash); ; place = state.fileIndex.after(hash, place)) {
    const file = state.fileIndex.at(hash, place);
    if (file === 0) return 0;
    if (state.files.get(file, F_FILE_SYSTEM) === fileSystem.id && state.fileNames[file]!.key === name.key) {
      if (name.found !== undefined) name.found = file;
      return file;
    }
  }
}

/** The ids that the next names get. */
export function nextClient(state: NlmFiles): ClientId {
  return state.freeClients.at(-1) ?? state.clients.length;
}
export function nextOwner(state: NlmFiles): OwnerId {
  return state.freeOwners.at(-1) ?? state.ownerNext;
}
export function nextFile(state: NlmFiles): FileId {
  return state.freeFiles.at(-1) ?? state.fileNext;
}

export function meetClient(state: NlmFiles, event: ClientMet): void {
  if (state.freeClients.at(-1) === event.client) state.freeClients.pop();
  const client: Client = {
    id: event.client,
    name: event.name,
    address: event.address,
    state: 0,
    replies: 0,
    ...newScope(),
  };
  while (state.clients.length < event.client) state.clients.push(undefined);
  state.clients[event.client] = client;
  let sameAddress = state.clientsByAddress.get(event.address);
  if (sameAddress === undefined) state.clientsByAddress.set(event.address, (sameAddress = new Map()));
  sameAddress.set(event.name, client);
  state.clientCount += 1;
  state.idleClients.add(event.client);
}

function newScope(): Scope {
  return {
    locks: 0,
    shares: 0,
    waiters: 0,
    expected: 0,
    expectedShares: 0,
    mark: 0,
    expectMark: 0,
    head: 0,
  };
}

export function meetAddress(state: NlmFiles, address: string): AddressScope {
  const known = state.addressByName.get(address);
  if (known !== undefined) return known;
  const scope: AddressScope = { id: state.addresses.length, address, pins: [], ...newScope() };
  state.addresses.push(scope);
  state.addressByName.set(address, scope);
  return scope;
}

export function meetFileSystem(state: NlmFiles, name: string): FileSystemScope {
  const known = state.fileSystemByName.get(name);
  if (known !== undefined) return known;
  const scope: FileSystemScope = { id: state.fileSystems.length, name, ...newScope() };
  state.fileSystems.push(scope);
  state.fileSystemByName.set(name, scope);
  return scope;
}

export function meetOwner(state: NlmFiles, event: OwnerMet): void {
  const { owners } = state;
  const { owner } = event;
  if (state.freeOwners.at(-1) === owner) state.freeOwners.pop();
  state.ownerNext = Math.max(state.ownerNext, owner + 1);
  const client = state.clients[event.client]!;
  const address = meetAddress(state, event.serverAddress);
  owners.reach(owner);
  owners.clear(owner);
  owners.set(owner, O_USED, 1);
  owners.set(owner, O_CLIENT, client.id);
  owners.set(owner, O_ADDRESS, address.id);
  owners.set(owner, O_SVID, event.svid);
  while (state.ownerHandles.length < owner) state.ownerHandles.push('' as Bytes);
  state.ownerHandles[owner] = event.oh;
  client.head = linkFront(owners, O_CLIENT_NEXT, O_CLIENT_PREVIOUS, client.head, owner);
  address.head = linkFront(owners, O_ADDRESS_NEXT, O_ADDRESS_PREVIOUS, address.head, owner);
  state.ownerIndex.add(ownerHash(client.id, address.id, event.svid >>> 0, event.oh), owner);
  state.idleOwners.push(owner);
  state.idleClients.delete(client.id);
}

export function meetFile(state: NlmFiles, event: FileMet): void {
  const { files } = state;
  const { file } = event;
  if (state.freeFiles.at(-1) === file) state.freeFiles.pop();
  state.fileNext = Math.max(state.fileNext, file + 1);
  const fileSystem = meetFileSystem(state, event.fileSystem);
  files.reach(file);
  files.clear(file);
  files.set(file, F_USED, 1);
  files.set(file, F_FILE_SYSTEM, fileSystem.id);
  while (state.fileNames.length < file) state.fileNames.push(undefined);
  state.fileNames[file] = { key: event.key, handles: [event.handle] };
  fileSystem.head = linkFront(files, F_NEXT, F_PREVIOUS, fileSystem.head, file);
  state.fileIndex.add(mixText(fileSystem.id, event.key), file);
  state.idleFiles.push(file);
}

/** Which of the file's handles this is; a new one is added. */
export function handleNumber(state: NlmFiles, file: FileId, handle: Bytes | undefined): number {
  if (handle === undefined) return 0;
  const { handles } = state.fileNames[file]!;
  const known = handles.indexOf(handle);
  if (known >= 0) return known;
  return handles.length < HANDLES_MAX ? handles.push(handle) - 1 : 0;
}

/** Files and owners without locks, shares, waiters and pending grants stand in the lists of the idle. */
export function settleOwner(state: NlmFiles, owner: OwnerId): void {
  const page = state.owners.page(owner);
  const at = state.owners.offset(owner);
  if ((page[at + O_LOCK]! | page[at + O_WAITER]! | page[at + O_PENDING]! | page[at + O_SHARES]!) === 0)
    state.idleOwners.push(owner);
  else state.idleOwners.remove(owner);
}

export function settleFile(state: NlmFiles, file: FileId): void {
  const page = state.files.page(file);
  const at = state.files.offset(file);
  if ((page[at + F_BY_START]! | page[at + F_WAITER]! | page[at + F_PENDING]! | page[at + F_SHARES]!) === 0)
    state.idleFiles.push(file);
  else state.idleFiles.remove(file);
}

export function settleClient(state: NlmFiles, client: Client): void {
  if (client.head === 0 && client.replies === 0) state.idleClients.add(client.id);
  else state.idleClients.delete(client.id);
}

export function forgetOwner(state: NlmFiles, owner: OwnerId): void {
  const { owners } = state;
  const client = state.clients[owners.get(owner, O_CLIENT)]!;
  const address = state.addresses[owners.get(owner, O_ADDRESS)]!;
  const oh = state.ownerHandles[owner]!;
  state.idleOwners.remove(owner);
  state.ownerIndex.remove(ownerHash(client.id, address.id, owners.get(owner, O_SVID), oh), owner);
  client.head = unlink(owners, O_CLIENT_NEXT, O_CLIENT_PREVIOUS, client.head, owner);
  address.head = unlink(owners, O_ADDRESS_NEXT, O_ADDRESS_PREVIOUS, address.head, owner);
  owners.set(owner, O_USED, 0);
  state.ownerHandles[owner] = '' as Bytes;
  state.freeOwners.push(owner);
  settleClient(state, client);
}

export function forgetFile(state: NlmFiles, file: FileId): void {
  const { files } = state;
  const fileSystem = state.fileSystems[files.get(file, F_FILE_SYSTEM)]!;
  state.idleFiles.remove(file);
  state.fileIndex.remove(mixText(fileSystem.id, state.fileNames[file]!.key), file);
  fileSystem.head = unlink(files, F_NEXT, F_PREVIOUS, fileSystem.head, file);
  files.set(file, F_USED, 0);
  state.fileNames[file] = undefined;
  state.freeFiles.push(file);
}

export function forgetClient(state: NlmFiles, id: ClientId): void {
  const client = state.clients[id]!;
  const sameAddress = state.clientsByAddress.get(client.address)!;
  sameAddress.delete(client.name);
  if (sameAddress.size === 0) {
    state.clientsByAddress.delete(client.address);
    state.nsm.monitoredClients.delete(client.address);
  }
  state.clients[id] = undefined;
  state.idleClients.delete(id);
  state.freeClients.push(id);
  state.clientCount -= 1;
}

function ownerHash(client: number, address: number, svid: number, oh: Bytes): number {
  return mixText(mix(mix(client, address), svid), oh);
}
