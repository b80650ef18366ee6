/** `notify`: clients of a server address are told of a new state, so that they reclaim; `notify-status`: how far it is. */

import { parseAddress } from '../base/address.js';
import { LedgerError } from '../base/errors.js';
import type { AdminCall } from './call.js';
import type { NoticeRow, NotifyReply, NotifyRequest, NotifyStatusRequest, Page } from './messages.js';
import { groupsFor, orderOf } from './order.js';
import type { AdminPort } from './port.js';
import { PAGE_ROWS_DEFAULT } from './purge-report.js';

/** @throws LedgerError 'bad-address'; 'not-found' for an address that this node does not serve */
export async function notify(port: AdminPort, request: NotifyRequest, call: AdminCall): Promise<NotifyReply> {
  const groups = groupsFor(port, request);
  const serverAddresses = addressesOf(port, request);
  const order = orderOf(request, call);
  const addresses: NotifyReply['addresses'][number][] = [];
  for (const { name, addresses: own } of groups) {
    const ofGroup = serverAddresses.filter((address) => own === undefined || own.includes(address));
    if (ofGroup.length === 0) continue;
    const command = { type: 'notify-clients', serverAddresses: ofGroup, known: request.known === true, order } as const;
    const settled = await port.submit(name, command);
    if (settled.type === 'withheld') throw settled.cause;
    const projection = port.groups().find((group) => group.name === name)?.state;
    for (const address of ofGroup) {
      const state = projection?.serverStates.get(address) ?? 0;
      const ofOrder = [...(projection?.nsm.notices.values() ?? [])].filter(
        (notice) => notice.serverAddress === address,
      );
      addresses.push({ group: name, address, state, clients: ofOrder.length });
    }
  }
  return { node: port.node().name, commandId: order.commandId, addresses };
}

/** Those of the last order of each address, finished ones too. */
export async function notifyStatus(port: AdminPort, request: NotifyStatusRequest): Promise<Page<NoticeRow>> {
  const address = request.address === undefined ? undefined : parseAddress(request.address);
  const limit = request.limit ?? PAGE_ROWS_DEFAULT;
  const from = request.cursor === undefined ? 0 : Number(request.cursor);
  const rows: NoticeRow[] = [];
  let index = 0;
  for (const { name, state } of port.groups()) {
    for (const notice of state?.nsm.notices.values() ?? []) {
      if (address !== undefined && notice.serverAddress !== address) continue;
      index += 1;
      if (index <= from) continue;
      if (rows.length === limit) return { rows, cursor: String(index - 1) };
      const { client, serverAddress, begun, ended } = notice;
      const { phase, attempts, problem, last, next } = port.noticeProgress(notice);
      rows.push({
        group: name,
        client,
        serverAddress,
        state: notice.state,
        phase,
        begun,
        attempts,
        ...(problem === undefined ? {} : { problem }),
        ...(last === undefined ? {} : { last }),
        ...(next === undefined ? {} : { next }),
        ...(ended === 0 ? {} : { ended }),
      });
    }
  }
  return { rows };
}

function addressesOf(port: AdminPort, { address, all }: NotifyRequest): readonly string[] {
  const served = port.node().listeners.map((listener) => listener.address);
  if (address === undefined) {
    if (all === true) return served;
    throw new LedgerError('bad-request', 'notify: give a server address, or all');
  }
  const parsed = parseAddress(address);
  if (served.includes(parsed)) return [parsed];
  throw new LedgerError('not-found', `this node does not serve ${parsed}: a notice must come from the address itself`);
}
