/** Lines of `notify` and `notify-status`. */

import type { NoticeRow, NotifyReply } from '../../admin/messages.js';

export function notifyLines({ addresses }: NotifyReply): string[] {
  return addresses.map(({ address, state, clients }) => {
    const whom = clients === 1 ? '1 client is told' : `${clients} clients are told`;
    return `${address}: ${whom}, state ${state}${clients === 0 ? '' : ' (nlm-ledger notify-status)'}`;
  });
}

export function noticeLines(rows: readonly NoticeRow[], now: number): string[] {
  if (rows.length === 0) return ['nobody was told of anything'];
  return rows.map(({ client, serverAddress, state, phase, attempts, problem, next, ended }) => {
    const parts = [`${client}  from ${serverAddress === '' ? 'this host' : serverAddress}  state ${state}  ${phase}`];
    if (ended !== undefined) parts.push(new Date(ended).toISOString());
    if (attempts > 0) parts.push(attempts === 1 ? '1 copy' : `${attempts} copies`);
    if (next !== undefined) parts.push(`next in ${Math.max(0, Math.round((next - now) / 1000))} s`);
    if (problem !== undefined) parts.push(problem);
    return parts.join('  ');
  });
}
