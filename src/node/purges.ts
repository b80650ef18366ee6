/** What a purge dropped, in the words of the administrative port. */

import type { DroppedLock } from '../admin/port.js';
import { rangeTexts } from '../admin/rows.js';
import { textOfBytes } from '../admin/text.js';
import { bytesToHex } from '../base/bytes.js';
import type { Event } from '../core/event.js';
import { isSweeping, type NlmFiles } from '../core/state.js';
import type { DroppedRow } from '../core/sweep.js';
import type { PurgeReports } from '../engine/purge-reports.js';
import type { Position } from '../ledger/port.js';

/** Begins the report of a purge that has just become durable; its rows follow as they are swept. */
export function reportPurge(reports: PurgeReports, position: Position, event: Event, state: NlmFiles): void {
  switch (event.type) {
    case 'address-unlocked':
    case 'file-system-unlocked':
    case 'client-unlocked':
    case 'locks-expected':
      reports.begin(position);
      if (!isSweeping(state)) reports.end();
      return;
    case 'lock-unlocked':
    case 'share-unlocked':
    case 'waiter-unlocked':
      // Gone at once, without a sweep: its one row is what the answer's count says.
      reports.begin(position);
      reports.end();
      return;
    default:
  }
}

export function droppedRow(dropped: DroppedRow): DroppedLock {
  const { start, end } = rangeTexts(dropped.range);
  // Field by field: what is spread in between makes a dictionary of it, and a long list several times as dear.
  const row: DroppedLock = {
    kind: dropped.type,
    lock: dropped.id,
    client: textOfBytes(dropped.clientName),
    clientAddress: dropped.clientAddress,
    serverAddress: dropped.serverAddress,
    svid: dropped.svid,
    oh: textOfBytes(dropped.oh),
    fileSystem: dropped.fileSystem,
    handle: bytesToHex(dropped.handle),
    start,
    end,
    exclusive: dropped.exclusive,
  };
  const { mode, access } = dropped;
  return mode === undefined || access === undefined ? row : { ...row, mode, access };
}
