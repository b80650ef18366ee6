/** What `audit verify` and `audit check-proof` found, for people. */

import type { Archived } from '../../audit/evidence/archive.js';
import type { Compared } from '../../audit/evidence/compare.js';
import type { Checked } from '../../audit/evidence/check.js';
import type { Evidence, Fault } from '../../audit/evidence/verify.js';
import { decodeEvents } from '../../core/event-codec.js';
import type { Event } from '../../core/event.js';
import { jsonText } from '../../ledger/file/dump.js';
import type { Entry } from '../../ledger/port.js';
import type { Paint } from '../output.js';
import { countText, sizeText } from './text.js';

export function evidenceLines(found: Evidence, faults: readonly Fault[], paint: Paint): string[] {
  const { group, head, segments, entries, events, root, projections, notes, matched, remarks } = found;
  const read = `${countText(segments, 'segment')}, ${countText(entries, 'entry', 'entries')}, ${countText(events, 'event')}`;
  const held = `${countText(projections, 'projection')} and ${countText(notes, 'signed checkpoint')} hold`;
  const lines = [
    faults.length === 0
      ? `${paint('green', 'sound')}: group ${group}: ${read}`
      : `${paint('red', 'not sound')}: group ${group}: ${countText(found.faults, 'fault')}`,
    ...faults.map((fault) => faultLine(fault, paint)),
  ];
  if (found.faults > faults.length) lines.push(`${found.faults - faults.length} more are not listed`);
  if (faults.length > 0) lines.push(`read: ${read}`, whatFollows(faults[0]!, found));
  lines.push(`head at position ${head.position}, SHA-256 ${hex(head.hash)}`);
  if (root !== undefined && faults.length === 0) lines.push(`Merkle root ${hex(root)}`);
  lines.push(`the rules were asked up to position ${found.ruled}; ${held}`);
  for (const name of matched) lines.push(`${paint('green', 'holds')}: ${name}`);
  return [...lines, ...remarks.map((remark) => paint('dim', remark))];
}

function faultLine({ kind, file, offset, position, why }: Fault, paint: Paint): string {
  const place = [
    file,
    ...(offset === undefined ? [] : [`byte ${offset}`]),
    ...(position === undefined ? [] : [`position ${position}`]),
  ];
  return `${paint('red', kind)}: ${place.join(', ')}: ${why}`;
}

function whatFollows({ position }: Fault, { head }: Evidence): string {
  if (position === undefined || position > head.position)
    return 'all entries before it are as they were written, as far as the chain tells';
  return `what stands before position ${position} is as it was written; from there up to ${head.position} it proves nothing by itself`;
}

export function checkedLines(checked: Checked, paint: Paint): string[] {
  const verdict = checked.holds ? paint('green', 'proved') : paint('red', 'NOT proved');
  if (checked.type === 'consistency') {
    const { first, second } = checked;
    return [
      `${verdict}: the ledger of ${first.size} entries is ${checked.holds ? '' : 'not shown to be '}the beginning of the one of ${second.size}`,
      `${first.origin}: ${timeText(first.time)} and ${timeText(second.time)}`,
    ];
  }
  const { entry, checkpoint } = checked;
  return [
    `${verdict}: the entry at position ${entry.position} is ${checked.holds ? '' : 'not shown to be '}one of the ${checkpoint.size} of ${checkpoint.origin}`,
    `written ${timeText(entry.time)} by node ${entry.node} in epoch ${entry.epoch}; checkpoint of ${timeText(checkpoint.time)}`,
    ...eventsOf(entry).map(jsonText),
  ];
}

export function archivedLine({ group, segments, bytes, upTo, to }: Archived, dryRun: boolean): string {
  if (segments === 0) return `group ${group}: no segment is old enough`;
  const what = `${countText(segments, 'segment')} (${sizeText(bytes)}), up to position ${upTo}`;
  return `group ${group}: ${what}, ${dryRun ? 'would go' : 'went'} to ${to}`;
}

export function comparedLines({ group, places, from, to, heads, differs }: Compared, paint: Paint): string[] {
  const [a, b] = places;
  const same =
    to < from
      ? 'they have no entry in common'
      : `the same from position ${from} to ${differs === undefined ? to : differs.position - 1}`;
  const longer = heads[0] === heads[1] ? [] : [`${heads[0] > heads[1] ? a : b} goes on to ${Math.max(...heads)}`];
  if (differs === undefined) return [`${paint('green', 'agree')}: group ${group} in ${a} and ${b}: ${same}`, ...longer];
  const [mine, theirs] = differs.entries.map(
    ({ epoch, node, time }) => `epoch ${epoch}, node ${node}, ${timeText(time)}`,
  );
  return [
    `${paint('red', 'differ')}: group ${group} at position ${differs.position}; ${same}`,
    `${a}: ${mine}`,
    `${b}: ${theirs}`,
    ...longer,
  ];
}

export function checkedJson(checked: Checked): string {
  if (checked.type === 'consistency') return jsonText(checked);
  const { entry, ...rest } = checked;
  return jsonText({ ...rest, entry: { ...entry, events: eventsOf(entry) } });
}

function eventsOf({ events }: Entry): Event[] {
  const found: Event[] = [];
  decodeEvents(events, (event) => found.push(event));
  return found;
}

function timeText(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString() : 'an unknown time';
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
