/** Questions to the projection. Rows are plain objects made on demand; every list is paged, and the dead are not in it. */

import type { Bytes } from '../base/bytes.js';
import { U64_ZERO, type U64 } from '../base/u64.js';
import type { CallbackForm } from './callback-form.js';
import type { ClientName, FileName, GraceScope, LockId, ShareBits } from './command.js';
import { findConflict, holderOfLock } from './conflict.js';
import { expectedIn } from './grace.js';
import { isExpectedLock } from './held.js';
import { isExpectedShare, sharesOf } from './shares.js';
import type { FileId, OwnerId } from './event.js';
import { HANDLE_SHIFT, L_FILE, L_FLAGS, L_ID, L_NEXT, L_OWNER, L_TIME, RECLAIMED, UNMONITORED } from './lock-rows.js';
import type { GroupLife } from './life.js';
import { findFile } from './names.js';
import type { Holder } from './outcome.js';
import { findUnacknowledged } from './pending.js';
import type { Range } from './range.js';
import { clientsOf } from './select.js';
import {
  addressOf,
  clientOf,
  F_BY_OWNER,
  F_NEXT,
  F_USED,
  F_WAITER,
  fileSystemOf,
  isDead,
  O_ADDRESS_NEXT,
  O_CLIENT_NEXT,
  O_LOCK,
  O_SVID,
  O_WAITER,
  W_FILE,
  W_FLAGS,
  W_ID,
  W_NEXT,
  W_OWNER,
  W_OWNER_NEXT,
  W_TIME,
  type Grace,
  type Share,
  type NlmFiles,
} from './state.js';
import { waiterRange, waitsExclusively } from './waiters.js';

