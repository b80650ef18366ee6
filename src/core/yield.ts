/**
 * What a reclaim takes the place of. Where the ledger is known not to know all (a lenient grace), it may expect a lock of
 * somebody who gave it up since: who reclaims says what is, and a client repeats no reclaim that was refused. So what is
 * only expected yields, in the range that was asked for; what is held does not.
 */

import type { FileName, OwnerName, ShareBits } from './command.js';
import type { Event, FileId, OwnerId } from './event.js';
import { gracePolicy } from './grace.js';
import { isExpectedLock } from './held.js';
import { RECLAIM_YIELDS_MAX, SWEEPING_SEARCH_MAX } from './limits.js';
import { L_ID, L_OWNER } from './lock-rows.js';
import { nextOwner } from './names.js';
import { intersection, type Range } from './range.js';
import { conflictingShares, isExpectedShare } from './shares.js';
import { addressOf, F_BY_START, fileSystemOf, isDead, type NlmFiles } from './state.js';

interface Reclaim {
  readonly owner: OwnerName;
  readonly file: FileName;
}

/** The events that clear the range for the owner (0: not met yet); undefined where something is held there, or too much is expected. */
export function yieldLocks(
  state: NlmFiles,
  reclaim: Reclaim,
  file: FileId,
  owner: OwnerId,
  range: Range,
  exclusive: boolean,
): Event[] | undefined {
  if (!isLenient(state, reclaim.file.fileSystem, reclaim.owner.serverAddress)) return undefined;
  const { locks } = state;
  const to = owner === 0 ? nextOwner(state) : owner;
  const events: Event[] = [];
  let yields = true;
  const search = {
    budget: SWEEPING_SEARCH_MAX,
    accept: (slot: number): boolean => {
      const theirs = locks.get(slot, L_OWNER);
      const lock = locks.getWide(slot, L_ID);
      if (isDead(state, theirs, file, lock)) return false;
      yields = isExpectedLock(state, slot) && mayYield(state, theirs, file) && events.length < RECLAIM_YIELDS_MAX;
      const given = intersection(locks.rangeOf(slot), range);
      const mode = locks.isExclusive(slot);
      events.push({ type: 'expected-yielded', lock, owner: theirs, file, range: given, exclusive: mode, to });
      return !yields;
    },
  };
  state.byStart.conflict(state.files.get(file, F_BY_START), owner, range, exclusive, search);
  return yields && search.budget >= 0 ? events : undefined;
}

/** The same for a share: undefined where one of those in the way is held. */
export function yieldShares(
  state: NlmFiles,
  reclaim: Reclaim,
  file: FileId,
  owner: OwnerId,
  mode: ShareBits,
  access: ShareBits,
): Event[] | undefined {
  if (!isLenient(state, reclaim.file.fileSystem, reclaim.owner.serverAddress)) return undefined;
  const inTheWay = conflictingShares(state, file, owner, mode, access);
  if (!inTheWay.every((share) => isExpectedShare(state, share) && mayYield(state, share.owner, file))) return undefined;
  const to = owner === 0 ? nextOwner(state) : owner;
  return inTheWay.map((share) => {
    return {
      type: 'share-yielded',
      share: share.id,
      owner: share.owner,
      file,
      mode: share.mode,
      access: share.access,
      to,
    };
  });
}

/** What a strict grace, or a purge before one, expects is known to be held: it stays in the way (hazard 12). */
function mayYield(state: NlmFiles, owner: OwnerId, file: FileId): boolean {
  return isLenient(state, fileSystemOf(state, file).name, addressOf(state, owner).address);
}

function isLenient(state: NlmFiles, fileSystem: string, serverAddress: string): boolean {
  return gracePolicy(state, fileSystem, serverAddress) === 'lenient';
}
