/** Questions to the projection. Rows are plain objects made on demand, and the dead are not in them. */

import type { Bytes } from '../base/bytes.js';
import type { U64 } from '../base/u64.js';
import type { CallbackForm } from './callback-form.js';
import type { ClientName, FileName, GraceScope, LockId } from './command.js';
import type { FileId, OwnerId } from './event.js';
import { expectedIn } from './grace.js';
import { findUnacknowledged } from './pending.js';
import type { Range } from './range.js';
import { addressOf, clientOf, fileSystemOf, O_SVID, type Grace, type NlmFiles } from './state.js';

/** Whose it is, on which file, and where. */
export interface Row {
  readonly client: ClientName;
  readonly serverAddress: string;
  readonly svid: number;
  readonly oh: Bytes;
  readonly file: FileName;
  readonly range: Range;
  readonly exclusive: boolean;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Everything that a GRANTED call says. */
export interface PendingRow extends Row {
  readonly lock: LockId;
  /** l_len as it came. */
  readonly length: U64;
  readonly callback: CallbackForm;
}

export interface ClientRow extends ClientName {
  /** NSM state, 0 where it is not known. */
  readonly state: number;
  /** While a sweep is under way, these may still count what another drop has taken. */
  readonly locks: number;
  readonly waiters: number;
  readonly shares: number;
  /** Locks and shares that it is expected to reclaim. */
  readonly expected: number;
}

/** Grants that are to be called back, oldest first, after lock `above`. */
export function pendingGrants(state: NlmFiles, limit: number, above: LockId = 0): PendingRow[] {
  const found: PendingRow[] = [];
  for (const lock of state.pending.keys()) {
    if (lock <= above) continue;
    const grant = pendingGrant(state, lock);
    if (grant !== undefined && found.push(grant) >= limit) break;
  }
  return found;
}

/** Undefined once it is acknowledged, undone or dropped. */
export function pendingGrant(state: NlmFiles, lock: LockId): PendingRow | undefined {
  const grant = findUnacknowledged(state, lock);
  if (grant === undefined) return undefined;
  const { owner, file, range, exclusive, length, callback, time, handle } = grant;
  return { lock, length, callback, ...rowOf(state, owner, file, handle, range, exclusive, time) };
}

/** The address of the client that is to be called back for the lock, while it is. */
export function pendingClient(state: NlmFiles, lock: LockId): string | undefined {
  const grant = findUnacknowledged(state, lock);
  return grant === undefined ? undefined : clientOf(state, grant.owner).address;
}

export function clients(state: NlmFiles): ClientRow[] {
  const found: ClientRow[] = [];
  for (const client of state.clients) {
    if (client === undefined) continue;
    const { name, address, locks, waiters, shares } = client;
    const expected = client.expected + client.expectedShares;
    found.push({ name, address, state: client.state, locks, waiters, shares, expected });
  }
  return found;
}

export function graces(state: NlmFiles): readonly Grace[] {
  return state.graces;
}

/** What is still expected in a scope; exact once no sweep is under way. */
export function expectedCount(state: NlmFiles, scope: GraceScope): number {
  return expectedIn(state, scope);
}

export function rowOf(
  state: NlmFiles,
  owner: OwnerId,
  file: FileId,
  handle: number,
  range: Range,
  exclusive: boolean,
  time: number,
): Row {
  const { name, address } = clientOf(state, owner);
  const names = state.fileNames[file]!;
  return {
    client: { name, address },
    serverAddress: addressOf(state, owner).address,
    svid: state.owners.get(owner, O_SVID) | 0,
    oh: state.ownerHandles[owner]!,
    file: { key: names.key, fileSystem: fileSystemOf(state, file).name, handle: names.handles[handle]! },
    range,
    exclusive,
    time,
  };
}
