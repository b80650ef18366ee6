/**
 * One order to drop locks: one command in each group that it goes to, and one answer. The answer waits until every
 * group's entry is durable: what it counts is gone for everybody from there on. The sweep of very many rows goes on behind
 * it; the answer waits for the rows that it lists.
 */

import { LedgerError } from '../base/errors.js';
import type { Order, PurgeCommand, Selector } from '../core/command.js';
import type { AdminOutcome } from '../core/outcome.js';
import type { AdminCall } from './call.js';
import type { OrderRequest, PurgeCounts, PurgedGroup, PurgeReply } from './messages.js';
import { PURGE_ROWS_MAX } from '../engine/purge-reports.js';
import { matchingRows } from './matching.js';
import { orderOf, ownGroups } from './order.js';
import { Room, rowsWithin } from './page.js';
import { pinnedThrough, pinsOf } from './pins.js';
import type { AdminPort, DroppedLock, GroupView } from './port.js';
import { PAGE_ROWS_DEFAULT } from './purge-report.js';

export interface Purge {
  readonly groups: readonly GroupView[];
  readonly selector: Selector;
  /** What still pins this one is told; without it, each file system that lost a lock. */
  readonly fileSystem?: string | undefined;
  readonly reclaimable?: boolean | undefined;
}

/** Rows of an answer that a sweep goes on behind: it waits for no more, and `purge-report` has the rest. */
const ANSWER_ROWS_MAX = 100;

interface Done {
  readonly group: PurgedGroup;
  readonly rows: readonly DroppedLock[];
  /** That something was dropped on, beside those of the rows. */
  readonly fileSystems: readonly string[];
}

/** @throws LedgerError 'not-found' (a single lock), 'refused', or what kept the ledger from taking it */
export async function purge(port: AdminPort, request: OrderRequest, call: AdminCall, what: Purge): Promise<PurgeReply> {
  const order = orderOf(request, call);
  const dryRun = request.dryRun === true;
  const done: Done[] = [];
  const room = new Room(dryRun ? PAGE_ROWS_DEFAULT : ANSWER_ROWS_MAX, call.pageBytesMax);
  for (const group of what.groups) {
    const command = {
      type: 'purge',
      selector: what.selector,
      order,
      dryRun,
      reclaimable: what.reclaimable === true,
    } as const;
    done.push(await purgeGroup(port, group, command, room));
  }
  const rows = done.flatMap((one) => one.rows);
  const groups = done.map(({ group }) => group);
  const named = [...rows.map(({ fileSystem }) => fileSystem), ...done.flatMap(({ fileSystems }) => fileSystems)];
  const touched = what.fileSystem === undefined ? named : [what.fileSystem];
  return {
    node: port.node().name,
    commandId: order.commandId,
    dryRun,
    repeated: groups.length > 0 && groups.every(({ repeated }) => repeated),
    counts: total(groups),
    groups,
    rows,
    pins: await pinsOf(ownGroups(port), new Set(touched), dryRun ? what.selector : undefined),
  };
}

async function purgeGroup(port: AdminPort, view: GroupView, command: PurgeCommand, room: Room): Promise<Done> {
  const { selector, order, dryRun } = command;
  // Of a single one, what it is: it goes at once, and is in no list of a sweep.
  const single = selector.type === 'lock' ? await matchingRows(view, selector, 1) : [];
  // Of an address it is known before its rows are swept.
  const pinned = selector.type === 'address' ? pinnedThrough(view.state, selector.address) : [];
  const settled = await port.submit(view.name, command);
  if (settled.type === 'withheld') throw withheld(view.name, settled.cause, order);
  const outcome = purgedOutcome(settled.outcome, view.name);
  const { counts, repeated } = outcome;
  const position = outcome.position ?? settled.position;
  const facts = { group: view.name, epoch: view.epoch, position, repeated };
  if (dryRun) {
    const rows = room.fill(await matchingRows(view, selector, PAGE_ROWS_DEFAULT));
    const isWhole = rows.length === dropped(counts);
    const files = isWhole ? { files: new Set(rows.map(({ handle }) => handle)).size } : {};
    return {
      group: { ...facts, counts: { ...counts, ...files }, list: 'none' },
      rows,
      fileSystems: pinned,
    };
  }
  if (selector.type === 'lock' && !repeated) {
    const group: PurgedGroup = { ...facts, counts: { ...counts, files: 1 }, list: 'kept' };
    return { group, rows: single, fileSystems: pinned };
  }
  // What of a client pins a file system is counted row by row: its sweep ends first.
  const wanted = selector.type === 'client' ? Number.POSITIVE_INFINITY : ANSWER_ROWS_MAX + 1;
  const report = await port.purgeReport(view.name, position, wanted);
  if (report === undefined) return { group: { ...facts, counts, list: 'gone' }, rows: [], fileSystems: pinned };
  const rows = room.fill(await rowsWithin(report.rows, 0, ANSWER_ROWS_MAX));
  const group: PurgedGroup = {
    ...facts,
    counts: report.files === undefined ? counts : { ...counts, files: report.files },
    list: report.truncated || dropped(counts) > PURGE_ROWS_MAX ? 'truncated' : 'kept',
    ...(rows.length < report.rows.length ? { cursor: String(rows.length) } : {}),
  };
  return { group, rows, fileSystems: [...report.fileSystems, ...pinned] };
}

function purgedOutcome(outcome: { readonly type: string }, group: string): Extract<AdminOutcome, { type: 'purged' }> {
  // The cast states what `decide` answers to a purge; nothing else passes the switch below.
  const answer = outcome as AdminOutcome;
  switch (answer.type) {
    case 'purged':
      return answer;
    case 'not-found':
      throw new LedgerError('not-found', `group ${group} has no ${answer.what}`);
    case 'refused':
      throw new LedgerError('refused', `group ${group}: ${answer.why}`);
    default:
      throw new LedgerError('unavailable', `group ${group} gave no answer to the order`);
  }
}

function withheld(group: string, cause: LedgerError, { commandId }: Order): LedgerError {
  const message = `group ${group}: ${cause.message}; whether the order is in the ledger is not known: repeat it with command id ${commandId}, it is carried out once`;
  return new LedgerError(cause.code, message, { cause, details: { ...cause.details, group, commandId } });
}

function dropped({ locks, waiters, shares }: PurgeCounts): number {
  return locks + waiters + shares;
}

function total(groups: readonly PurgedGroup[]): PurgeCounts {
  const sum = (of: (counts: PurgeCounts) => number): number => groups.reduce((all, { counts }) => all + of(counts), 0);
  const known = groups.every(({ counts }) => counts.files !== undefined);
  return {
    locks: sum(({ locks }) => locks),
    waiters: sum(({ waiters }) => waiters),
    shares: sum(({ shares }) => shares),
    ...(known ? { files: sum(({ files }) => files ?? 0) } : {}),
  };
}
