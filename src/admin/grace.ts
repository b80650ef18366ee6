/** `grace-open`, `grace-end` and `grace-status`: the grace periods of this node's groups, a scope at a time. */

import { parseAddress } from '../base/address.js';
import { LedgerError } from '../base/errors.js';
import type { Command, GraceScope } from '../core/command.js';
import { clients, expectedCount, graces } from '../core/queries.js';
import type { NlmFiles } from '../core/state.js';
import type { AdminCall } from './call.js';
import type { GraceOpenRequest, GraceReply, GraceRequest, GraceView } from './messages.js';
import { groupsFor, orderOf, ownGroups } from './order.js';
import type { AdminPort, GroupView } from './port.js';
import { textOfBytes } from './text.js';

const DURATION_MS_DEFAULT = 90_000;
/** Clients that are named for one group. */
const CLIENTS_MAX = 1000;

/** @throws LedgerError 'bad-address', 'refused', or what kept the ledger from taking it */
export async function graceOpen(port: AdminPort, request: GraceOpenRequest, call: AdminCall): Promise<GraceReply> {
  const { durationMs = DURATION_MS_DEFAULT, policy = 'strict', expect = 'held' } = request;
  const scope = scopeOf(request);
  const order = orderOf(request, call);
  const groups = groupsFor(port, request);
  await submitAll(port, groups, { type: 'open-grace', scope, durationMs, policy, expect, order });
  return graceStatus(port);
}

/** What was not reclaimed by then is missed. @throws LedgerError 'not-found' where no such grace is open */
export async function graceEnd(port: AdminPort, request: GraceRequest, call: AdminCall): Promise<GraceReply> {
  const scope = scopeOf(request);
  const order = orderOf(request, call);
  const groups = groupsFor(port, request);
  await submitAll(port, groups, { type: 'end-grace', scope, why: 'command', order });
  return graceStatus(port);
}

export async function graceStatus(port: AdminPort): Promise<GraceReply> {
  return {
    node: port.node().name,
    graces: ownGroups(port).flatMap(({ name, state }) => (state === undefined ? [] : viewsOf(name, state))),
    clients: ownGroups(port).flatMap(({ name, state }) => (state === undefined ? [] : expectedClients(name, state))),
  };
}

function viewsOf(group: string, state: NlmFiles): GraceView[] {
  return graces(state).map(({ scope, until, policy, endsEarly }) => ({
    group,
    scope: scope.type,
    ...(scope.type === 'address' ? { address: scope.address } : {}),
    ...(scope.type === 'file-system' ? { fileSystem: scope.fileSystem } : {}),
    policy,
    until,
    endsEarly,
    expected: expectedCount(state, scope),
  }));
}

function expectedClients(group: string, state: NlmFiles): GraceReply['clients'] {
  return clients(state)
    .filter(({ expected }) => expected > 0)
    .slice(0, CLIENTS_MAX)
    .map(({ name, address, expected }) => ({ group, client: textOfBytes(name), clientAddress: address, expected }));
}

function scopeOf({ address, fileSystem }: GraceRequest): GraceScope {
  if (address !== undefined) return { type: 'address', address: parseAddress(address) };
  return fileSystem === undefined ? { type: 'all' } : { type: 'file-system', fileSystem };
}

async function submitAll(port: AdminPort, groups: readonly GroupView[], command: Command): Promise<void> {
  let done = 0;
  for (const { name } of groups) {
    const settled = await port.submit(name, command);
    if (settled.type === 'withheld') throw settled.cause;
    if (settled.outcome.type === 'done') done += 1;
  }
  if (done === 0) throw new LedgerError('not-found', 'no grace period of this scope is open');
}
