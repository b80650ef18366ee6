/**
 * One purge, whole: who ordered it, what it dropped row by row, who was let in by it, and which former holder came back.
 * The list is derived: the ledger is folded to the purge, and the sweep says what goes. The table as it was before is
 * kept beside the fold, so that each later grant is asked of it; so memory is that of two tables, however many rows.
 */

import { LedgerError } from '../base/errors.js';
import { deserialize, serialize } from '../core/checkpoint.js';
import type { ClientName, FileName, OwnerName } from '../core/command.js';
import type { Event, FileId, OwnerId } from '../core/event.js';
import { eachOwn } from '../core/held.js';
import { L_FILE, L_ID, L_OWNER } from '../core/lock-rows.js';
import { findFile, findOwner } from '../core/names.js';
import type { Counts } from '../core/outcome.js';
import type { Range } from '../core/range.js';
import {
  addressOf,
  clientOf,
  F_BY_START,
  fileSystemOf,
  O_SVID,
  W_FILE,
  W_OWNER,
  W_TIME,
  type NlmFiles,
} from '../core/state.js';
import type { DroppedRow } from '../core/sweep.js';
import { findWaiterById, waiterRange, waitsExclusively } from '../core/waiters.js';
import type { Position } from '../ledger/port.js';
import { entryAt } from './at.js';
import { eventsOf, stateAt, watchFold, type Observer, type Pace, type Step } from './fold.js';
import { droppedNames, lockNames, type LockNames } from './names.js';
import { aimOf, isPurge, type PurgeEvent } from './orders.js';
import type { EntrySource } from './source.js';

export interface PurgeHead {
  readonly group: string;
  readonly position: Position;
  readonly time: number;
  readonly epoch: number;
  readonly node: string;
  readonly aim: string;
  readonly order: PurgeEvent['order'];
  /** As they were recorded at the order. */
  readonly counts: Counts;
  readonly reclaimable: boolean;
}

export interface PurgedRow extends LockNames {
  readonly kind: 'lock' | 'waiter' | 'share';
  readonly lock: number;
  readonly mode?: number;
  readonly access?: number;
}

/** A grant after the purge that it made possible, or that gave a former holder its lock again. */
export interface AfterRow extends LockNames {
  readonly what: 'let-in' | 'came-back';
  readonly position: Position;
  readonly time: number;
  /** Since the purge. */
  readonly afterMs: number;
  /** Where it had waited. */
  readonly waitedMs?: number;
}

export interface PurgeListener {
  readonly head: (head: PurgeHead) => void;
  readonly dropped: (row: PurgedRow) => void;
  readonly after: (row: AfterRow) => void;
}

/** Position of the purge with this command id; undefined where the group has none. */
export async function findPurge(source: EntrySource, commandId: string, pace?: Pace): Promise<Position | undefined> {
  const { position: head } = await source.head();
  // Of a purge of the last days the table itself still knows the id.
  const known = (await stateAt(source, head)).commands.get(commandId);
  if (known !== undefined) return known.position;
  for await (const group of source.read(await source.first(), head)) {
    for (const entry of group) {
      if (eventsOf(entry).some((event) => hasId(event, commandId))) return entry.position;
    }
    const last = group.at(-1);
    if (last !== undefined) await pace?.(last.position);
  }
  return undefined;
}

function hasId(event: Event, commandId: string): boolean {
  return isPurge(event) && event.order.commandId === commandId;
}

/** Tells of the purge at a position, and of the grants up to `until`. @throws LedgerError 'not-found' */
export async function auditPurge(
  source: EntrySource,
  position: Position,
  until: Position,
  listener: PurgeListener,
  pace?: Pace,
): Promise<void> {
  const entry = await entryAt(source, position);
  const events = entry === undefined ? [] : eventsOf(entry);
  if (!events.some(isPurge)) {
    const types = [...new Set(events.map(({ type }) => type))].join(', ');
    throw new LedgerError(
      'not-found',
      `position ${position} of ${source.group} holds no purge, but ${types || 'nothing'}`,
      {
        details: { position, next: 'find the purges: nlm-ledger audit history --lost' },
      },
    );
  }
  const state = await stateAt(source, position - 1, pace);
  await watchFold(
    source,
    state,
    { from: position, to: until },
    new PurgeObserver(source.group, position, listener),
    pace,
  );
}

class PurgeObserver implements Observer {
  readonly #group: string;
  readonly #position: Position;
  readonly #listener: PurgeListener;
  /** The last purge of the entry, and the table as it was before it. */
  #purge: { readonly event: PurgeEvent; readonly before: NlmFiles; readonly time: number } | undefined;

  constructor(group: string, position: Position, listener: PurgeListener) {
    this.#group = group;
    this.#position = position;
    this.#listener = listener;
  }

