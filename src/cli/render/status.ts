/** The state of the node, for people. */

import type { GroupReply, Status, StatusReply } from '../../admin/messages.js';
import type { Listener } from '../../admin/port.js';
import type { Paint } from '../output.js';
import { ageText, countText } from './text.js';

const COLOUR = { serving: 'green', grace: 'yellow', degraded: 'yellow', standby: 'dim', down: 'red' } as const;

export function statusLines(reply: StatusReply, now: number, paint: Paint): string[] {
  return [
    `${paint(COLOUR[reply.status], reply.status)}: node ${reply.node}, release ${reply.release}, process ${reply.pid}, up ${ageText(now - reply.startedAt)}`,
    ...reply.groups.map((group) => groupLine(group, paint)),
    ...reply.listeners.map(listenerLine),
    `${countText(reply.clients, 'client')} known, ${countText(reply.connections, 'connection')}`,
    ...registrationLines(reply),
    `ledger in ${reply.data}`,
    ...(reply.unmappedCalls === 0 ? [] : [`${countText(reply.unmappedCalls, 'call')} on handles that no export maps`]),
    ...reply.notes.map((note) => `note: ${note}`),
  ];
}

/** A note that says the same is enough. */
export function registrationLines({ registration, notes }: Pick<StatusReply, 'registration' | 'notes'>): string[] {
  return notes.includes(registration) ? [] : [`rpcbind: ${registration}`];
}

export function groupLine(group: GroupReply, paint: Paint): string {
  const { name, status, statusReason, epoch, position, locks, waiters } = group;
  const why = statusReason === '' ? '' : ` (${statusReason})`;
  const what = `${countText(locks, 'lock')}, ${countText(waiters, 'waiter')}`;
  return `group ${name}: ${paint(COLOUR[status], status)}${why}, ${what}, position ${position}, epoch ${epoch}`;
}

export function listenerLine(listener: Listener): string {
  const nsm = listener.nsmPort === undefined ? '' : `, NSM port ${listener.nsmPort}`;
  const where = listener.present ? 'listens' : 'waits for its address';
  const problem = listener.problem === undefined ? '' : `: ${listener.problem}`;
  return `${listener.address}: ${where}, NLM port ${listener.nlmPort}${nsm}${problem}`;
}

/** For the exit code: the worst. */
export function exitOfStatus(status: Status): number {
  return { serving: 0, grace: 10, degraded: 11, down: 3 }[status];
}
