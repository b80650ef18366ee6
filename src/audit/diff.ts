/** What changed between two moments: what is held, shared or waited for at one and not at the other. */

import type { FileName, OwnerName } from '../core/command.js';
import { eachOwn, isExpectedLock } from '../core/held.js';
import { findFile, findOwner } from '../core/names.js';
import { equalRange } from '../core/range.js';
import { isExpectedShare, sharesOf } from '../core/shares.js';
import { addressOf, clientOf, fileSystemOf, isDead, O_SVID, type NlmFiles } from '../core/state.js';
import { findWaiter, waiterRange, waitsExclusively } from '../core/waiters.js';
import { scan, type Found } from '../admin/rows.js';
import { passes, type Filter } from './filter.js';
import { fileNames, lockNames, ownerNames, type LockNames } from './names.js';

export interface DiffRow extends Partial<LockNames> {
  readonly change: 'gone' | 'new';
  readonly kind: 'lock' | 'waiter' | 'share';
  readonly lock: number;
  readonly expected?: boolean;
  readonly mode?: number;
  readonly access?: number;
}

/** First what is gone, then what is new. Memory is that of the two tables. */
export async function* diff(before: NlmFiles, after: NlmFiles, filter: Filter): AsyncGenerator<DiffRow> {
  yield* onlyIn(before, after, filter, 'gone');
  yield* onlyIn(after, before, filter, 'new');
}

async function* onlyIn(
  state: NlmFiles,
  other: NlmFiles,
  filter: Filter,
  change: DiffRow['change'],
): AsyncGenerator<DiffRow> {
  for (const kind of ['lock', 'waiter'] as const) {
    for await (const found of scan(state, kind, {})) {
      if (!passes(filter, state, found.owner, found.file) || isThere(state, found, other)) continue;
      const { slot, id: lock, owner, file } = found;
      if (kind === 'waiter') {
        const names = lockNames(state, owner, file, waiterRange(state, slot), waitsExclusively(state, slot));
        yield { change, kind, lock, ...names };
      } else {
        const names = lockNames(state, owner, file, state.locks.rangeOf(slot), state.locks.isExclusive(slot));
        yield { change, kind, lock, ...names, expected: isExpectedLock(state, slot) };
      }
    }
  }
  for (const share of state.shares.values()) {
    const { id, owner, file, mode, access } = share;
    if (isDead(state, owner, file, id) || !passes(filter, state, owner, file)) continue;
    const expected = isExpectedShare(state, share);
    const [theirs, same] = idsIn(other, state, owner, file);
    const isSame = sharesOf(other, same).some(
      (each) =>
        each.owner === theirs &&
        each.mode === mode &&
        each.access === access &&
        isExpectedShare(other, each) === expected,
    );
    if (isSame) continue;
    yield {
      change,
      kind: 'share',
      lock: id,
      ...ownerNames(state, owner),
      ...fileNames(state, file),
      mode,
      access,
      expected,
    };
  }
}

/** Whether the same owner holds, or waits for, the same there, under whatever number. */
function isThere(state: NlmFiles, { kind, slot, owner, file }: Found, other: NlmFiles): boolean {
  const [theirs, same] = idsIn(other, state, owner, file);
  if (theirs === 0 || same === 0) return false;
  if (kind === 'waiter') {
    return findWaiter(other, theirs, same, waiterRange(state, slot), waitsExclusively(state, slot)) !== 0;
  }
  const range = state.locks.rangeOf(slot);
  let there = false;
  eachOwn(other, theirs, same, range, (each) => {
    there =
      equalRange(other.locks.rangeOf(each), range) &&
      other.locks.isExclusive(each) === state.locks.isExclusive(slot) &&
      isExpectedLock(other, each) === isExpectedLock(state, slot);
    return !there;
  });
  return there;
}

/** Ids are given anew once a name was forgotten: an owner and a file are found by their names. */
function idsIn(other: NlmFiles, state: NlmFiles, owner: number, file: number): readonly [owner: number, file: number] {
  const { name, address } = clientOf(state, owner);
  const svid = state.owners.get(owner, O_SVID) | 0;
  const serverAddress = addressOf(state, owner).address;
  const ownerName: OwnerName = { client: { name, address }, serverAddress, svid, oh: state.ownerHandles[owner]! };
  const { key, handles } = state.fileNames[file]!;
  const fileName: FileName = { key, fileSystem: fileSystemOf(state, file).name, handle: handles[0]! };
  return [findOwner(other, ownerName), findFile(other, fileName)];
}
