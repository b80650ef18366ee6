/** Held locks, shares and waiters as tables. */

import type { LockRow, WaiterRow } from '../../admin/messages.js';
import type { Paint } from '../output.js';
import { ageText, fileSystemText, modeOf, rangeText, tableLines } from './text.js';

export function lockLines(rows: readonly LockRow[], now: number, paint: Paint): string[] {
  if (rows.length === 0) return ['no locks'];
  const head = ['LOCK', 'CLIENT', 'THROUGH', 'OWNER', 'MODE', 'RANGE', 'HELD', 'FILE SYSTEM', 'FILE'];
  return tableLines(
    head,
    rows.map((row) => [
      ...leading(row),
      ageText(now - row.since),
      fileSystemText(row.fileSystem),
      row.path ?? row.handle,
    ]),
    paint,
  );
}

export function waiterLines(rows: readonly WaiterRow[], paint: Paint): string[] {
  if (rows.length === 0) return ['nobody waits'];
  const head = ['LOCK', 'CLIENT', 'THROUGH', 'OWNER', 'MODE', 'RANGE', 'WAITS', 'BEHIND', 'FILE SYSTEM', 'FILE'];
  return tableLines(
    head,
    rows.map((row) => [
      ...leading(row),
      ageText(row.waitingMs),
      behindText(row),
      fileSystemText(row.fileSystem),
      row.path ?? row.handle,
    ]),
    paint,
  );
}

function leading(row: LockRow): string[] {
  return [
    String(row.lock),
    `${row.client}@${row.clientAddress}`,
    row.serverAddress,
    `${row.svid} ${row.oh}`,
    modeOf(row),
    rangeText(row.start, row.end),
  ];
}

function behindText({ behind }: WaiterRow): string {
  const [first] = behind;
  if (first === undefined) return 'nobody: about to be granted';
  const more = behind.length === 1 ? '' : ` and ${behind.length - 1} more`;
  return `lock ${first.lock} of ${first.client}@${first.clientAddress}${more}`;
}
