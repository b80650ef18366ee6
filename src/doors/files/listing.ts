/**
 * The text of `nlm_files`, `groups` and `grace`, a page at a time. Fields are separated by one blank and escaped
 * (word.ts), so a line splits at its blanks; lines that begin with `#` name the columns. New columns come at the end.
 *
 *     nlm_files  # kind group lock mode start end client client_address server_address svid oh file_system handle since
 *                kind: lock, share or waiter; mode: read or write, of a share what it does and what it denies
 *                (read:deny-write); end: the last byte, or eof; handle: hex; since: UTC
 *     groups     # name epoch position status locks waiters reason
 *     grace      # group scope name remaining_ms     (scope: all, address or file-system)
 *                or the one line `none`
 */

import { unreachable } from '../../base/assert.js';
import type { GracesReply, GroupReply, LockRow, Page } from '../../admin/messages.js';
import { controlCall, type ControlAdmin } from './admin.js';
import { PAGE_ROWS } from './limits.js';
import type { ListingName } from './tree.js';
import { field } from './word.js';

/** Each page is asked for when the one before has been read: a slow reader holds one page, and nothing of the node. */
export function pagesOf(file: ListingName, admin: ControlAdmin): AsyncGenerator<string, void> {
  switch (file) {
    case 'nlm_files':
      return nlmFiles(admin);
    case 'groups':
      return groups(admin);
    case 'grace':
      return graces(admin);
    default:
      return unreachable(file);
  }
}

async function* nlmFiles(admin: ControlAdmin): AsyncGenerator<string, void> {
  yield '# kind group lock mode start end client client_address server_address svid oh file_system handle since\n';
  for (const procedure of ['locks', 'waiters'] as const) {
    let cursor: string | undefined;
    do {
      const request = { limit: PAGE_ROWS, ...(cursor === undefined ? {} : { cursor }) };
      // The reply that the procedure of this name has.
      const page = (await ask(admin, procedure, request)) as Page<LockRow>;
      yield page.rows.map((row) => lockLine(row)).join('');
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
}

function lockLine(row: LockRow): string {
  return line([
    row.kind,
    row.group,
    row.lock,
    row.mode === undefined ? (row.exclusive ? 'write' : 'read') : `${bits(row.access)}:deny-${bits(row.mode)}`,
    row.start,
    row.end,
    row.client,
    row.clientAddress,
    row.serverAddress,
    row.svid,
    row.oh,
    row.fileSystem,
    row.handle,
    new Date(row.since).toISOString(),
  ]);
}

/** Of a share: 0 none, 1 read, 2 write, 3 both. */
function bits(value = 0): string {
  return ['none', 'read', 'write', 'read-write'][value] ?? String(value);
}

async function* groups(admin: ControlAdmin): AsyncGenerator<string, void> {
  // The reply that the procedure of this name has.
  const { groups: rows } = (await ask(admin, 'groups', {})) as { readonly groups: readonly GroupReply[] };
  yield '# name epoch position status locks waiters reason\n';
  for (const { name, epoch, position, status, locks, waiters, statusReason } of rows) {
    yield line([name, epoch, position, status, locks, waiters, statusReason]);
  }
}

async function* graces(admin: ControlAdmin): AsyncGenerator<string, void> {
  // The reply that the procedure of this name has.
  const { graces: open } = (await ask(admin, 'graces', {})) as GracesReply;
  yield open.length === 0 ? 'none\n' : '# group scope name remaining_ms\n';
  const now = Date.now();
  for (const { group, scope, until } of open) {
    const name = scope.type === 'address' ? scope.address : scope.type === 'file-system' ? scope.fileSystem : '';
    yield line([group, scope.type, name, Math.max(0, until - now)]);
  }
}

function ask(admin: ControlAdmin, procedure: string, request: Readonly<Record<string, unknown>>): Promise<object> {
  return admin(controlCall(procedure, request, 'uid:-'));
}

function line(fields: readonly (string | number)[]): string {
  return `${fields.map((value) => field(String(value))).join(' ')}\n`;
}
