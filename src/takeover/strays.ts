/**
 * Strays: locks of the group that came in through addresses outside of it. Their clients stay behind at the old node
 * and would hold the file system against everybody for ever; they are dropped, and reported.
 */

import { LedgerError } from '../base/errors.js';
import type { Order } from '../core/command.js';
import type { NlmFiles } from '../core/state.js';
import type { MovedGroup } from './moved-group.js';
import type { MemberPort } from './port.js';
import { done, skipped, submitted, type StepResult } from './sequence.js';

export async function purgeStrays(
  group: MovedGroup,
  port: MemberPort,
  state: NlmFiles,
  order: Order,
): Promise<StepResult> {
  const said: string[] = [];
  for (const { address, locks, shares, waiters, expected, expectedShares } of state.addresses.slice()) {
    if (group.addresses.some((own) => own === address)) continue;
    if (locks + shares + waiters + expected + expectedShares === 0) continue;
    const outcome = await submitted(port, {
      type: 'purge',
      selector: { type: 'address', address },
      order: { ...order, commandId: `${order.commandId}/stray/${address}` },
      dryRun: false,
    });
    if (outcome.type !== 'purged') throw new LedgerError('unavailable', `the purge of ${address} had no answer`);
    const { counts } = outcome;
    said.push(`${address}: ${counts.locks} locks, ${counts.shares} shares, ${counts.waiters} waiters`);
  }
  if (said.length === 0) return skipped('none came in through another address');
  return done(`dropped of clients that stay behind: ${said.join('; ')}`);
}
