/** Forgetting: ids of files, owners and clients that nothing refers to come free, oldest first, in bounded numbers. */

import { answer, type Decision } from './decision.js';
import { FORGET_MAX } from './limits.js';
import type { Chain } from './links.js';
import { isSweeping, type NlmFiles } from './state.js';

/** Whether `{type: 'forget'}` would do something. */
export function needsForgetting(state: NlmFiles): boolean {
  const { rules } = state;
  return (
    !isSweeping(state) &&
    (state.idleFiles.length > rules.idleFilesMax ||
      state.idleOwners.length > rules.idleOwnersMax ||
      state.idleClients.size > rules.idleClientsMax)
  );
}

export function decideForget(state: NlmFiles): Decision {
  if (!needsForgetting(state)) return answer({ type: 'done', more: false });
  const { rules } = state;
  const files = oldest(state.idleFiles, state.idleFiles.length - rules.idleFilesMax);
  const owners = oldest(state.idleOwners, state.idleOwners.length - rules.idleOwnersMax);
  const clients: number[] = [];
  const clientsTooMany = Math.min(FORGET_MAX, state.idleClients.size - rules.idleClientsMax);
  for (const client of state.idleClients) {
    if (clients.length >= clientsTooMany) break;
    clients.push(client);
  }
  const most = Math.max(files.length, owners.length, clients.length);
  return answer({ type: 'done', more: most === FORGET_MAX }, [{ type: 'names-forgotten', files, owners, clients }]);
}

function oldest(chain: Chain, tooMany: number): number[] {
  const found: number[] = [];
  const wanted = Math.min(FORGET_MAX, tooMany);
  for (let slot = chain.head; slot !== 0 && found.length < wanted; slot = chain.next(slot)) found.push(slot);
  return found;
}
