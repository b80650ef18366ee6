/**
 * The export: rows of the history with names instead of bytes, as JSON lines or CSV, and the check that an export still
 * says what the ledger says. Rows of one event may come in any order (a sweep's order depends on where the fold began),
 * so a check compares events: how many rows, and the sum of their hashes.
 *
 * JSON lines: for each group one line that says what was asked, its rows, and one line that ends it:
 *
 *     {"export":1,"group":…,"from":…,"to":…,"filter":{…}}
 *     {"group":…,"position":…,"index":…,"time":…,"what":…,…}
 *     {"end":1,"group":…,"rows":…,"position":…,"hash":…}     hash: SHA-256 of the entry at the last position
 *
 * CSV (RFC 4180): a head, and one record a row; what was asked is not in it.
 */

import { bytesOfText, textOfBytes } from '../admin/text.js';
import { bytesFromHex, bytesToHex } from '../base/bytes.js';
import type { Position } from '../ledger/port.js';
import type { Filter } from './filter.js';
import type { HistoryRow } from './history-row.js';

export interface ExportHead {
  readonly export: 1;
  readonly group: string;
  readonly from: Position;
  readonly to: Position;
  readonly filter: FilterText;
}

export interface ExportEnd {
  readonly end: 1;
  readonly group: string;
  readonly rows: number;
  readonly position: Position;
  readonly hash: string;
}

type FilterText = Readonly<Record<string, unknown>>;

export function filterText({ handle, client, oh, ...plain }: Filter): FilterText {
  return {
    ...plain,
    ...(handle === undefined ? {} : { handle: bytesToHex(handle) }),
    ...(client === undefined ? {} : { client: textOfBytes(client) }),
    ...(oh === undefined ? {} : { oh: textOfBytes(oh) }),
  };
}

/** Of what `filterText` wrote. */
export function filterFrom({ handle, client, oh, ...plain }: FilterText): Filter {
  return {
    ...plain,
    ...(typeof handle === 'string' ? { handle: bytesFromHex(handle) } : {}),
    ...(typeof client === 'string' ? { client: bytesOfText(client) } : {}),
    ...(typeof oh === 'string' ? { oh: bytesOfText(oh) } : {}),
  };
}

const COLUMNS = [
  'group', 'position', 'index', 'time', 'epoch', 'node', 'what', 'kind', 'lock', 'client', 'clientAddress',
  'serverAddress', 'svid', 'oh', 'fileSystem', 'handle', 'start', 'end', 'exclusive', 'mode', 'access', 'reclaim',
  'heldMs', 'waitedMs', 'detail',
] as const satisfies readonly (keyof HistoryRow)[]; // prettier-ignore
const MORE_COLUMNS = ['behind', 'cause', 'causePosition', 'commandId', 'actor', 'door', 'reason'] as const;

export const CSV_HEAD = [...COLUMNS, ...MORE_COLUMNS].join(',');

/** Times as ISO 8601 in UTC. */
export function csvOf(row: HistoryRow): string {
  const { behind, cause } = row;
  const order = cause !== undefined && 'order' in cause ? cause.order : undefined;
  const cells = [
    ...COLUMNS.map((name) => (name === 'time' ? new Date(row.time).toISOString() : row[name])),
    behind?.map(({ lock }) => lock).join(' '),
    cause?.type === 'purge' ? cause.aim : cause?.type,
    cause?.position,
    order?.commandId,
    order?.actor,
    order?.door,
    order?.reason,
  ];
  return cells.map(cell).join(',');
}

/** Clients name themselves: what a spreadsheet would take for a formula is marked as text, and a record stays on one line. */
function cell(value: unknown): string {
  if (value === undefined) return '';
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace(/\p{Cc}/gu, escaped);
  const safe = typeof value === 'string' && /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
