/**
 * Take: this node becomes the owner of a group. The order is that of hazard 16: claim, mount, carry or grace, export,
 * address, sockets bound and registered, then serve, announce, and only then tell the clients: who hears of the
 * address, or is told to reclaim, calls at once.
 */

import { setTimeout as wait } from 'node:timers/promises';
import { LedgerError } from '../base/errors.js';
import type { Order } from '../core/command.js';
import type { GroupLife, Way } from '../core/life.js';
import { expectedCount, graces } from '../core/queries.js';
import type { NlmFiles } from '../core/state.js';
import { CLAIM_MS } from '../engine/member.js';
import type { ClaimReport } from '../ledger/replicated.js';
import { differenceOf, handlesOf } from './handles.js';
import { hookStep } from './hook-step.js';
import { CLAIM_MARGIN_MS, DOOR_MS_MAX, LOOK_MS, OWNER_SEEN_MS_MAX, RELEASE_SEEN_MS_MAX } from './limits.js';
import type { MovedGroup } from './moved-group.js';
import type { MemberPort } from './port.js';
import { done, runSteps, skipped, submitted, type Step, type StepReport } from './sequence.js';
import { purgeStrays } from './strays.js';

export interface TakeRequest {
  readonly order: Order;
  /** Left out: that of the release, else the group's. */
  readonly way?: Way | undefined;
  /** Also from an owner that did not release it: it must be known to be dead, or fenced from the file systems. */
  readonly force: boolean;
  /** Its node is known to be dead, not only cut off: what it could still answer is not waited for. Includes `force`. */
  readonly dead?: boolean;
  /** Also where an archive that cannot be reached may have acknowledged entries (hazard 11). */
  readonly acceptLoss: boolean;
  /** What it was decided on. Left out: what there is at the time of the order. */
  readonly seen?: GroupLife;
}

const ALL = { type: 'all' } as const;

/** Resolves once the group is served, and its clients are told where they have to reclaim. @throws LedgerError */
export async function take(
  group: MovedGroup,
  port: MemberPort,
  request: TakeRequest,
  stopping: AbortSignal,
): Promise<StepReport[]> {
  const isOwner = port.role === 'owning' || port.role === 'releasing';
  if (!isOwner) await (isForced(request) ? seeOwner(port, request) : seeRelease(group, port));
  const { life } = stateOf(group, port);
  if (isOwner && life.status === 'owned' && isServed(life)) return [];
  // Taken back: nobody else was the owner meanwhile.
  if (isOwner && life.status === 'releasing') await submitted(port, { type: 'abandon-release', order: request.order });
  const way = wayOf(stateOf(group, port).life, group, isOwner, request);
  const claimed = await own(group, port, request, way);
  const reports: StepReport[] = claimed === undefined ? [] : [claimed];
  const steps = stepsOf(group, port, request, way, stopping);
  return [...reports, ...(await runSteps(port, group.node, steps, stopping))];
}

/** What is under way goes on as it is; else what is asked for, what it was released as, or what the configuration says. */
function wayOf({ status, way }: GroupLife, group: MovedGroup, isOwner: boolean, request: TakeRequest): Way {
  if (isOwner && status === 'owned') return way;
  return request.way ?? (status === 'owned' || status === 'unclaimed' ? group.way : way);
}

/** Makes this node the owner, where it is not already; answers the step that did so. */
async function own(
  group: MovedGroup,
  port: MemberPort,
  request: TakeRequest,
  way: Way,
): Promise<StepReport | undefined> {
  const { life } = stateOf(group, port);
  const { order, acceptLoss, dead: isDead = false } = request;
  const isOwner = port.role === 'owning' || port.role === 'releasing';
  if (isOwner && (life.status === 'owned' || life.way === way)) return undefined;
  refuse(group, port, request, way);
  const began = performance.now();
  let detail: string;
  if (isOwner) {
    // Claimed, and to be served another way than it was claimed for.
    await submitted(port, { type: 'claim-group', node: group.node, way, lossAccepted: life.lossAccepted, order });
    detail = `the ${way} way now`;
  } else {
    if (!isForced(request) && isHeldByAnother(life, group)) {
      throw new LedgerError(
        'refused',
        `group ${group.name} belongs to node ${life.node}, which has not released it: release it there; or, where that node is dead or fenced from its file systems, take it with --force`,
        { details: { owner: life.node } },
      );
    }
    detail = describeClaim(await port.claim({ way, acceptLoss, isDead, order, seen: request.seen ?? life }));
  }
  const milliseconds = Math.round(performance.now() - began);
  const report: StepReport = { step: 'claim', outcome: 'done', detail, milliseconds };
  await submitted(port, { type: 'record-step', node: group.node, ...report });
  return report;
}

