/** What a selector means among the rows that are there: the list of a dry run. */

import { unreachable } from '../base/assert.js';
import type { Selector } from '../core/command.js';
import type { DroppedLock, GroupView } from './port.js';
import { describe, scan, type Filter, type Found } from './rows.js';

export function filterOfSelector(selector: Selector): Filter {
  switch (selector.type) {
    case 'address':
      return { address: selector.address };
    case 'file-system':
      return { fileSystem: selector.fileSystem };
    case 'client': {
      const { name, address } = selector;
      return {
        ...(name === undefined ? {} : { client: name }),
        ...(address === undefined ? {} : { clientAddress: address }),
      };
    }
    case 'lock':
      return { lock: selector.lock };
    default:
      return unreachable(selector);
  }
}

/** At most `limit` rows: locks first, then shares, then waiters. */
export async function matchingRows(
  { name, state }: GroupView,
  selector: Selector,
  limit: number,
): Promise<DroppedLock[]> {
  const rows: DroppedLock[] = [];
  if (state === undefined) return rows;
  const filter = filterOfSelector(selector);
  for (const kind of ['lock', 'share', 'waiter'] as const) {
    for await (const found of scan(state, kind, filter)) {
      if (rows.length >= limit) return rows;
      rows.push(droppedOf(describe(state, found, name), found));
    }
  }
  return rows;
}

function droppedOf(
  { group: _group, since: _since, kind: _kind, ...row }: ReturnType<typeof describe>,
  { kind }: Found,
): DroppedLock {
  return { kind, ...row };
}
