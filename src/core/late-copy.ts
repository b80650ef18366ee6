/** What is known of a LOCK or SHARE that was carried out before (hazard 5). */

import type { CallIdentity, Context, LockId } from './command.js';
import type { FileId, OwnerId } from './event.js';
import { addressOf, clientOf, fileSystemOf, O_VOID, type NlmFiles } from './state.js';

/**
 * The number that the call took then, where it is not decided anew. Undefined for a new call, and for one whose lock
 * a purge, a reboot or a missed reclaim has taken away since.
 */
export function tookBefore(
  state: NlmFiles,
  procedure: 'lock' | 'share',
  owner: OwnerId,
  file: FileId,
  call: CallIdentity,
  { now }: Context,
): LockId | undefined {
  if (owner === 0 || file === 0) return undefined;
  const client = clientOf(state, owner);
  const notBefore = now - state.rules.replyAgeMsMax;
  const id =
    procedure === 'lock'
      ? state.lockCalls.idOf(client.id, call, notBefore)
      : state.replies.idOf(client.id, procedure, call, notBefore);
  return id === undefined || wasTaken(state, owner, file, id) ? undefined : id;
}

function wasTaken(state: NlmFiles, owner: OwnerId, file: FileId, id: LockId): boolean {
  return (
    id < clientOf(state, owner).mark ||
    id < addressOf(state, owner).mark ||
    id < fileSystemOf(state, file).mark ||
    id < state.owners.getWide(owner, O_VOID)
  );
}

/** Part of `evolve`: a lock of this owner was taken away by itself; which calls it came from is not known. */
export function voidReplies(state: NlmFiles, owner: OwnerId): void {
  state.owners.setWide(owner, O_VOID, state.nextId);
}
