/** `evolve` of NSM's events. */

import type { At } from './event.js';
import { MONITORED_CLIENTS_MAX } from './limits.js';
import { monitorKey, noticeKey, THIS_HOST, type Notice } from './nsm.js';
import type { NsmEvent } from './nsm-event.js';
import { clientOf, O_ADDRESS_NEXT, O_LOCK, O_SHARES, O_WAITER, type NlmFiles } from './state.js';
import { sweep } from './sweep.js';

export function evolveNsm(state: NlmFiles, event: NsmEvent, at: At): void {
  const { monitors, orders, monitoredClients, notices } = state.nsm;
  switch (event.type) {
    case 'host-monitored': {
      const { monName, myName, prog, vers, proc, priv } = event;
      const monitor = { monName, myName, prog, vers, proc, priv };
      monitors.set(monitorKey(monitor), monitor);
      return;
    }
    case 'host-unmonitored':
      monitors.delete(monitorKey(event));
      return;
    case 'client-monitored':
      monitoredClients.delete(event.client);
      monitoredClients.set(event.client, event.priv);
      if (monitoredClients.size > MONITORED_CLIENTS_MAX) deleteFirst(monitoredClients);
      return;
    case 'notify-ordered': {
      const { serverAddress, state: number, known, order } = event;
      // Only a replay gets here with the dead still in the tables.
      sweep(state, Number.POSITIVE_INFINITY);
      orders.set(serverAddress, order.commandId);
      for (const [key, notice] of notices) if (notice.serverAddress === serverAddress) notices.delete(key);
      for (const client of clientsToNotify(state, serverAddress, known)) {
        const notice: Notice = { client, serverAddress, state: number, outcome: 'open', begun: at.time, ended: 0 };
        notices.set(noticeKey(notice), notice);
      }
      return;
    }
    case 'client-notified': {
      const notice = notices.get(noticeKey(event));
      if (notice === undefined || notice.state !== event.state) return;
      notices.set(noticeKey(event), { ...notice, outcome: event.outcome, ended: at.time });
    }
  }
}

/** Their addresses. Nothing is being swept. */
function clientsToNotify(state: NlmFiles, serverAddress: string, known: boolean): ReadonlySet<string> {
  const found = new Set<string>();
  if (serverAddress === THIS_HOST) {
    for (const { monName } of state.nsm.monitors.values()) found.add(monName);
    return found;
  }
  const { owners } = state;
  const first = state.addressByName.get(serverAddress)?.head ?? 0;
  for (let owner = first; owner !== 0; owner = owners.get(owner, O_ADDRESS_NEXT)) {
    const holds = [O_LOCK, O_WAITER, O_SHARES].some((field) => owners.get(owner, field) !== 0);
    if (known || holds) {
      found.add(clientOf(state, owner).address);
    }
  }
  return found;
}

function deleteFirst(map: Map<string, unknown>): void {
  for (const key of map.keys()) return void map.delete(key);
}
