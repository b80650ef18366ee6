/** The ledger on the disk, for people. */

import type { CopiedGroup } from '../../ledger/file/backup.js';
import type { LedgerStat } from '../../ledger/file/stat.js';
import type { Verification } from '../../ledger/file/verify.js';
import type { OpenedGeneration } from '../../ledger/jetstream/generation.js';
import type { Paint } from '../output.js';
import { countText, sizeText } from './text.js';

export function statLines(stat: LedgerStat): string[] {
  const { firstTime, lastTime, growthBytesPerDay, limits } = stat;
  const free = `${sizeText(stat.freeBytes)} free; below ${sizeText(limits.freeBytesMin)} only releases and purges are taken`;
  return [
    `group ${stat.group}: ${countText(stat.entries, 'entry', 'entries')}, head at position ${stat.head}, epoch ${stat.epoch}`,
    `${countText(stat.segments, 'segment')}, ${sizeText(stat.usedBytes)} used of ${sizeText(stat.fileBytes)} on the disk`,
    ...(firstTime === undefined || lastTime === undefined
      ? []
      : [`from ${dateText(firstTime)} to ${dateText(lastTime)}`]),
    growthBytesPerDay === undefined
      ? 'growth: known after its first hour'
      : `growth: ${sizeText(growthBytesPerDay)} a day`,
    `disk: ${free}`,
    `checkpoints at: ${stat.checkpoints.length === 0 ? 'none yet' : stat.checkpoints.join(', ')}`,
    ...(stat.aside.length === 0 ? [] : [`set aside by recovery: ${stat.aside.join(', ')}`]),
  ];
}

export function verificationLines(found: Verification, paint: Paint): string[] {
  const { segments, entries, events, head, fault } = found;
  const read = `${countText(segments, 'segment')}, ${countText(entries, 'entry', 'entries')}, ${countText(events, 'event')}`;
  if (fault !== undefined)
    return [`${paint('red', 'damaged')}: ${fault}`, `sound before it: ${read}, up to position ${head.position}`];
  return [`${paint('green', 'sound')}: ${read}`, `head at position ${head.position}, SHA-256 ${hashText(head.hash)}`];
}

export function generationLines({ group, sealed, opened, position }: OpenedGeneration): string[] {
  return [
    `group ${group} goes on in the stream ${opened}, which begins with position ${position}`,
    `${sealed} is sealed: delete it once every node's archive is past position ${position} (nlm-ledger ledger stat)`,
  ];
}

export function copiedLines(what: 'backed up' | 'restored', groups: readonly CopiedGroup[], folder: string): string[] {
  return groups.map(
    ({ group, position, hash }) => `${what} group ${group} up to position ${position} in ${folder}, SHA-256 ${hash}`,
  );
}

export function hashText(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}

function dateText(time: number): string {
  return new Date(time).toISOString();
}
