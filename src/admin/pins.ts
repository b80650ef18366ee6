/** What still pins a file system after an order: the locks, shares and waiters that remain there, and the addresses they came through. */

import { unreachable } from '../base/assert.js';
import type { Selector } from '../core/command.js';
import { addressOf, type NlmFiles, type Pins } from '../core/state.js';
import { filterOfSelector } from './matching.js';
import type { Pin } from './messages.js';
import type { GroupView } from './port.js';
import { scan } from './rows.js';

const FILE_SYSTEMS_MAX = 64;
const NOTHING: Pins = { locks: 0, shares: 0, waiters: 0 };

/**
 * They are counted where they are taken and given back, so that this costs nothing for what is there. `except` leaves out what
 * a dry run would drop.
 */
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

/** The file systems that something pins which came in through the address. */
export function pinnedThrough(state: NlmFiles | undefined, address: string): string[] {
  const pins = state?.addressByName.get(address)?.pins ?? [];
  const pinned = (of: Pins | undefined): boolean => of !== undefined && of.locks + of.shares + of.waiters > 0;
  return state === undefined ? [] : state.fileSystems.filter(({ id }) => pinned(pins[id])).map(({ name }) => name);
}

async function pinOf(groups: readonly GroupView[], name: string, except: Selector | undefined): Promise<Pin> {
  const sum = { ...NOTHING };
  const addresses = new Set<string>();
  for (const { state } of groups) {
    const fileSystem = state?.fileSystemByName.get(name);
    if (state === undefined || fileSystem === undefined) continue;
    const gone = except === undefined ? new Map<string, Pins>() : await goneFrom(state, name, except);
    for (const { address, pins } of state.addresses) {
      const all = pins[fileSystem.id] ?? NOTHING;
      const less = gone.get(address) ?? NOTHING;
      // What was there when the rows were looked at may have been given back meanwhile.
      const locks = Math.max(0, all.locks - less.locks);
      const shares = Math.max(0, all.shares - less.shares);
      const waiters = Math.max(0, all.waiters - less.waiters);
      if (locks + shares + waiters === 0) continue;
      sum.locks += locks;
      sum.shares += shares;
      sum.waiters += waiters;
      addresses.add(address);
    }
  }
  const { locks, shares, waiters } = sum;
  return { fileSystem: name, locks, waiters, shares, addresses: [...addresses].toSorted() };
}

/** What a dry run would take off a file system, by server address. */
async function goneFrom(state: NlmFiles, fileSystem: string, selector: Selector): Promise<Map<string, Pins>> {
  const gone = new Map<string, Pins>();
  for (const kind of ['lock', 'share', 'waiter'] as const) {
    for await (const { owner } of scan(state, kind, { ...filterOfSelector(selector), fileSystem })) {
      const { address } = addressOf(state, owner);
      let less = gone.get(address);
      if (less === undefined) gone.set(address, (less = { ...NOTHING }));
      add(less, kind);
    }
  }
  return gone;
}

function add(pins: Pins, kind: 'lock' | 'share' | 'waiter'): void {
  switch (kind) {
    case 'lock':
      pins.locks += 1;
      return;
    case 'share':
      pins.shares += 1;
      return;
    case 'waiter':
      pins.waiters += 1;
      return;
    default:
      unreachable(kind);
  }
}