function refuse(group: MovedGroup, port: MemberPort, { acceptLoss }: TakeRequest, way: Way): void {
  const { life } = stateOf(group, port);
  const { name, node } = group;
  const wasReleased = life.status === 'releasing' || life.status === 'released';
  if (way === 'carry' && wasReleased && life.way === 'reclaim') {
    throw new LedgerError(
      'refused',
      `group ${name} was released the reclaim way: its clients have to reclaim, so take it with --way reclaim`,
    );
  }
  if (acceptLoss && way === 'carry') {
    throw new LedgerError(
      'refused',
      `group ${name}: what the ledger may have lost only the clients know: take it with --way reclaim`,
    );
  }
  if (!group.nodes.includes(node)) {
    throw new LedgerError(
      'refused',
      `node ${node} has no part in group ${name}: add it to groups[].nodes on every node`,
    );
  }
}

/** Its release may be on its way here: whoever ordered it there orders the take at once. */
async function seeRelease(group: MovedGroup, port: MemberPort): Promise<void> {
  const until = performance.now() + RELEASE_SEEN_MS_MAX;
  const isBehind = (): boolean => port.lag !== 0 || isHeldByAnother(stateOf(group, port).life, group);
  while (isBehind() && performance.now() < until) await wait(LOOK_MS);
}

/**
 * From whom it is taken must be known: a node that has only begun to follow knows nobody yet. Where the log does not
 * answer either, the claim is what waits for it.
 */
async function seeOwner(port: MemberPort, { seen }: TakeRequest): Promise<void> {
  if (seen === undefined) await port.caughtUp(OWNER_SEEN_MS_MAX).catch(() => undefined);
}

function isForced({ force, dead }: TakeRequest): boolean {
  return force || dead === true;
}

function isHeldByAnother({ status, node }: GroupLife, group: MovedGroup): boolean {
  return node !== group.node && status !== 'released' && status !== 'unclaimed';
}

/** Whether nothing of its takeover is left to do. One that was claimed without steps has none. */
function isServed({ steps, way }: GroupLife): boolean {
  if (steps.length === 0) return true;
  const last = way === 'reclaim' ? 'notify' : 'announce';
  return steps.some(({ step, outcome }) => step === last && outcome !== 'failed');
}

function describeClaim({ heads, republished, lossAccepted }: ClaimReport): string {
  const known = heads.map(({ node, position }) => `${node} at ${position}`).join(', ');
  const back = republished === 0 ? '' : `; ${republished} entries published again`;
  return `archives: ${known}${back}${lossAccepted ? '; a loss is accepted' : ''}`;
}

