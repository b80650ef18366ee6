/**
 * Everything that happened to a file, a client, an owner, an address: an observer of the fold that makes a row of each
 * event that is about it, and of each lock, waiter and share that a purge, a reboot or a grace took from it. It keeps
 * nothing but whom those who wait now stand behind.
 */

import { blockersOf } from '../admin/blockers.js';
import type { Blocker } from '../admin/messages.js';
import { rangeTexts } from '../admin/rows.js';
import type { GraceScope } from '../core/command.js';
import type { FileId, OwnerId, ReclaimConflict, ReclaimRefused } from '../core/event.js';
import { covers as inGraceScope } from '../core/grace.js';
import { eachOwn } from '../core/held.js';
import { L_ID, L_TIME } from '../core/lock-rows.js';
import { findOwner } from '../core/names.js';
import { findPending } from '../core/pending.js';
import { covers, type Range } from '../core/range.js';
import { F_BY_OWNER, O_WAITER, W_FILE, W_ID, W_OWNER, W_OWNER_NEXT, W_TIME, type NlmFiles } from '../core/state.js';
import type { DroppedRow } from '../core/sweep.js';
import { findWaiter, findWaiterById, waiterRange } from '../core/waiters.js';
import { isAbout, isEmpty, passes, passesDropped, passesNames, type Filter } from './filter.js';
import { stateAt, watchSlices, type Observer, type Pace, type Step } from './fold.js';
import type { Position } from '../ledger/port.js';
import type { HistoryRow, What } from './history-row.js';
import type { EntrySource } from './source.js';
import {
  clientNames,
  droppedNames,
  factNames,
  fileNames,
  lockNames,
  ownerNames,
  rangeNames,
  waiterNames,
} from './names.js';
import { causeOf, isPurge } from './orders.js';
import { eventText, graceScope, graceText, lifeText, purgeScope } from './scopes.js';

export class HistoryObserver implements Observer {
  readonly #group: string;
  readonly #filter: Filter;
  readonly #emit: (row: HistoryRow) => void;
  readonly #everything: boolean;
  /** By the number of the waiter. */
  readonly #behind = new Map<number, readonly Blocker[]>();

  /** `everything`: without a filter, a row of each event, also of those that say nothing to most. */
  constructor(group: string, filter: Filter, emit: (row: HistoryRow) => void, everything = false) {
    this.#group = group;
    this.#filter = filter;
    this.#emit = emit;
    this.#everything = everything && isEmpty(filter);
  }

