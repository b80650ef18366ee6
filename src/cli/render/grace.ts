/** Grace periods, and what is expected in them, for people. */

import type { GraceReply, GraceView } from '../../admin/messages.js';
import type { Paint } from '../output.js';
import { countText, fileSystemText } from './text.js';

export function graceLines({ node, graces, clients }: GraceReply, now: number, paint: Paint): string[] {
  if (graces.length === 0) return [`no grace period on node ${node}`];
  return [
    ...graces.map((grace) => graceLine(grace, now, paint)),
    ...clients.map(
      ({ client, clientAddress, expected }) =>
        `${client}@${clientAddress} has ${countText(expected, 'lock')} to reclaim`,
    ),
  ];
}

function graceLine(
  { group, scope, address, fileSystem, policy, until, expected }: GraceView,
  now: number,
  paint: Paint,
): string {
  const where =
    scope === 'address' ? `address ${address}` : scope === 'all' ? 'everything' : fileSystemText(fileSystem ?? '');
  const left = Math.max(0, Math.ceil((until - now) / 1000));
  return `${paint('yellow', 'grace')} for ${where} in group ${group}: ${policy}, ${countText(expected, 'lock')} expected, at most ${left} s more`;
}
