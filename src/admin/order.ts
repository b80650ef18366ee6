/** What every order shares: its identity, and the node, groups and epochs that it is meant for. */

import { LedgerError } from '../base/errors.js';
import type { Order } from '../core/command.js';
import type { AdminCall } from './call.js';
import type { OrderRequest } from './messages.js';
import type { AdminPort, GroupView } from './port.js';

export function orderOf(request: OrderRequest, call: AdminCall): Order {
  return {
    commandId: request.commandId ?? call.commandId,
    actor: call.actor,
    door: call.door,
    reason: request.reason ?? '',
    ...(call.signature === undefined ? {} : { signature: call.signature }),
  };
}

/**
 * The groups that an order goes to: every one that the node owns (which may be none: the order is for other nodes), or
 * the named one. @throws LedgerError 'refused', 'not-found'
 */
export function groupsFor(port: AdminPort, request: OrderRequest, named?: string): readonly GroupView[] {
  const { name } = port.node();
  if (request.node !== undefined && request.node !== name) {
    throw new LedgerError('refused', `this is node ${name}, not ${request.node}: nothing was dropped`);
  }
  const groups = port.groups().filter((group) => isOrdered(group, named));
  if (named !== undefined && groups.length === 0)
    throw new LedgerError('not-found', `node ${name} owns no group ${named}`);
  if (request.epoch !== undefined && groups.length === 0)
    throw new LedgerError('refused', `node ${name} owns no group: nothing was dropped`);
  const other = groups.find((group) => request.epoch !== undefined && group.epoch !== request.epoch);
  if (other === undefined) return groups;
  throw new LedgerError(
    'refused',
    `group ${other.name} is in epoch ${other.epoch}, not ${request.epoch}: nothing was dropped`,
  );
}

function isOrdered({ name, status, isLocal }: GroupView, named: string | undefined): boolean {
  if (named !== undefined) return name === named && status !== 'standby';
  return status !== 'standby' && !isLocal;
}

/** Without those of other nodes that this one stands by for. */
export function ownGroups(port: AdminPort): readonly GroupView[] {
  return port.groups().filter(({ status }) => status !== 'standby');
}