interface Row {
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

export interface LockRow extends Row {
  readonly lock: LockId;
  readonly reclaimed: boolean;
  /** Not held: its owner is expected to reclaim it. */
  readonly expected: boolean;
  readonly monitored: boolean;
  /** The client has not acknowledged it yet. */
  readonly pending: boolean;
}

export interface WaiterRow extends Row {
  readonly waiter: number;
  /** One of those in the way; absent where it is about to be granted. */
  readonly holder?: Holder;
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

/** Which rows: one of the fields leads through its index, the others filter. */
export interface Filter {
  readonly serverAddress?: string;
  readonly fileSystem?: string;
  readonly client?: { readonly name?: Bytes; readonly address?: string };
  readonly file?: FileName;
}

export interface Page<T> {
  readonly rows: readonly T[];
  /** Where the next page begins; absent at the end. Good for as long as the process lives. */
  readonly next?: string;
}

/** Rows that one page may look at: a filter that matches little comes back with an empty page and a `next`. */
const PAGE_STEPS_MAX = 20_000;

export function listLocks(state: NlmFiles, filter: Filter, limit: number, from?: string): Page<LockRow> {
  return page(state, filter, limit, from, 'lock', (slot) => lockRow(state, slot));
}

export function listWaiters(state: NlmFiles, filter: Filter, limit: number, from?: string): Page<WaiterRow> {
  return page(state, filter, limit, from, 'waiter', (slot) => waiterRow(state, slot));
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
  return { lock, length, callback, ...row(state, owner, file, handle, range, exclusive, time) };
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

/** Who owns the group, and how its last takeover went. */
export function groupLife(state: NlmFiles): GroupLife {
  return state.life;
}

export function graces(state: NlmFiles): readonly Grace[] {
  return state.graces;
}

/** What is still expected in a scope; exact once no sweep is under way. */
export function expectedCount(state: NlmFiles, scope: GraceScope): number {
  return expectedIn(state, scope);
}

export interface ShareRow extends Omit<Row, 'range' | 'exclusive'> {
  readonly share: LockId;
  readonly mode: ShareBits;
  readonly access: ShareBits;
  readonly reclaimed: boolean;
  readonly expected: boolean;
}

/** In the order of their coming, those with a number above `above`; there are few. */
export function listShares(state: NlmFiles, filter: Filter, limit: number, above: LockId = 0): ShareRow[] {
  const file = filter.file === undefined ? undefined : findFile(state, filter.file);
  const found: ShareRow[] = [];
  for (const share of file === undefined ? state.shares.values() : sharesOf(state, file)) {
    if (share.id <= above || !passes(state, filter, share.owner, share.file, share.id)) continue;
    if (found.push(shareRow(state, share)) >= limit) break;
  }
  return found;
}

function shareRow(state: NlmFiles, share: Share): ShareRow {
  const { id, owner, file, handle, mode, access, reclaimed, time } = share;
  const { range: _range, exclusive: _exclusive, ...names } = row(state, owner, file, handle, NO_RANGE, false, time);
  return { share: id, ...names, mode, access, reclaimed, expected: isExpectedShare(state, share) };
}

const NO_RANGE: Range = { start: U64_ZERO, end: U64_ZERO };

function lockRow(state: NlmFiles, slot: number): LockRow {
  const { locks } = state;
  const flags = locks.get(slot, L_FLAGS);
  const lock = locks.getWide(slot, L_ID);
  return {
    lock,
    ...row(
      state,
      locks.get(slot, L_OWNER),
      locks.get(slot, L_FILE),
      flags >>> HANDLE_SHIFT,
      locks.rangeOf(slot),
      locks.isExclusive(slot),
      locks.getWide(slot, L_TIME),
    ),
    reclaimed: (flags & RECLAIMED) !== 0,
    expected: isExpectedLock(state, slot),
    monitored: (flags & UNMONITORED) === 0,
    pending: state.pending.has(lock) && !state.undoable.has(lock),
  };
}

function waiterRow(state: NlmFiles, slot: number): WaiterRow {
  const { waiters } = state;
  const owner = waiters.get(slot, W_OWNER);
  const file = waiters.get(slot, W_FILE);
  const range = waiterRange(state, slot);
  const exclusive = waitsExclusively(state, slot);
  const inTheWay = findConflict(state, file, owner, range, exclusive);
  return {
    waiter: waiters.getWide(slot, W_ID),
    ...row(
      state,
      owner,
      file,
      waiters.get(slot, W_FLAGS) >>> HANDLE_SHIFT,
      range,
      exclusive,
      waiters.getWide(slot, W_TIME),
    ),
    ...(inTheWay > 0 ? { holder: holderOfLock(state, inTheWay) } : {}),
  };
}

function row(
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

type Kind = 'lock' | 'waiter';

/** The lists that a filter leads to: of owners (by client or address) or of files. */
type Lead =
  | { readonly by: 'owner'; readonly first: number; readonly nextField: number }
  | { readonly by: 'file'; readonly first: number; readonly nextField: number };

/** A cursor: which lead, which owner or file of it, and the place within. */
interface Place {
  lead: number;
  at: number;
  owner: number;
  start: U64;
  slot: number;
}

function page<T>(
  state: NlmFiles,
  filter: Filter,
  limit: number,
  from: string | undefined,
  kind: Kind,
  make: (slot: number) => T,
): Page<T> {
  const leads = leadsOf(state, filter);
  const rows: T[] = [];
  const place = parsePlace(from);
  for (let steps = 0; steps < PAGE_STEPS_MAX && rows.length < limit; steps += 1) {
    const lead = leads[place.lead];
    if (lead === undefined) return { rows };
    if (place.at === 0) place.at = lead.first;
    const slot = place.at === 0 ? 0 : nextSlot(state, lead, place, kind);
    if (slot !== 0) {
      if (matches(state, filter, kind, slot)) rows.push(make(slot));
      continue;
    }
    place.owner = 0;
    place.start = U64_ZERO;
    place.slot = 0;
    place.at = place.at === 0 ? 0 : nextAt(state, lead, place.at);
    if (place.at === 0) place.lead += 1;
  }
  const { lead, at, owner, start, slot } = place;
  return leads[lead] === undefined
    ? { rows }
    : { rows, next: [lead, at, owner, start.high, start.low, slot].join('.') };
}

/** The steps of a page stay the same whether or not the place of the cursor is gone: it then starts its list again. */
function parsePlace(from: string | undefined): Place {
  const words = (from ?? '').split('.').map(Number);
  const word = (i: number): number => (Number.isSafeInteger(words[i]) && words[i]! >= 0 ? words[i]! : 0);
  return { lead: word(0), at: word(1), owner: word(2), start: { high: word(3), low: word(4) }, slot: word(5) };
}

const EVERY_FILE = -1;

function leadsOf(state: NlmFiles, filter: Filter): Lead[] {
  const { file, client, serverAddress, fileSystem } = filter;
  if (file !== undefined) {
    const id = findFile(state, file);
    return id === 0 ? [] : [{ by: 'file', first: id, nextField: 0 }];
  }
  if (client !== undefined) {
    return clientsOf(state, { type: 'client', ...client }).map((one) => ({
      by: 'owner',
      first: one.head,
      nextField: O_CLIENT_NEXT,
    }));
  }
  if (serverAddress !== undefined) {
    const first = state.addressByName.get(serverAddress)?.head ?? 0;
    return first === 0 ? [] : [{ by: 'owner', first, nextField: O_ADDRESS_NEXT }];
  }
  if (fileSystem !== undefined) {
    const first = state.fileSystemByName.get(fileSystem)?.head ?? 0;
    return first === 0 ? [] : [{ by: 'file', first, nextField: F_NEXT }];
  }
  return state.fileNext > 1 ? [{ by: 'file', first: 1, nextField: EVERY_FILE }] : [];
}

function nextAt(state: NlmFiles, lead: Lead, at: number): number {
  if (lead.nextField === EVERY_FILE) return at + 1 < state.fileNext ? at + 1 : 0;
  if (lead.nextField === 0) return 0;
  return (lead.by === 'owner' ? state.owners : state.files).get(at, lead.nextField);
}

/** The next row in the list of an owner, or of a file by owner and start; moves the place. */
function nextSlot(state: NlmFiles, lead: Lead, place: Place, kind: Kind): number {
  const { locks, waiters } = state;
  if (lead.by === 'file' && state.files.get(place.at, F_USED) === 0) return 0;
  if (kind === 'lock' && lead.by === 'file') {
    const slot = state.byOwner.next(state.files.get(place.at, F_BY_OWNER), place.owner, place.start);
    if (slot !== 0) {
      place.owner = locks.get(slot, L_OWNER);
      place.start = locks.rangeOf(slot).start;
    }
    return slot;
  }
  const first =
    lead.by === 'file'
      ? state.files.get(place.at, F_WAITER)
      : state.owners.get(place.at, kind === 'lock' ? O_LOCK : O_WAITER);
  if (place.slot === 0) return (place.slot = first);
  const table = kind === 'lock' ? locks : waiters;
  const file = kind === 'lock' ? L_FILE : W_FILE;
  const belongs =
    place.slot < table.limit &&
    table.get(place.slot, file) !== 0 &&
    table.get(place.slot, lead.by === 'file' ? file : ownerField(kind)) === place.at;
  if (!belongs) return (place.slot = first);
  const next = table.get(place.slot, kind === 'lock' ? L_NEXT : lead.by === 'file' ? W_NEXT : W_OWNER_NEXT);
  if (next !== 0) place.slot = next;
  return next;
}

function ownerField(kind: Kind): number {
  return kind === 'lock' ? L_OWNER : W_OWNER;
}

function matches(state: NlmFiles, filter: Filter, kind: Kind, slot: number): boolean {
  const table = kind === 'lock' ? state.locks : state.waiters;
  const owner = table.get(slot, ownerField(kind));
  const file = table.get(slot, kind === 'lock' ? L_FILE : W_FILE);
  return passes(state, filter, owner, file, table.getWide(slot, kind === 'lock' ? L_ID : W_ID));
}

function passes(state: NlmFiles, filter: Filter, owner: OwnerId, file: FileId, id: number): boolean {
  if (isDead(state, owner, file, id)) return false;
  const client = clientOf(state, owner);
  return (
    (filter.serverAddress === undefined || filter.serverAddress === addressOf(state, owner).address) &&
    (filter.fileSystem === undefined || filter.fileSystem === fileSystemOf(state, file).name) &&
    (filter.client?.name === undefined || filter.client.name === client.name) &&
    (filter.client?.address === undefined || filter.client.address === client.address)
  );
}
