/**
 * `release`, `take` and `group-status`: a service group moves between nodes. On the bus every node hears an order, and
 * only the one that it concerns acts: the owner releases; who takes is named, or the only one that can.
 */

import { LedgerError } from '../base/errors.js';
import { expectedCount } from '../core/queries.js';
import type { AdminCall } from './call.js';
import type {
  GroupLifeReply,
  GroupStatusRequest,
  ReleaseRequest,
  TakeoverReply,
  TakeoverRequest,
  TakeRequest,
} from './messages.js';
import { orderOf } from './order.js';
import type { AdminPort, TakeoverView } from './port.js';

/** @throws LedgerError 'refused' where this node does not own it, or where a step failed; 'not-found', 'busy' */
export async function release(port: AdminPort, request: ReleaseRequest, call: AdminCall): Promise<TakeoverReply> {
  const takeover = takeoverFor(port, request);
  const { way, unmount = false } = request;
  const order = orderOf(request, call);
  await takeover.release({ order, unmount, ...(way === undefined ? {} : { way }) });
  return replyOf(port, takeover, order.commandId);
}

/** @throws LedgerError 'refused' where another node is meant or still owns it, or where a step failed; 'not-found', 'busy' */
export async function take(port: AdminPort, request: TakeRequest, call: AdminCall): Promise<TakeoverReply> {
  const takeover = takeoverFor(port, request);
  if (request.node === undefined && call.door === 'nats') checkOnlyOne(port, takeover);
  const { way, force = false, dead = false, acceptLoss = false } = request;
  const order = orderOf(request, call);
  await takeover.take({ order, force, dead, acceptLoss, ...(way === undefined ? {} : { way }) });
  return replyOf(port, takeover, order.commandId);
}

export async function groupStatus(
  port: AdminPort,
  { group }: GroupStatusRequest,
): Promise<{ readonly node: string; readonly groups: readonly GroupLifeReply[] }> {
  const found = port.takeovers().filter((takeover) => group === undefined || takeover.group.name === group);
  if (group !== undefined && found.length === 0) throw noPart(port, group);
  return { node: port.node().name, groups: found.map(lifeOf) };
}

function takeoverFor(port: AdminPort, { group, node, epoch }: TakeoverRequest): TakeoverView {
  const { name } = port.node();
  if (node !== undefined && node !== name) {
    throw new LedgerError('refused', `this is node ${name}, not ${node}: nothing was done`);
  }
  const found = port.takeovers().find((takeover) => takeover.group.name === group);
  if (found === undefined) throw noPart(port, group);
  const now = found.port.state?.epoch;
  if (epoch !== undefined && now !== epoch) {
    throw new LedgerError('refused', `group ${group} is in epoch ${now ?? 'unknown'}, not ${epoch}: nothing was done`);
  }
  return found;
}

function noPart(port: AdminPort, group: string): LedgerError {
  const known = port.takeovers().map((takeover) => takeover.group.name);
  const has = known.length === 0 ? 'it shares none' : `it has ${known.join(', ')}`;
  return new LedgerError('not-found', `node ${port.node().name} has no part in a group ${group}: ${has}`);
}

/** Everybody has heard the order: it must be clear who is meant. */
function checkOnlyOne(port: AdminPort, { group, port: member }: TakeoverView): void {
  const owner = member.state?.life.node;
  const others = group.nodes.filter((node) => node !== owner);
  if (others.length === 1 && others[0] === port.node().name) return;
  const who = others.length === 1 ? `node ${others[0]} takes it` : `name the node that takes it: ${others.join(', ')}`;
  throw new LedgerError('refused', `group ${group.name}: ${who}`);
}

function replyOf(port: AdminPort, takeover: TakeoverView, commandId: string): TakeoverReply {
  return { node: port.node().name, commandId, ...lifeOf(takeover) };
}

export function lifeOf(takeover: TakeoverView): GroupLifeReply {
  const { group, port, running } = takeover;
  const { role, lag, state } = port;
  const known = { group: group.name, role, nodes: group.nodes, ...(lag === undefined ? {} : { lag }) };
  if (state === undefined) return { ...known, isKnown: false };
  const { life, epoch, position, reclaims } = state;
  const { node: owner, from, status, way, takeover: number, lossAccepted, since, order, steps } = life;
  return {
    ...known,
    isKnown: true,
    owner,
    from,
    status,
    way,
    takeover: number,
    epoch,
    position,
    lossAccepted,
    since,
    ...(running === undefined ? {} : { running }),
    order,
    steps,
    reclaims: { ...reclaims, expected: expectedCount(state, { type: 'all' }) },
  };
}