function stepsOf(
  group: MovedGroup,
  port: MemberPort,
  { order, dead }: TakeRequest,
  way: Way,
  signal: AbortSignal,
): readonly Step[] {
  const { node } = group;
  const isCarry = way === 'carry';
  const life = (): GroupLife => stateOf(group, port).life;
  let handles: readonly string[] = [];
  return [
    hookStep(group, port, 'mount'),
    {
      step: 'handles',
      always: true,
      run: async () => {
        handles = await handlesOf(group.exports);
        const theirs = life().handles;
        if (theirs.length === 0) return skipped('no owner before has told what its handles are made from');
        const difference = differenceOf(theirs, handles);
        if (difference === undefined) return done('the handles of both nodes agree');
        if (!isCarry) return done(`clients have to mount anew: ${difference}`);
        throw new LedgerError(
          'refused',
          `the file handles of node ${life().from} lead to nothing here (${difference}): make them agree, or take it with --way reclaim`,
        );
      },
    },
    {
      step: 'strays',
      run: async () => {
        const { from } = life();
        // Who takes back what it gave up has their clients still.
        if (from === '' || from === node) return skipped('no client stays behind');
        return purgeStrays(group, port, stateOf(group, port), order);
      },
    },
    {
      step: isCarry ? 'carry' : 'grace',
      run: async () => (isCarry ? carry(port) : openGrace(group, port, order)),
    },
    hookStep(group, port, 'export'),
    hookStep(group, port, 'address-up'),
    {
      step: 'open-door',
      always: true,
      run: async () => {
        await port.openDoor(DOOR_MS_MAX);
        return done(group.addresses.join(', '));
      },
    },
    {
      step: 'claim-time',
      always: true,
      run: async () => {
        if (life().clean) return skipped('no owner before can still answer');
        // One process at a time has the data folder.
        if (life().from === node) return skipped('the owner before was an earlier run of this node');
        if (dead === true) return skipped('the owner before is known to be dead');
        const left = Math.ceil(port.othersSeenAt + CLAIM_MS + CLAIM_MARGIN_MS - performance.now());
        if (left <= 0) return done('it was over');
        await wait(left, undefined, { signal });
        return done(`${left} ms were left`);
      },
    },
    {
      step: 'serve',
      always: true,
      run: async () => {
        await submitted(port, { type: 'serve-group', handles });
        port.serve();
        return done();
      },
    },
    hookStep(group, port, 'announce'),
    {
      step: 'notify',
      run: async () => (isCarry ? skipped('clients have nothing to reclaim') : notify(group, port, order)),
    },
  ];
}

/** What is held goes on. What was expected before goes on to be, with the graces that are open. */
async function carry({ state }: MemberPort): Promise<ReturnType<typeof done>> {
  const { lockCount = 0, shareCount = 0, waiterCount = 0 } = state ?? {};
  return done(`${lockCount} locks, ${shareCount} shares and ${waiterCount} waiters are carried over`);
}

async function openGrace(group: MovedGroup, port: MemberPort, order: Order): Promise<ReturnType<typeof done>> {
  const { lossAccepted, takeover } = stateOf(group, port).life;
  // A ledger that begins now may meet locks of another lock manager.
  const policy = lossAccepted || takeover === 1 ? 'lenient' : 'strict';
  const durationMs = group.graceMs;
  await submitted(port, { type: 'open-grace', scope: ALL, durationMs, policy, expect: 'held', order });
  const state = stateOf(group, port);
  const still = graces(state).length === 0 ? 'nothing to reclaim' : `${expectedCount(state, ALL)} to be reclaimed`;
  return done(`${still}, within ${durationMs} ms${lossAccepted ? ', and what the ledger may have lost' : ''}`);
}

/** From the floating addresses; from others too, where clients came in through them and have to reclaim. */
async function notify(group: MovedGroup, port: MemberPort, order: Order): Promise<ReturnType<typeof done>> {
  const state = stateOf(group, port);
  const others = state.addresses
    .filter(({ address, expected, expectedShares }) => {
      return expected + expectedShares > 0 && !group.addresses.some((own) => own === address);
    })
    .map(({ address }) => address);
  const serverAddresses = [...group.addresses, ...others];
  const known = state.life.lossAccepted;
  const commandId = `${order.commandId}/notify`;
  await submitted(port, { type: 'notify-clients', serverAddresses, known, order: { ...order, commandId } });
  const { notices } = stateOf(group, port).nsm;
  const told = [...notices.values()].filter(({ serverAddress }) => serverAddresses.includes(serverAddress));
  return done(`${told.length} clients are told, from ${serverAddresses.join(', ')}`);
}

function stateOf(group: MovedGroup, { state }: MemberPort): NlmFiles {
  if (state === undefined) throw new LedgerError('unavailable', `group ${group.name} is being rebuilt: try again`);
  return state;
}
