/** The shares of a file: few, so plain objects in lists. Part of `evolve`, but for the finders. */

import type { LockId, ShareBits } from './command.js';
import type { FileId, OwnerId } from './event.js';
import { settleFile, settleOwner } from './names.js';
import { count, uncount } from './counts.js';
import { F_SHARES, isDead, isExpected, O_SHARES, type NlmFiles, type Share } from './state.js';

const NONE: readonly Share[] = [];

export function addShare(state: NlmFiles, share: Share): void {
  const { owner, file } = share;
  state.shares.set(share.id, share);
  const same = state.sharesByFile.get(file);
  if (same === undefined) state.sharesByFile.set(file, [share]);
  else same.push(share);
  state.owners.set(owner, O_SHARES, state.owners.get(owner, O_SHARES) + 1);
  state.files.set(file, F_SHARES, state.files.get(file, F_SHARES) + 1);
  count(state, owner, file, 'shares', share.expected);
  settleOwner(state, owner);
  settleFile(state, file);
}

/** Takes it out, dead or alive. */
export function dropShare(state: NlmFiles, share: Share): void {
  const { id, owner, file } = share;
  if (!state.shares.delete(id)) return;
  const same = state.sharesByFile.get(file)!;
  if (same.length === 1) state.sharesByFile.delete(file);
  else same.splice(same.indexOf(share), 1);
  state.owners.set(owner, O_SHARES, state.owners.get(owner, O_SHARES) - 1);
  state.files.set(file, F_SHARES, state.files.get(file, F_SHARES) - 1);
  uncount(state, owner, file, id, 'shares', share.expected);
  settleOwner(state, owner);
  settleFile(state, file);
}

/** The live share with this number. */
export function findShare(state: NlmFiles, id: LockId): Share | undefined {
  const share = state.shares.get(id);
  return share === undefined || isDead(state, share.owner, share.file, id) ? undefined : share;
}

/** The live shares of a file, in the order of their coming. */
export function sharesOf(state: NlmFiles, file: FileId): readonly Share[] {
  const all = state.sharesByFile.get(file) ?? NONE;
  return state.sweeps.length === 0 ? all : all.filter(({ id, owner }) => !isDead(state, owner, file, id));
}

export function isExpectedShare(state: NlmFiles, { owner, file, id, expected }: Share): boolean {
  return isExpected(state, owner, file, id, expected);
}

/** The shares of other owners that do, or deny, what this one denies, or does. */
export function conflictingShares(
  state: NlmFiles,
  file: FileId,
  owner: OwnerId,
  mode: ShareBits,
  access: ShareBits,
): readonly Share[] {
  return sharesOf(state, file).filter(
    (other) => other.owner !== owner && ((access & other.mode) !== 0 || (mode & other.access) !== 0),
  );
}

/** The owner's oldest share of this mode and access that is expected, or that is held. */
export function findOwnShare(
  state: NlmFiles,
  file: FileId,
  owner: OwnerId,
  mode: ShareBits,
  access: ShareBits,
  expected: boolean,
): Share | undefined {
  return sharesOf(state, file).find(
    (share) =>
      share.owner === owner &&
      share.mode === mode &&
      share.access === access &&
      isExpectedShare(state, share) === expected,
  );
}
