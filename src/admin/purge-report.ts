/** `purge-report`: what a purge dropped, page by page. A cursor is the number of rows before the page. */

import { assert } from '../base/assert.js';
import { LedgerError } from '../base/errors.js';
import type { AdminCall } from './call.js';
import type { PurgeReportReply, PurgeReportRequest } from './messages.js';
import { checkNode, Room, rowsWithin } from './page.js';
import type { AdminPort } from './port.js';

export const PAGE_ROWS_DEFAULT = 1000;

export async function purgeReport(
  port: AdminPort,
  request: PurgeReportRequest,
  { pageBytesMax }: AdminCall,
): Promise<PurgeReportReply> {
  checkNode(port, request);
  const { group, position } = request;
  const report = await port.purgeReport(group, position, Number.POSITIVE_INFINITY);
  if (report === undefined) {
    throw new LedgerError(
      'not-found',
      `no list of a purge is kept for position ${position} of group ${group}: it was dropped from memory, or there was none`,
    );
  }
  assert(report.files !== undefined, 'a whole list knows its files');
  const from = offsetOf(request.cursor);
  const limit = request.limit ?? PAGE_ROWS_DEFAULT;
  const rows = new Room(limit, pageBytesMax).fill(await rowsWithin(report.rows, from, from + limit));
  const to = from + rows.length;
  return {
    group,
    position,
    files: report.files,
    truncated: report.truncated,
    rows,
    ...(to < report.rows.length ? { cursor: String(to) } : {}),
  };
}

function offsetOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  if (!/^[0-9]{1,15}$/.test(cursor))
    throw new LedgerError('bad-request', 'that cursor is of no page: take it from the page before');
  return Number(cursor);
}
