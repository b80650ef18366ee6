/**
 * A floating address of a group that another node owns, and that is on this host still: the node was paused, cut off or
 * killed while the group was taken. Two hosts that answer for one address break its clients' connections, so it goes.
 */

import { runHook } from '../effects/hooks/run.js';
import { hookEnvironment, type MovedGroup } from './moved-group.js';
import type { MemberPort } from './port.js';

/**
 * Whether the hook is to run. `isHere` knows the addresses of this host's interfaces, without loopback, whose addresses
 * are everywhere.
 */
export function isLeftBehind(
  group: Pick<MovedGroup, 'node' | 'addresses' | 'hooks'>,
  { role, state }: Pick<MemberPort, 'role' | 'state'>,
  isHere: (address: string) => boolean,
): boolean {
  if (role !== 'following' || state === undefined || group.hooks['address-down'] === undefined) return false;
  const { node, status } = state.life;
  const isElsewhere = node !== group.node && (status === 'claimed' || status === 'owned');
  return isElsewhere && group.addresses.some(isHere);
}

/** What the hook `address-down` said. @throws LedgerError as `runHook` */
export async function withdraw(group: MovedGroup, { state }: Pick<MemberPort, 'state'>): Promise<string> {
  const path = group.hooks['address-down'];
  if (path === undefined || state === undefined) return '';
  const { way, takeover, from, node, status } = state.life;
  const facts = { step: 'address-down', way, epoch: state.epoch, takeover, from, commandId: '' } as const;
  // One that has only claimed it will announce it.
  const takenBy = status === 'owned' ? node : '';
  return runHook({ path, environment: hookEnvironment(group, { ...facts, takenBy }), msMax: group.hookMs });
}
