/** What a server answered to `call`, as lines and as JSON. */

import { textOfBytes } from '../../admin/text.js';
import { u64ToString } from '../../base/u64.js';
import type { NlmStatus } from '../../nlm/status.js';
import type { NlmHolder } from '../../nlm/types.js';
import type { CallResult } from '../call/operations.js';
import type { Paint } from '../output.js';

const STATUS_NAMES = [
  'GRANTED',
  'DENIED',
  'DENIED_NOLOCKS',
  'BLOCKED',
  'DENIED_GRACE_PERIOD',
  'DEADLCK',
  'ROFS',
  'STALE_FH',
  'FBIG',
  'FAILED',
] as const;

export function nlmStatusName(status: NlmStatus): string {
  return STATUS_NAMES[status];
}

export function callLines(result: CallResult, paint: Paint): string[] {
  if (result.status === undefined) return [`${result.operation}: answered`];
  const name = STATUS_NAMES[result.status];
  const waited = result.waited === undefined ? '' : ` after ${result.waited.ms} ms, by ${result.waited.how}`;
  const lines = [`${result.operation}: ${paint(result.status === 0 ? 'green' : 'yellow', name)}${waited}`];
  if (result.holder !== undefined) lines.push(`  ${holderLine(result.holder)}`);
  return lines;
}

export function callJson(result: CallResult): object {
  const { operation, status, holder, waited } = result;
  return {
    operation,
    ...(status === undefined ? {} : { status, statusName: STATUS_NAMES[status] }),
    ...(holder === undefined ? {} : { holder: holderJson(holder) }),
    ...(waited === undefined ? {} : { waited }),
  };
}

function holderJson(holder: NlmHolder): object {
  return {
    exclusive: holder.exclusive,
    svid: holder.svid,
    oh: textOfBytes(holder.oh),
    offset: u64ToString(holder.l_offset),
    length: u64ToString(holder.l_len),
  };
}

function holderLine(holder: NlmHolder): string {
  const length = u64ToString(holder.l_len);
  const range = `${u64ToString(holder.l_offset)}, ${length === '0' ? 'to the end' : `${length} bytes`}`;
  return `held ${holder.exclusive ? 'exclusive' : 'shared'} by svid ${holder.svid}, owner ${textOfBytes(holder.oh)}, from ${range}`;
}
