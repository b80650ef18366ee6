/** What is gone and what is new between two moments. */

import type { DiffRow } from '../../audit/diff.js';
import type { Paint } from '../output.js';
import { bitsText } from './audit-at.js';
import { fileSystemText, modeText, rangeText } from './text.js';

export function diffLine(row: DiffRow, paint: Paint): string {
  const { kind, lock, client, clientAddress, svid, oh, serverAddress, fileSystem, handle } = row;
  const sign = row.change === 'gone' ? paint('red', '-') : paint('green', '+');
  const who = `${client}@${clientAddress} svid ${svid} (${oh}) through ${serverAddress}`;
  const what =
    kind === 'share'
      ? `for ${bitsText(row.access ?? 0)}, denies ${bitsText(row.mode ?? 0)}`
      : `${modeText(row.exclusive ?? false)} ${rangeText(row.start ?? '', row.end ?? '')}`;
  const expected = row.expected === true ? ', expected to be reclaimed' : '';
  return `${sign} ${kind} ${lock} ${who}: ${what} of ${fileSystemText(fileSystem ?? '')} ${handle}${expected}`;
}
