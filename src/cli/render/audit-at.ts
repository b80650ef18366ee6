/** A group as it was at a moment. */

import type { RowAt, StateHead } from '../../audit/at.js';
import type { Paint } from '../output.js';
import { ageText, countText, fileSystemText, modeText, rangeText, tableLines } from './text.js';
import type { TimeText } from './time.js';

export function stateHeadLines(head: StateHead, time: TimeText, paint: Paint): string[] {
  const { group, position, epoch, node, locks, waiters, shares } = head;
  const when = head.time === undefined ? 'before its first entry' : time(head.time);
  const owner = node === undefined ? '' : `, epoch ${epoch}, owned by node ${node}`;
  const held = `${countText(locks, 'lock')}, ${countText(waiters, 'waiter')}, ${countText(shares, 'share')}`;
  return [
    `${paint('bold', `group ${group} at position ${position}`)}, ${when}${owner}: ${held}`,
    ...head.graces.map(({ scope, until, policy }) => {
      const where = scope.type === 'all' ? 'everything' : scope.type === 'address' ? scope.address : scope.fileSystem;
      return `${paint('yellow', 'in grace')}: ${where}, ${policy}, until ${time(until)}`;
    }),
  ];
}

export function rowAtLines(rows: readonly RowAt[], withHead: boolean, time: number, paint: Paint): string[] {
  const head = ['', 'LOCK', 'CLIENT', 'THROUGH', 'OWNER', 'MODE', 'RANGE', 'FOR', 'FILE SYSTEM', 'FILE', ''];
  const lines = tableLines(
    head,
    rows.map((row) => [
      row.kind,
      String(row.lock),
      `${row.client}@${row.clientAddress}`,
      row.serverAddress,
      `${row.svid} ${row.oh}`,
      row.kind === 'share' ? `denies ${bitsText(row.mode)}` : modeText(row.exclusive),
      row.kind === 'share' ? `for ${bitsText(row.access)}` : rangeText(row.start, row.end),
      ageText(time - row.since),
      fileSystemText(row.fileSystem),
      row.handle,
      remark(row),
    ]),
    paint,
  );
  return withHead ? lines : lines.slice(1);
}

function remark(row: RowAt): string {
  if (row.kind === 'waiter') {
    const [first, ...others] = row.behind;
    if (first === undefined) return 'about to be granted';
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return `behind lock ${first.lock} of ${first.client}@${first.clientAddress}${more}`;
  }
  if (row.expected) return 'expected to be reclaimed';
  return row.kind === 'lock' && !row.acknowledged ? 'granted, not acknowledged yet' : '';
}

export function bitsText(bits: number): string {
  return ['nothing', 'reading', 'writing', 'reading and writing'][bits] ?? String(bits);
}
