/** `status` and `groups`: does the node serve, and what is off. */

import type { GroupReply, GroupsReply, GroupStatus, Status, StatusReply } from './messages.js';
import type { AdminPort } from './port.js';
import { lifeOf } from './takeover.js';

/** From good to bad: a node is as well as its worst group. One that stands by is well. */
const BY_WEIGHT: readonly Status[] = ['serving', 'grace', 'degraded', 'down'];

export async function status(port: AdminPort): Promise<StatusReply> {
  const view = port.node();
  const { groups: known } = await groups(port);
  return {
    node: view.name,
    release: view.release,
    pid: view.pid,
    startedAt: view.startedAt,
    data: view.data,
    status: worst(known),
    groups: known,
    listeners: view.listeners,
    connections: view.connections,
    clients: view.clients,
    notes: view.notes,
    registration: view.registration,
    unmappedCalls: view.unmappedCalls,
    counters: view.counters,
  };
}

export async function groups(port: AdminPort): Promise<GroupsReply> {
  const shared = port.takeovers().map(lifeOf);
  return {
    groups: port.groups().map(({ name, epoch, position, status: now, statusReason, state }) => ({
      name,
      epoch,
      position,
      status: now,
      statusReason,
      locks: state?.lockCount ?? 0,
      waiters: state?.waiterCount ?? 0,
    })),
    ...(shared.length === 0 ? {} : { shared }),
  };
}

function worst(known: readonly GroupReply[]): Status {
  const weight = Math.max(0, ...known.map(({ status: each }) => weightOf(each)));
  return BY_WEIGHT[weight] ?? 'down';
}

function weightOf(status: GroupStatus): number {
  return status === 'standby' ? 0 : BY_WEIGHT.indexOf(status);
}