  before(step: Step, state: NlmFiles): void {
    const { event, at } = step;
    switch (event.type) {
      case 'lock-granted': {
        const { owner, file, range, exclusive, reclaim } = event;
        if (!passes(this.#filter, state, owner, file)) return;
        const waiter = findWaiter(state, owner, file, range, exclusive);
        const row = {
          kind: 'lock',
          lock: state.nextId,
          reclaim,
          ...lockNames(state, owner, file, range, exclusive),
        } as const;
        if (waiter === 0) return this.#row(step, 'granted', row);
        return this.#row(step, 'granted-after-wait', Object.assign(row, this.#endWait(step, state, waiter)));
      }
      case 'lock-released':
      case 'locks-released': {
        const { owner, file, range } = event;
        if (!passes(this.#filter, state, owner, file)) return;
        if (event.type === 'lock-released') this.#endWaitsWithin(step, state, owner, file, range);
        const since = heldSince(state, owner, file, range);
        const held = since === undefined ? {} : { heldMs: at.time - since };
        const names = rangeNames(state, owner, file, range);
        return this.#row(step, 'released', Object.assign({ kind: 'lock' } as const, names, held));
      }
      case 'waiter-granted':
      case 'waiter-cancelled': {
        const slot = findWaiterById(state, event.waiter);
        if (slot === 0 || !this.#passesWaiter(state, slot)) return;
        const granted = event.type === 'waiter-granted';
        const row = { ...waiterNames(state, slot), ...this.#endWait(step, state, slot) };
        if (granted) return this.#row(step, 'granted-after-wait', { ...row, kind: 'lock', lock: state.nextId });
        const detail = event.call === undefined ? 'by the lock manager' : 'by the client (CANCEL)';
        return this.#row(step, 'wait-ended', { kind: 'waiter', ...row, detail });
      }
      case 'grant-acknowledged':
      case 'grant-undone': {
        const grant = findPending(state, event.lock);
        if (grant === undefined || !passes(this.#filter, state, grant.owner, grant.file)) return;
        const row = lockNames(state, grant.owner, grant.file, grant.range, grant.exclusive);
        const what = event.type === 'grant-undone' ? 'grant-undone' : 'acknowledged';
        return this.#row(step, what, { kind: 'lock', lock: event.lock, ...row, detail: `by ${event.by}` });
      }
      case 'share-granted':
      case 'share-released': {
        const { owner, file, mode, access } = event;
        if (!passes(this.#filter, state, owner, file)) return;
        const granted = event.type === 'share-granted';
        const row = { kind: 'share', ...ownerNames(state, owner), ...fileNames(state, file), mode, access } as const;
        if (!granted) return this.#row(step, 'released', row);
        return this.#row(step, 'granted', { lock: state.nextId, reclaim: event.reclaim, ...row });
      }
      case 'reclaim-missed':
      case 'share-missed': {
        const { owner, file } = event;
        if (!passes(this.#filter, state, owner, file)) return;
        if (event.type === 'reclaim-missed') {
          const row = lockNames(state, owner, file, event.range, event.exclusive);
          return this.#row(step, 'missed', { kind: 'lock', lock: event.lock, ...row });
        }
        const { share: lock, mode, access } = event;
        const row = { ...ownerNames(state, owner), ...fileNames(state, file), mode, access };
        return this.#row(step, 'missed', { kind: 'share', lock, ...row });
      }
      case 'expected-yielded':
      case 'share-yielded': {
        const { owner, file, to } = event;
        if (!passes(this.#filter, state, owner, file)) return;
        const { client, clientAddress } = ownerNames(state, to);
        const detail = `${client}@${clientAddress} reclaimed it`;
        if (event.type === 'expected-yielded') {
          const row = lockNames(state, owner, file, event.range, event.exclusive);
          return this.#row(step, 'missed', { kind: 'lock', lock: event.lock, ...row, detail });
        }
        const { share: lock, mode, access } = event;
        const row = { ...ownerNames(state, owner), ...fileNames(state, file), mode, access };
        return this.#row(step, 'missed', { kind: 'share', lock, ...row, detail });
      }
      case 'lock-unlocked': {
        const { lock, owner, file, range } = event;
        if (!passes(this.#filter, state, owner, file)) return;
        const row = { kind: 'lock', lock, ...ownerNames(state, owner), ...fileNames(state, file) } as const;
        return this.#row(step, 'dropped', { ...row, ...rangeTexts(range), cause: causeOf(step)! });
      }
      default:
        return this.#beforeScope(step, state);
    }
  }

  /** Events that are about more than one lock: shown where they are about what is asked for as such. */
  #beforeScope(step: Step, state: NlmFiles): void {
    const { event } = step;
    if (isPurge(event)) {
      const scope = purgeScope(event);
      if (event.type === 'locks-expected') this.#returnGrants(step, state, event.scope);
      if (!isAbout(this.#filter, scope)) return;
      const { locks, waiters, shares } = event.counts;
      const detail = `${locks} locks, ${waiters} waiters, ${shares} shares`;
      return this.#row(step, 'purged', { cause: causeOf(step)!, detail });
    }
    switch (event.type) {
      case 'client-rebooted':
      case 'client-freed': {
        const client = state.clients[event.client];
        if (client === undefined || !isAbout(this.#filter, { client: client.name, clientAddress: client.address }))
          return;
        const { locks, waiters, shares } = event.counts;
        const detail = `${locks} locks, ${waiters} waiters, ${shares} shares`;
        const row = { ...clientNames(client), cause: causeOf(step)!, detail };
        return this.#row(step, event.type === 'client-freed' ? 'freed-all' : 'rebooted', row);
      }
      case 'grace-opened':
      case 'grace-ended': {
        const opened = event.type === 'grace-opened';
        if (opened) this.#returnGrants(step, state, event.scope);
        if (!isAbout(this.#filter, graceScope(event.scope)) && event.scope.type !== 'all') return;
        const why = opened ? `${event.policy}, until ${new Date(event.until).toISOString()}` : event.why;
        const detail = `${graceText(event.scope)}: ${why}`;
        return this.#row(step, event.type, {
          cause: { type: 'grace', position: step.at.position, order: event.order },
          detail,
        });
      }
      case 'reclaim-refused':
      case 'reclaim-conflict':
        return this.#reclaim(step, state, event);
      case 'call-refused': {
        if (!isAbout(this.#filter, { client: event.name, clientAddress: event.address })) return;
        return this.#row(step, 'call-refused', { ...clientNames(event), detail: `${event.what}: ${event.detail}` });
      }
      case 'refusals-counted': {
        if (!isAbout(this.#filter, { clientAddress: event.address })) return;
        const detail = `${event.what}: ${event.count} more since ${new Date(event.since).toISOString()}`;
        return this.#row(step, 'call-refused', { clientAddress: event.address, detail });
      }
      case 'node-started':
        if (!isEmpty(this.#filter)) return;
        return this.#row(step, 'node-started', { detail: [event.node, event.release, ...event.notes].join(', ') });
      case 'rules-set':
        return isEmpty(this.#filter) ? this.#row(step, 'rules-set', {}) : undefined;
      default: {
        // It touches everything in the group, whoever asks.
        const detail = lifeText(event);
        if (detail !== undefined) this.#row(step, 'group', { detail });
        else if (this.#everything) this.#row(step, 'event', { detail: eventText(state, event) });
      }
    }
  }

  dropped(step: Step, row: DroppedRow, state: NlmFiles): void {
    const { event, at } = step;
    if (row.type === 'waiter') this.#behind.delete(row.id);
    if (!passesDropped(this.#filter, state, row)) return;
    const cause = causeOf(step);
    const expected = event.type === 'locks-expected' || event.type === 'grace-opened';
    const slot = row.type === 'waiter' ? findWaiterById(state, row.id) : 0;
    const since = row.type === 'lock' ? sinceOf(state, row) : undefined;
    this.#row(step, expected ? 'expected' : 'dropped', {
      kind: row.type,
      lock: row.id,
      ...droppedNames(row),
      ...(row.mode === undefined ? {} : { mode: row.mode }),
      ...(row.access === undefined ? {} : { access: row.access }),
      ...(slot === 0 ? {} : { waitedMs: at.time - state.waiters.getWide(slot, W_TIME) }),
      ...(since === undefined ? {} : { heldMs: at.time - since }),
      ...(cause === undefined ? {} : { cause }),
    });
  }

  after(step: Step, state: NlmFiles): void {
    if (step.event.type !== 'waiter-queued') return;
    const { owner, file, range, exclusive } = step.event;
    if (!passes(this.#filter, state, owner, file)) return;
    // It has the number that was taken last.
    const id = state.nextId - 1;
    const behind = blockersOf(state, { kind: 'waiter', slot: findWaiterById(state, id), id, owner, file });
    this.#behind.set(id, behind);
    this.#row(step, 'waits', { kind: 'waiter', lock: id, ...lockNames(state, owner, file, range, exclusive), behind });
  }

  ignored(step: Step, state: NlmFiles): void {
    if (!isEmpty(this.#filter)) return;
    const { type } = step.event;
    this.#row(step, 'ignored', { detail: `${type} of epoch ${step.at.epoch}, below epoch ${state.epoch}` });
  }

  #row(step: Step, what: What, row: Partial<HistoryRow>): void {
    const { entry, index, at } = step;
    const { position, time, epoch } = at;
    this.#emit({ group: this.#group, position, index, time, epoch, node: entry.node, what, ...row });
  }

  #passesWaiter(state: NlmFiles, slot: number): boolean {
    return passes(this.#filter, state, state.waiters.get(slot, W_OWNER), state.waiters.get(slot, W_FILE));
  }

  #endWait({ at }: Step, state: NlmFiles, slot: number): Pick<HistoryRow, 'waitedMs' | 'behind'> {
    const id = state.waiters.getWide(slot, W_ID);
    const behind = this.#behind.get(id);
    this.#behind.delete(id);
    return { waitedMs: at.time - state.waiters.getWide(slot, W_TIME), ...(behind === undefined ? {} : { behind }) };
  }

  /** An UNLOCK ends the waits of its owner within its range, too. */
  #endWaitsWithin(step: Step, state: NlmFiles, owner: OwnerId, file: FileId, range: Range): void {
    const { waiters, owners } = state;
    for (let slot = owners.get(owner, O_WAITER); slot !== 0; slot = waiters.get(slot, W_OWNER_NEXT)) {
      if (waiters.get(slot, W_FILE) !== file || !covers(range, waiterRange(state, slot))) continue;
      const row = { ...waiterNames(state, slot), ...this.#endWait(step, state, slot) };
      this.#row(step, 'wait-ended', { kind: 'waiter', ...row, detail: 'by the client (UNLOCK)' });
    }
  }

  /** Grants that nobody acknowledged wait again from here on. */
  #returnGrants(step: Step, state: NlmFiles, scope: GraceScope): void {
    for (const lock of state.pending.keys()) {
      const grant = findPending(state, lock);
      if (grant === undefined || state.undoable.has(lock)) continue;
      const { owner, file, range, exclusive } = grant;
      if (!inGraceScope(state, scope, owner, file) || !passes(this.#filter, state, owner, file)) continue;
      this.#row(step, 'waits-again', { kind: 'waiter', lock, ...lockNames(state, owner, file, range, exclusive) });
    }
  }

  #reclaim(step: Step, state: NlmFiles, event: ReclaimRefused | ReclaimConflict): void {
    if (!passesNames(this.#filter, event)) return;
    const row = {
      ...factNames(event),
      ...(event.mode === undefined ? {} : ({ kind: 'share', mode: event.mode } as const)),
    };
    if (event.type === 'reclaim-refused') return this.#row(step, 'reclaim-refused', { ...row, detail: event.why });
    const { client, clientAddress } = ownerNames(state, event.holder);
    const detail = `${event.held} of ${client}@${clientAddress} is in its way`;
    return this.#row(step, 'reclaim-conflict', { ...row, detail });
  }
}

/** When a lock that is about to go was granted: it is in the table still, and dead for most readers. */
function sinceOf(state: NlmFiles, row: DroppedRow): number | undefined {
  const { clientName: name, clientAddress: address, serverAddress, svid, oh, file } = row;
  const owner = findOwner(state, { client: { name, address }, serverAddress, svid, oh });
  if (owner === 0) return undefined;
  const slot = state.byOwner.floor(state.files.get(file, F_BY_OWNER), owner, row.range.start);
  return slot === 0 || state.locks.getWide(slot, L_ID) !== row.id ? undefined : state.locks.getWide(slot, L_TIME);
}

/** When the owner's oldest lock within the range was granted; undefined where it holds none. */
function heldSince(state: NlmFiles, owner: OwnerId, file: FileId, range: Range): number | undefined {
  let since: number | undefined;
  eachOwn(state, owner, file, range, (slot) => {
    since = Math.min(since ?? Number.POSITIVE_INFINITY, state.locks.getWide(slot, L_TIME));
    return true;
  });
  return since;
}

/** The rows of a range, as they come; each array is one slice of the fold. */
export async function* historyRows(
  source: EntrySource,
  range: { readonly from: Position; readonly to: Position },
  filter: Filter,
  pace: Pace,
  everything = false,
): AsyncGenerator<readonly HistoryRow[]> {
  let rows: HistoryRow[] = [];
  const observer = new HistoryObserver(source.group, filter, (row) => rows.push(row), everything);
  const state = await stateAt(source, range.from - 1, pace);
  for await (const position of watchSlices(source, state, range, observer)) {
    if (rows.length > 0) yield rows;
    rows = [];
    await pace(position);
  }
}