  before(step: Step, state: NlmFiles): void {
    const { event, at, entry } = step;
    if (at.position === this.#position && isPurge(event)) {
      const { position, time, epoch } = at;
      this.#purge = { event, before: deserialize(serialize(state)), time };
      const { order, counts } = event;
      const reclaimable = event.type === 'locks-expected';
      const { node } = entry;
      this.#listener.head({
        group: this.#group,
        position,
        time,
        epoch,
        node,
        aim: aimOf(event),
        order,
        counts,
        reclaimable,
      });
      // Gone at once, without a sweep.
      if (event.type === 'lock-unlocked') this.#listener.dropped(lockOf(state, event));
      return;
    }
    if (event.type === 'lock-granted') {
      const { owner, file, range, exclusive } = event;
      this.#grant(step, state, owner, file, range, exclusive);
    } else if (event.type === 'waiter-granted') {
      const slot = findWaiterById(state, event.waiter);
      if (slot === 0) return;
      const { waiters } = state;
      const waitedMs = at.time - waiters.getWide(slot, W_TIME);
      const [owner, file] = [waiters.get(slot, W_OWNER), waiters.get(slot, W_FILE)];
      this.#grant(step, state, owner, file, waiterRange(state, slot), waitsExclusively(state, slot), waitedMs);
    }
  }

  dropped(step: Step, row: DroppedRow): void {
    if (step.at.position !== this.#position || !isPurge(step.event)) return;
    const { type: kind, id: lock, mode, access } = row;
    const bits = { ...(mode === undefined ? {} : { mode }), ...(access === undefined ? {} : { access }) };
    this.#listener.dropped({ kind, lock, ...droppedNames(row), ...bits });
  }

  #grant(
    { at }: Step,
    state: NlmFiles,
    owner: OwnerId,
    file: FileId,
    range: Range,
    exclusive: boolean,
    waitedMs?: number,
  ): void {
    if (this.#purge === undefined) return;
    const { event, before, time } = this.#purge;
    const what = verdict(event, before, {
      owner: ownerName(state, owner),
      file: fileName(state, file),
      range,
      exclusive,
    });
    if (what === undefined) return;
    const wait = waitedMs === undefined ? {} : { waitedMs };
    const when = { position: at.position, time: at.time, afterMs: at.time - time, ...wait };
    this.#listener.after({ what, ...when, ...lockNames(state, owner, file, range, exclusive) });
  }
}

interface Grant {
  readonly owner: OwnerName;
  readonly file: FileName;
  readonly range: Range;
  readonly exclusive: boolean;
}

/** What a grant has to do with the locks that the purge took from the table as it was before. */
function verdict(event: PurgeEvent, before: NlmFiles, grant: Grant): AfterRow['what'] | undefined {
  const file = findFile(before, grant.file);
  if (file === 0) return undefined;
  const owner = findOwner(before, grant.owner);
  let itsOwn = false;
  if (owner !== 0) eachOwn(before, owner, file, grant.range, (slot) => !(itsOwn = took(event, before, slot)));
  if (itsOwn) return 'came-back';
  const search = { budget: Number.POSITIVE_INFINITY, accept: (slot: number) => took(event, before, slot) };
  const root = before.files.get(file, F_BY_START);
  return before.byStart.conflict(root, owner, grant.range, grant.exclusive, search) === 0 ? undefined : 'let-in';
}

function took(event: PurgeEvent, state: NlmFiles, slot: number): boolean {
  const owner = state.locks.get(slot, L_OWNER);
  const file = state.locks.get(slot, L_FILE);
  switch (event.type) {
    case 'address-unlocked':
      return addressOf(state, owner).address === event.address;
    case 'file-system-unlocked':
      return fileSystemOf(state, file).name === event.fileSystem;
    case 'client-unlocked': {
      const { name, address } = clientOf(state, owner);
      return (event.name ?? name) === name && (event.address ?? address) === address;
    }
    case 'lock-unlocked':
      return state.locks.getWide(slot, L_ID) === event.lock;
    case 'locks-expected':
      return event.scope.type === 'address'
        ? addressOf(state, owner).address === event.scope.address
        : event.scope.type === 'all' || fileSystemOf(state, file).name === event.scope.fileSystem;
  }
}

function lockOf(state: NlmFiles, event: Extract<PurgeEvent, { type: 'lock-unlocked' }>): PurgedRow {
  const { owner, file, range, lock } = event;
  let exclusive = false;
  eachOwn(state, owner, file, range, (slot) => {
    exclusive ||= state.locks.isExclusive(slot);
    return true;
  });
  return { kind: 'lock', lock, ...lockNames(state, owner, file, range, exclusive) };
}

function ownerName(state: NlmFiles, owner: OwnerId): OwnerName {
  const { name, address } = clientOf(state, owner);
  const client: ClientName = { name, address };
  const serverAddress = addressOf(state, owner).address;
  return { client, serverAddress, svid: state.owners.get(owner, O_SVID) | 0, oh: state.ownerHandles[owner]! };
}

function fileName(state: NlmFiles, file: FileId): FileName {
  const { key, handles } = state.fileNames[file]!;
  return { key, fileSystem: fileSystemOf(state, file).name, handle: handles[0]! };
}
