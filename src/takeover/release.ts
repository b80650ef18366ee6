/**
 * Release: the owner gives its group up, in an order in which nobody gets a lock too early and no client hangs
 * (hazards 12 and 16). From `group-releasing` on nothing is granted. The hook takes the address away, with every
 * connection that it had; without such a hook the door closes while the address is here, so that the resets get out.
 */

import { LedgerError } from '../base/errors.js';
import type { Order, Selector } from '../core/command.js';
import type { Way } from '../core/life.js';
import { hookStep } from './hook-step.js';
import type { MovedGroup } from './moved-group.js';
import type { MemberPort } from './port.js';
import { done, runSteps, skipped, submitted, type Step, type StepReport, type StepResult } from './sequence.js';

export interface ReleaseRequest {
  readonly order: Order;
  /** Left out: that of a release that has begun, else the group's. */
  readonly way?: Way | undefined;
  /** The file systems are given up too: what is locked on them through other addresses goes as well. */
  readonly unmount: boolean;
}

/** Resolves once `group-released` is durable and the group is given up. @throws LedgerError: where it stopped, and why */
export async function release(
  group: MovedGroup,
  port: MemberPort,
  request: ReleaseRequest,
  stopping: AbortSignal,
): Promise<StepReport[]> {
  const { state } = port;
  if (state === undefined) throw new LedgerError('unavailable', `group ${group.name} is being rebuilt: try again`);
  const { order, unmount } = request;
  const { life } = state;
  if (life.status === 'released' && wasOrdered(life.orders, order.commandId)) return [];
  if (wasInterrupted(group, port)) {
    // The node ended on the way, and is no owner any more: only an owner can end its release.
    await port.claim({ way: life.way, acceptLoss: false, isDead: false, order, seen: life });
  }
  if (port.role !== 'owning' && port.role !== 'releasing') {
    const owner = life.node === '' ? 'nobody' : `node ${life.node}`;
    throw new LedgerError('refused', `node ${group.node} does not own group ${group.name}: ${owner} does`);
  }
  const way = request.way ?? (life.status === 'releasing' ? life.way : group.way);
  await submitted(port, { type: 'begin-release', way, order });
  const isCarry = way === 'carry';
  const steps: readonly Step[] = [
    // A reset that comes before the address can be connected to elsewhere costs a Linux client three seconds.
    hookStep(group, port, 'address-down'),
    {
      step: 'close-door',
      always: true,
      run: async () => {
        await port.closeDoor();
        return done();
      },
    },
    hookStep(group, port, 'unexport'),
    {
      step: 'purge-addresses',
      run: async () => {
        if (isCarry) return skipped('the locks stay in the ledger');
        return purgeAll(
          port,
          order,
          group.addresses.map((address) => ({ type: 'address', address })),
        );
      },
    },
    {
      step: 'purge-file-systems',
      run: async () => {
        if (!unmount) return skipped('the file systems stay mounted');
        if (isCarry) return skipped('the locks stay in the ledger');
        const names = new Set(group.exports.map(({ fileSystem }) => fileSystem));
        return purgeAll(
          port,
          order,
          [...names].map((fileSystem) => ({ type: 'file-system', fileSystem })),
        );
      },
    },
    unmount
      ? hookStep(group, port, 'unmount')
      : { step: 'unmount', run: async () => skipped('the file systems stay mounted') },
  ];
  const reports = await runSteps(port, group.node, steps, stopping);
  await submitted(port, { type: 'finish-release' });
  await port.surrender();
  return reports;
}

/** Whether a release of this node's stands still since the process that it was in has ended. It waits for an order. */
export function wasInterrupted(
  { node }: Pick<MovedGroup, 'node'>,
  { role, state }: Pick<MemberPort, 'role' | 'state'>,
): boolean {
  return role === 'following' && state?.life.status === 'releasing' && state.life.node === node;
}

export function howToGoOn(group: string): string {
  return `go on with it (nlm-ledger release ${group}, with --unmount where it was given), or serve it here again (nlm-ledger take ${group})`;
}

function wasOrdered(orders: readonly { readonly commandId: string; readonly what: string }[], id: string): boolean {
  return orders.some(({ commandId, what }) => what === 'release' && commandId === id);
}

/**
 * Locks and shares stay in the way of all but their owners, who are expected to reclaim them at the taker (hazard 12).
 * Those through other addresses too: the taker drops them, since their clients stay behind.
 */
async function purgeAll(port: MemberPort, order: Order, selectors: readonly Selector[]): Promise<StepResult> {
  const said: string[] = [];
  for (const selector of selectors) {
    const name = nameOf(selector);
    const outcome = await submitted(port, {
      type: 'purge',
      selector,
      order: { ...order, commandId: `${order.commandId}/${name}` },
      dryRun: false,
      reclaimable: true,
    });
    if (outcome.type !== 'purged') throw new LedgerError('unavailable', `the purge of ${name} had no answer`);
    const { locks, shares } = outcome.counts;
    said.push(`${name}: ${locks} locks, ${shares} shares to be reclaimed`);
  }
  return done(said.join('; '));
}

function nameOf(selector: Selector): string {
  if (selector.type === 'address') return selector.address;
  return selector.type === 'file-system' ? selector.fileSystem : selector.type;
}
