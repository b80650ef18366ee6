/** What a purge dropped, in the words of the administrative port. */

import type { DroppedLock } from '../admin/port.js';
import { bytesToHex, type Bytes } from '../base/bytes.js';
import { equalU64, U64_MAX, u64ToString } from '../base/u64.js';
import type { Event } from '../core/event.js';
import type { Range } from '../core/range.js';
import { isSweeping, type NlmFiles } from '../core/state.js';
import type { DroppedRow } from '../core/sweep.js';
import type { PurgeReports } from '../engine/purge-reports.js';
import type { Position } from '../ledger/port.js';

/** Begins the report of a purge that has just become durable; its rows follow as they are swept. */
export function reportPurge(
  reports: PurgeReports<DroppedRow>,
  position: Position,
  event: Event,
  state: NlmFiles,
): void {
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

export function droppedRow(row: DroppedRow): DroppedLock {
  const { type, id, clientName, clientAddress, serverAddress, svid, oh, fileSystem, handle, range, exclusive } = row;
  return {
    kind: type,
    lock: id,
    client: textOf(clientName),
    clientAddress,
    serverAddress,
    svid,
    oh: textOf(oh),
    fileSystem,
    handle: bytesToHex(handle),
    ...offsetsOf(range),
    exclusive,
    ...(row.mode === undefined ? {} : { mode: row.mode }),
    ...(row.access === undefined ? {} : { access: row.access }),
  };
}

function offsetsOf({ start, end }: Range): { readonly start: string; readonly end: string } {
  return { start: u64ToString(start), end: equalU64(end, U64_MAX) ? 'eof' : u64ToString(end) };
}

/** Printable bytes as they are, others as \xHH. */
function textOf(bytes: Bytes): string {
  return bytes.replace(/[^\x20-\x7e]|\\/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
