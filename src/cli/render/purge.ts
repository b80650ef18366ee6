/** What an order dropped, and what still pins the file systems that it touched. */

import type { PurgeReply, Pin } from '../../admin/messages.js';
import type { DroppedLock } from '../../admin/port.js';
import type { Paint } from '../output.js';
import { countText, fileSystemText, modeOf, rangeText, tableLines } from './text.js';

export function purgeLines(reply: PurgeReply, paint: Paint): string[] {
  return [
    headline(reply, paint),
    ...rowLines(reply.rows, paint),
    ...reply.pins.flatMap((pin) => pinLines(pin, reply.dryRun, paint)),
  ];
}

function headline({ node, dryRun, repeated, counts, groups, commandId }: PurgeReply, paint: Paint): string {
  const files = counts.files === undefined ? '' : ` on ${countText(counts.files, 'file')}`;
  const what = `${heldText(counts)}${files}`;
  const where = groups.map(({ group, position }) => `position ${position} of the ledger of ${group}`).join(', ');
  if (dryRun) return `${paint('bold', 'dry run')}: would drop ${what} on node ${node}; nothing was recorded`;
  if (groups.length === 0) return `node ${node} owns no group that has any of it: nothing to drop`;
  const again = repeated ? ` (done before under this id; nothing more was dropped now)` : '';
  return `${paint('bold', 'dropped')} ${what} on node ${node}, at ${where}${again}; command ${commandId}`;
}

/** Shares are rare: they are named where there are any. */
function heldText({ locks, waiters, shares }: Pick<Pin, 'locks' | 'waiters' | 'shares'>): string {
  const held = shares === 0 ? '' : `, ${countText(shares, 'share')}`;
  return `${countText(locks, 'lock')}${held} and ${countText(waiters, 'waiter')}`;
}

function rowLines(rows: readonly DroppedLock[], paint: Paint): string[] {
  if (rows.length === 0) return [];
  return tableLines(
    ['', 'LOCK', 'CLIENT', 'THROUGH', 'OWNER', 'MODE', 'RANGE', 'FILE SYSTEM', 'FILE'],
    rows.map((row) => [
      row.kind,
      String(row.lock),
      `${row.client}@${row.clientAddress}`,
      row.serverAddress,
      `${row.svid} ${row.oh}`,
      modeOf(row),
      rangeText(row.start, row.end),
      fileSystemText(row.fileSystem),
      row.handle,
    ]),
    paint,
  );
}

function pinLines(pin: Pin, dryRun: boolean, paint: Paint): string[] {
  const name = fileSystemText(pin.fileSystem);
  if (pin.locks + pin.waiters + pin.shares === 0) {
    // Nobody unmounts what no export names.
    if (pin.fileSystem === '') return [];
    return [dryRun ? `nothing else pins ${name}` : `nothing pins ${name} any more`];
  }
  return [`${paint('yellow', 'still pinned')}: ${name} by ${heldText(pin)}, through ${pin.addresses.join(', ')}`];
}
