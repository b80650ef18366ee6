/** The events that give ids to a client, an owner and a file that are new. */

import type { Bytes } from '../base/bytes.js';
import type { FileName, OwnerName } from './command.js';
import type { Event, FileId, OwnerId } from './event.js';
import { findClient, nextClient, nextFile, nextOwner } from './names.js';
import type { NlmFiles } from './state.js';

export interface Introduction {
  readonly owner: OwnerName;
  readonly file: FileName;
  /** NSM state, 0 where the client does not say it. */
  readonly state: number;
}

export interface Introduced {
  readonly owner: OwnerId;
  readonly file: FileId;
}

/** `owner` and `file` are the known ids, or 0. */
export function introduce(
  state: NlmFiles,
  names: Introduction,
  owner: OwnerId,
  file: FileId,
  events: Event[],
): Introduced {
  const ownerId = owner === 0 ? introduceOwner(state, names, events) : owner;
  const fileId = file === 0 ? nextFile(state) : file;
  if (file === 0) {
    const { fileSystem, key, handle } = names.file;
    events.push({ type: 'file-met', file: fileId, fileSystem, key, handle });
  }
  return { owner: ownerId, file: fileId };
}

function introduceOwner(state: NlmFiles, names: Introduction, events: Event[]): OwnerId {
  const client = findClient(state, names.owner.client);
  const clientId = client?.id ?? nextClient(state);
  if (client === undefined) {
    const { name, address } = names.owner.client;
    events.push({ type: 'client-met', client: clientId, name, address });
    if (names.state !== 0) events.push({ type: 'client-state-learned', client: clientId, state: names.state >>> 0 });
  }
  const owner = nextOwner(state);
  const { serverAddress, svid, oh } = names.owner;
  events.push({ type: 'owner-met', owner, client: clientId, serverAddress, svid, oh });
  return owner;
}

/** The event with its handle, only where that differs from the file's. */
export function withOtherHandle<E extends object>(
  event: E,
  state: NlmFiles,
  name: FileName,
  file: FileId,
): E | (E & { readonly handle: Bytes }) {
  // Most have the file's own: a spread would cost each of them as much as its decision.
  return file === 0 || state.fileNames[file]!.handles[0] === name.handle ? event : { ...event, handle: name.handle };
}
