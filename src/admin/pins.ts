/** What still pins a file system after an order: the locks, shares and waiters that remain there, and the addresses they came through. */

import type { Selector } from '../core/command.js';
import { addressOf, type NlmFiles } from '../core/state.js';
import { filterOfSelector } from './matching.js';
import type { Pin } from './messages.js';
import type { GroupView } from './port.js';
import { scan } from './rows.js';

/** Rows that are looked at for one file system: beyond that the addresses may be incomplete. */
const ROWS_MAX = 10_000;
const FILE_SYSTEMS_MAX = 64;

/** `except` leaves out what a dry run would drop. */
export async function pinsOf(
  groups: readonly GroupView[],
  fileSystems: ReadonlySet<string>,
  except: Selector | undefined,
): Promise<Pin[]> {
  const pins: Pin[] = [];
  for (const fileSystem of [...fileSystems].slice(0, FILE_SYSTEMS_MAX))
    pins.push(await pinOf(groups, fileSystem, except));
  return pins;
}

async function pinOf(groups: readonly GroupView[], fileSystem: string, except: Selector | undefined): Promise<Pin> {
  const counts = { lock: 0, share: 0, waiter: 0 };
  const addresses = new Set<string>();
  let more = false;
  for (const { state } of groups) {
    if (state === undefined || !hasAny(state, fileSystem)) continue;
    const gone = except === undefined ? new Set<number>() : await idsOf(state, except, fileSystem);
    for (const kind of ['lock', 'share', 'waiter'] as const) {
      let rows = 0;
      for await (const { id, owner } of scan(state, kind, { fileSystem })) {
        rows += 1;
        more ||= rows > ROWS_MAX;
        if (rows > ROWS_MAX) break;
        if (gone.has(id)) continue;
        counts[kind] += 1;
        addresses.add(addressOf(state, owner).address);
      }
    }
  }
  const { lock: locks, share: shares, waiter: waiters } = counts;
  return { fileSystem, locks, waiters, shares, addresses: [...addresses].toSorted(), more };
}

/** In constant time: most file systems are empty after an order. */
function hasAny(state: NlmFiles, fileSystem: string): boolean {
  const scope = state.fileSystemByName.get(fileSystem);
  if (scope === undefined) return false;
  return scope.locks + scope.waiters + scope.shares + scope.expected + scope.expectedShares > 0;
}

async function idsOf(state: NlmFiles, selector: Selector, fileSystem: string): Promise<Set<number>> {
  const ids = new Set<number>();
  for (const kind of ['lock', 'share', 'waiter'] as const) {
    for await (const { id } of scan(state, kind, { ...filterOfSelector(selector), fileSystem })) {
      ids.add(id);
      if (ids.size > ROWS_MAX * 2) return ids;
    }
  }
  return ids;
}
