/** `locks` and `waiters`: what is held (locks, then shares) and who waits, a page at a time. */

import { parseAddress } from '../base/address.js';
import { bytesFromHex } from '../base/bytes.js';
import { LedgerError } from '../base/errors.js';
import type { NlmFiles } from '../core/state.js';
import { blockersOf } from './blockers.js';
import type { AdminCall } from './call.js';
import type { LockRow, LocksRequest, Page, WaiterRow } from './messages.js';
import type { AdminPort, GroupView } from './port.js';
import { checkNode, Room } from './page.js';
import { PAGE_ROWS_DEFAULT } from './purge-report.js';
import { describe, scan, type Filter, type Found } from './rows.js';
import { bytesOfText } from './text.js';

/** Paths that are looked for in one page: each walks a file system. */
const RESOLVED_MAX = 1000;

export async function locks(port: AdminPort, request: LocksRequest, call: AdminCall): Promise<Page<LockRow>> {
  return page(port, request, call, ['lock', 'share'], (row) => row);
}

export async function waiters(port: AdminPort, request: LocksRequest, call: AdminCall): Promise<Page<WaiterRow>> {
  return page(port, request, call, ['waiter'], (row, state, found) => {
    const waitingMs = Math.max(0, call.now - row.since);
    return Object.assign(row, { waitingMs, behind: blockersOf(state, found) });
  });
}

async function page<Row extends LockRow>(
  port: AdminPort,
  request: LocksRequest,
  { pageBytesMax }: AdminCall,
  kinds: readonly Found['kind'][],
  rowOf: (row: LockRow, state: NlmFiles, found: Found) => Row,
): Promise<Page<Row>> {
  checkNode(port, request);
  const filter = await filterOf(port, request);
  const groups = groupsOf(port, request);
  const room = new Room(request.limit ?? PAGE_ROWS_DEFAULT, pageBytesMax);
  const from = cursorOf(request.cursor);
  const rows: Row[] = [];
  for (const [index, { name, state }] of groups.entries()) {
    if (index < from.group || state === undefined) continue;
    for (const kind of kinds) {
      if (index === from.group && from.kind === 'share' && kind !== 'share') continue;
      const first = index === from.group && (kind === 'share') === (from.kind === 'share') ? from.slot : 1;
      for await (const found of scan(state, kind, filter, first)) {
        const row = rowOf(describe(state, found, name), state, found);
        if (!room.takes(row, rows.length === 0)) {
          const cursor = `${index}-${kind === 'share' ? 's' : ''}${found.slot}`;
          return { rows: await resolved(port, request, rows), cursor };
        }
        rows.push(row);
      }
    }
  }
  return { rows: await resolved(port, request, rows) };
}

async function filterOf(port: AdminPort, request: LocksRequest): Promise<Filter> {
  const { address, path, client, clientAddress, handle } = request;
  const onPath = path === undefined ? undefined : (await port.fileSystemOfPath(path, { force: true })).fileSystem;
  const fileSystem = request.fileSystem ?? onPath;
  return {
    ...(address === undefined ? {} : { address: parseAddress(address) }),
    ...(fileSystem === undefined ? {} : { fileSystem }),
    ...(client === undefined ? {} : { client: bytesOfText(client) }),
    ...(clientAddress === undefined ? {} : { clientAddress: parseAddress(clientAddress) }),
    ...(handle === undefined ? {} : { handle: bytesFromHex(handle) }),
  };
}

function groupsOf(port: AdminPort, { group }: LocksRequest): readonly GroupView[] {
  // What another node owns is its to list, unless it is asked for by name.
  const groups = port
    .groups()
    .filter(({ name, status }) => (group === undefined ? status !== 'standby' : name === group));
  if (groups.length === 0 && group !== undefined) throw new LedgerError('not-found', `this node has no group ${group}`);
  const down = groups.find(({ state }) => state === undefined);
  if (down !== undefined) throw new LedgerError('unavailable', `group ${down.name} is down: ${down.statusReason}`);
  return groups;
}

interface Cursor {
  readonly group: number;
  readonly kind?: 'share';
  readonly slot: number;
}

function cursorOf(cursor: string | undefined): Cursor {
  if (cursor === undefined) return { group: 0, slot: 1 };
  const match = /^([0-9]{1,6})-(s?)([0-9]{1,15})$/.exec(cursor);
  if (match === null) throw new LedgerError('bad-request', 'that cursor is of no page: take it from the page before');
  return {
    group: Number(match[1]),
    slot: Math.max(1, Number(match[3])),
    ...(match[2] === '' ? {} : { kind: 'share' }),
  };
}

/** One look for each file, whatever the number of its locks. */
async function resolved<Row extends LockRow>(port: AdminPort, request: LocksRequest, rows: Row[]): Promise<Row[]> {
  if (request.resolve !== true) return rows;
  const paths = new Map<string, string | undefined>();
  for (const { fileSystem, handle } of rows) {
    const key = `${handle} ${fileSystem}`;
    if (!paths.has(key) && paths.size < RESOLVED_MAX) paths.set(key, await port.pathOfHandle(fileSystem, handle));
  }
  return rows.map((row) => {
    const path = paths.get(`${row.handle} ${row.fileSystem}`);
    return path === undefined ? row : { ...row, path };
  });
}
