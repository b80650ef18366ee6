/** Decisions about a group's life: claim, serve, release, and the steps of the sequences that do so. */

import { unreachable } from '../base/assert.js';
import type { Command } from './command.js';
import { AGAIN, answer, type Decision } from './decision.js';
import { expectedIn } from './grace.js';
import { STEP_DETAIL_MAX } from './limits.js';
import type { GroupLife } from './life.js';
import type { AbandonReleaseCommand, BeginReleaseCommand, ClaimGroupCommand, LifeCommand } from './life-command.js';
import type { Outcome } from './outcome.js';
import { refusalCounts } from './refusals.js';
import { isSweeping, type NlmFiles } from './state.js';

const DONE: Outcome = { type: 'done', more: false };

export function decideLife(state: NlmFiles, command: LifeCommand): Decision {
  const { life } = state;
  switch (command.type) {
    case 'claim-group':
      return decideClaim(life, command);
    case 'serve-group': {
      if (life.status === 'owned') return answer(DONE);
      if (life.status !== 'claimed') return refused(`a group that is ${life.status} cannot be served: claim it first`);
      return answer(DONE, [{ type: 'group-serving', takeover: life.takeover, handles: command.handles }]);
    }
    case 'begin-release':
      return decideBeginRelease(life, command);
    case 'finish-release': {
      const { status, way, takeover } = life;
      if (status === 'released') return answer(DONE);
      if (status !== 'releasing') return refused('no release has begun');
      const counts = refusalCounts(state, Number.POSITIVE_INFINITY);
      return answer(DONE, [...counts, { type: 'group-released', way, takeover }]);
    }
    case 'abandon-release':
      return decideAbandon(state, command);
    case 'record-step': {
      const { node, step, outcome, milliseconds } = command;
      // Nothing stands behind the end of an epoch.
      if (life.status === 'unclaimed' || life.status === 'released') return refused(`the group is ${life.status}`);
      const detail = command.detail.slice(0, STEP_DETAIL_MAX);
      const { takeover } = life;
      return answer(DONE, [{ type: 'takeover-step', takeover, node, step, outcome, detail, milliseconds }]);
    }
    default:
      return unreachable(command);
  }
}

function decideClaim(life: GroupLife, { node, way, lossAccepted, order, seen }: ClaimGroupCommand): Decision {
  // A group that was released meanwhile has no owner to be taken from.
  const isAsSeen = seen?.takeover === life.takeover && seen.status === life.status;
  if (seen !== undefined && life.status !== 'released' && !isAsSeen) {
    return refused(`the group has moved on: it is ${life.status} by node ${life.node} now`);
  }
  const wasReleased = life.status === 'releasing' || life.status === 'released';
  if (way === 'carry' && wasReleased && life.way === 'reclaim') {
    return refused('the group was released the reclaim way: its clients have to reclaim, so take it the reclaim way');
  }
  // A late copy of a take must not bring back what has moved on since (hazard 14).
  const known = life.orders.find(({ commandId, what }) => what === 'claim' && commandId === order.commandId);
  const goesOn = life.status === 'claimed' && life.node === node && known?.takeover === life.takeover;
  if (known !== undefined && order.commandId !== '' && !goesOn) {
    return refused(`this command id was carried out before, as takeover ${known.takeover}`);
  }
  const takeover = wasReleased ? life.takeover : life.takeover + 1;
  // Who claimed and never served was no owner.
  const from = life.status === 'claimed' ? life.from : life.node;
  return answer(DONE, [{ type: 'group-claimed', node, way, from, takeover, lossAccepted, order }]);
}

function decideBeginRelease(life: GroupLife, { way, order }: BeginReleaseCommand): Decision {
  if (life.status === 'unclaimed') return refused('the group was never claimed: it does not move between nodes');
  const known = life.orders.find(({ commandId, what }) => what === 'release' && commandId === order.commandId);
  // Claimed again by this very order, since the node ended in the middle of it.
  const isResumed = life.status === 'claimed' && life.order.commandId === order.commandId;
  const isCurrent = life.status === 'releasing' || life.status === 'released' || isResumed;
  if (known !== undefined && !(isCurrent && known.takeover === life.takeover)) {
    return refused(`this command id was carried out before, as takeover ${known.takeover}`);
  }
  if (life.status === 'released') {
    return known === undefined ? refused('the group is released already') : answer(DONE);
  }
  if (life.status === 'releasing') {
    return life.way === way ? answer(DONE) : refused(`its release has begun the ${life.way} way`);
  }
  return answer(DONE, [{ type: 'group-releasing', way, takeover: life.takeover + 1, order }]);
}

function decideAbandon(state: NlmFiles, { order }: AbandonReleaseCommand): Decision {
  const { life } = state;
  const known = life.orders.some(({ commandId, what }) => what === 'abandon' && commandId === order.commandId);
  if (known) return answer(DONE);
  if (life.status !== 'releasing') return refused('no release is under way');
  if (isSweeping(state)) return AGAIN;
  // What it has purged its owners have to reclaim, here as there.
  const way = expectedIn(state, { type: 'all' }) > 0 ? 'reclaim' : 'carry';
  return answer(DONE, [{ type: 'release-abandoned', way, takeover: life.takeover, order }]);
}

/**
 * What a client's call gets while nothing is granted; undefined for what gives back. A reclaim is not answered: Linux
 * loses the lock at any denial, and asks again where it hears nothing (hazard 16).
 */
export function withoutGrants({ life }: NlmFiles, command: Command): Outcome | undefined {
  switch (command.type) {
    case 'lock':
    case 'share':
      if (life.status === 'released' || command.reclaim) return { type: 'silence' };
      return { type: 'denied-grace-period' };
    case 'unlock':
    case 'cancel':
    case 'unshare':
    case 'test':
      // The next owner answers it.
      return life.status === 'released' ? { type: 'silence' } : undefined;
    default:
      return undefined;
  }
}

function refused(why: string): Decision {
  return answer({ type: 'refused', why });
}
