/** What happened, one line each: when, where in the ledger, to whom, what, and why. */

import type { Blocker } from '../../admin/messages.js';
import type { HistoryRow, What } from '../../audit/history-row.js';
import type { Cause } from '../../audit/orders.js';
import type { Paint } from '../output.js';
import { bitsText } from './audit-at.js';
import { ageText, fileSystemText, modeText, rangeText } from './text.js';
import type { TimeText } from './time.js';

const WORDS: Readonly<Record<What, string>> = {
  granted: 'granted',
  released: 'released',
  waits: 'waits for',
  'granted-after-wait': 'granted after a wait',
  'wait-ended': 'no longer waits for',
  acknowledged: 'acknowledged',
  'grant-undone': 'took back',
  dropped: 'LOST',
  expected: 'LOST, to be reclaimed,',
  'waits-again': 'waits again for',
  missed: 'LOST, not reclaimed in time,',
  'reclaim-refused': 'was refused to reclaim',
  'reclaim-conflict': 'could not reclaim',
  purged: 'purge',
  rebooted: 'rebooted',
  'freed-all': 'gave everything back (FREE_ALL)',
  'call-refused': 'a call was refused',
  'grace-opened': 'grace opened',
  'grace-ended': 'grace ended',
  'node-started': 'node started',
  'rules-set': 'rules set',
  group: 'group',
  event: 'event',
  ignored: 'ignored',
};

const LOUD: ReadonlySet<What> = new Set(['dropped', 'expected', 'missed', 'reclaim-refused', 'reclaim-conflict']);

export function historyLine(row: HistoryRow, time: TimeText, paint: Paint): string {
  const { what, group, position } = row;
  const words = [
    paint('dim', `${time(row.time)} ${group} ${position}`),
    ...(row.client === undefined ? [] : [whoText(row)]),
    LOUD.has(what) ? paint('red', WORDS[what]) : paint('bold', WORDS[what]),
    ...whatText(row),
    ...detailText(row),
  ];
  return words.join(' ');
}

function whoText({ client, clientAddress, svid, oh, serverAddress }: HistoryRow): string {
  const owner = svid === undefined ? '' : ` svid ${svid} (${oh})`;
  const through = serverAddress === undefined ? '' : ` through ${serverAddress}`;
  return `${client}@${clientAddress}${owner}${through}`;
}

function whatText({ what, kind, mode, access, exclusive, start, end, fileSystem, handle }: HistoryRow): string[] {
  if (handle === undefined) return [];
  const where = `of ${fileSystemText(fileSystem ?? '')} ${handle}`;
  if (kind === 'share') {
    const uses = access === undefined ? '' : ` for ${bitsText(access)}`;
    return [`a share${uses} that denies ${bitsText(mode ?? 0)}`, where];
  }
  const range = start === undefined || end === undefined ? '' : rangeText(start, end);
  const wait = kind === 'waiter' && what === 'dropped' ? 'the wait for ' : '';
  return [`${wait}${exclusive === undefined ? '' : `${modeText(exclusive)} `}${range}`, where];
}

function detailText(row: HistoryRow): string[] {
  const { heldMs, waitedMs, behind, cause, detail, lock, reclaim } = row;
  const texts = [
    ...(lock === undefined ? [] : [`lock ${lock}`]),
    ...(reclaim === true ? ['a reclaim'] : []),
    ...(heldMs === undefined ? [] : [`held for ${ageText(heldMs)}`]),
    ...(waitedMs === undefined ? [] : [`after ${ageText(waitedMs)}`]),
    ...(behind === undefined || behind.length === 0 ? [] : [behindText(behind)]),
    ...(cause === undefined ? [] : [causeText(cause)]),
    ...(detail === undefined ? [] : [detail]),
  ];
  return texts.length === 0 ? [] : [`(${texts.join('; ')})`];
}

function behindText([first, ...others]: readonly Blocker[]): string {
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  return `behind lock ${first?.lock} of ${first?.client}@${first?.clientAddress} svid ${first?.svid}${more}`;
}

function causeText(cause: Cause): string {
  switch (cause.type) {
    case 'purge': {
      const { aim, order, position } = cause;
      const why = order.reason === '' ? '' : `, ${JSON.stringify(order.reason)}`;
      return `by ${aim}, ordered by ${order.actor} through ${order.door} at position ${position}, command ${order.commandId}${why}`;
    }
    case 'reboot':
      return `the client rebooted, NSM state ${cause.state}`;
    case 'free-all':
      return 'the client gave everything back (FREE_ALL)';
    case 'grace': {
      const { actor, door, reason } = cause.order;
      return `by ${actor} through ${door}${reason === '' ? '' : `, ${JSON.stringify(reason)}`}`;
    }
  }
}
