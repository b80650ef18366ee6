/**
 * Reads the projection row by row, for lists: slot by slot, in slices with turns of the loop between them, so that a
 * list over millions of locks keeps nobody waiting. A slot is a cursor: rows that come and go meanwhile may be missed.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { bytesToHex, NO_BYTES, type Bytes } from '../base/bytes.js';
import { equalU64, U64_MAX, u64ToString } from '../base/u64.js';
import { EXCLUSIVE, HANDLE_SHIFT, L_FILE, L_FLAGS, L_ID, L_OWNER, L_TIME } from '../core/lock-rows.js';
import type { Range } from '../core/range.js';
import {
  addressOf,
  clientOf,
  fileSystemOf,
  isDead,
  O_SVID,
  W_FILE,
  W_FLAGS,
  W_ID,
  W_OWNER,
  W_TIME,
  type NlmFiles,
} from '../core/state.js';
import { WHOLE_FILE } from '../core/wake-queue.js';
import { findWaiterById, waiterRange } from '../core/waiters.js';
import type { LockRow } from './messages.js';
import { textOfBytes } from './text.js';

/** A lock, a share or a waiter, as far as filters look at it. */
export interface Found {
  readonly kind: 'lock' | 'share' | 'waiter';
  /** Its place in the order of the scan: the slot, of a share the number. */
  readonly slot: number;
  readonly id: number;
  readonly owner: number;
  readonly file: number;
}

/** Every condition that is given must hold. */
export interface Filter {
  readonly address?: string;
  readonly fileSystem?: string;
  readonly client?: Bytes;
  readonly clientAddress?: string;
  readonly handle?: Bytes;
  readonly lock?: number;
}

/** Slots between two turns: about a millisecond. */
const SLICE_SLOTS = 8192;

/** Live rows that pass the filter, from a place on, in their order. */
export function scan(state: NlmFiles, kind: Found['kind'], filter: Filter, from = 1): AsyncGenerator<Found> {
  return kind === 'share' ? scanShares(state, filter, from) : scanSlots(state, kind, filter, from);
}

/** In the order of their coming: their numbers grow. */
async function* scanShares(state: NlmFiles, filter: Filter, from: number): AsyncGenerator<Found> {
  let slice = 0;
  for (const { id, owner, file } of state.shares.values()) {
    slice += 1;
    if (slice % SLICE_SLOTS === 0) await nextTurn();
    const found = { kind: 'share', slot: id, id, owner, file } as const;
    if (id >= from && state.shares.has(id) && passes(state, found, filter)) yield found;
  }
}

async function* scanSlots(
  state: NlmFiles,
  kind: 'lock' | 'waiter',
  filter: Filter,
  from: number,
): AsyncGenerator<Found> {
  const table = kind === 'lock' ? state.locks : state.waiters;
  const read = kind === 'lock' ? lockAt : waiterAt;
  for (let slot = from, slice = 0; slot < table.limit; slot += 1) {
    slice += 1;
    if (slice % SLICE_SLOTS === 0) await nextTurn();
    const found = read(state, slot);
    if (found !== undefined && passes(state, found, filter)) yield found;
  }
}

function lockAt({ locks }: NlmFiles, slot: number): Found | undefined {
  const owner = locks.get(slot, L_OWNER);
  // A free row belongs to nobody.
  if (owner === 0) return undefined;
  return { kind: 'lock', slot, id: locks.getWide(slot, L_ID), owner, file: locks.get(slot, L_FILE) };
}

function waiterAt(state: NlmFiles, slot: number): Found | undefined {
  const { waiters } = state;
  const id = waiters.getWide(slot, W_ID);
  // What a free row still holds is found no more.
  if (findWaiterById(state, id) !== slot) return undefined;
  return { kind: 'waiter', slot, id, owner: waiters.get(slot, W_OWNER), file: waiters.get(slot, W_FILE) };
}

function passes(state: NlmFiles, { owner, file, id }: Found, filter: Filter): boolean {
  const { address, fileSystem, client, clientAddress, handle, lock } = filter;
  return (
    (lock === undefined || id === lock) &&
    (address === undefined || addressOf(state, owner).address === address) &&
    (fileSystem === undefined || fileSystemOf(state, file).name === fileSystem) &&
    (client === undefined || clientOf(state, owner).name === client) &&
    (clientAddress === undefined || clientOf(state, owner).address === clientAddress) &&
    (handle === undefined || handlesOf(state, file).includes(handle)) &&
    !isDead(state, owner, file, id)
  );
}

/** With everything that people see of it. The row must still be there: call it in the turn that found it. */
export function describe(state: NlmFiles, found: Found, group: string): LockRow {
  const { owner, file, id } = found;
  const { range, exclusive, handle, since, mode, access } = factsOf(state, found);
  const handles = handlesOf(state, file);
  const { name, address } = clientOf(state, owner);
  const { start, end } = rangeTexts(range);
  // Field by field: what is spread in between makes a dictionary of it, and a long list several times as dear.
  const row = {
    kind: found.kind,
    group,
    lock: id,
    client: textOfBytes(name),
    clientAddress: address,
    serverAddress: addressOf(state, owner).address,
    svid: state.owners.get(owner, O_SVID) | 0,
    oh: textOfBytes(state.ownerHandles[owner] ?? NO_BYTES),
    fileSystem: fileSystemOf(state, file).name,
    handle: bytesToHex(handles[handle] ?? handles[0] ?? NO_BYTES),
    start,
    end,
    exclusive,
    since,
  };
  return mode === undefined || access === undefined ? row : { ...row, mode, access };
}

interface Facts extends Pick<LockRow, 'exclusive' | 'since' | 'mode' | 'access'> {
  readonly range: Range;
  /** Which of the file's. */
  readonly handle: number;
}

function factsOf(state: NlmFiles, { kind, slot, id }: Found): Facts {
  if (kind === 'share') {
    const { mode, access, handle, time } = state.shares.get(id)!;
    return { range: WHOLE_FILE, exclusive: false, handle, since: time, mode, access };
  }
  const isLock = kind === 'lock';
  const flags = isLock ? state.locks.get(slot, L_FLAGS) : state.waiters.get(slot, W_FLAGS);
  return {
    range: isLock ? state.locks.rangeOf(slot) : waiterRange(state, slot),
    exclusive: (flags & EXCLUSIVE) !== 0,
    handle: flags >>> HANDLE_SHIFT,
    since: isLock ? state.locks.getWide(slot, L_TIME) : state.waiters.getWide(slot, W_TIME),
  };
}

export function rangeTexts({ start, end }: Range): { readonly start: string; readonly end: string } {
  return { start: u64ToString(start), end: equalU64(end, U64_MAX) ? 'eof' : u64ToString(end) };
}

function handlesOf(state: NlmFiles, file: number): readonly Bytes[] {
  return state.fileNames[file]?.handles ?? [];
}
