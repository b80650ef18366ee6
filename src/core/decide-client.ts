/** FREE_ALL and SM_NOTIFY: a client gives back, or has lost, everything. What does not fit is refused and recorded. */

import type { FreeAllCommand, RebootCommand, RecordRefusalCommand } from './command.js';
import { AGAIN, answer, type Decision } from './decision.js';
import type { Event } from './event.js';
import { findClient } from './names.js';
import { isNewerState } from './nsm-state.js';
import { countsWith, type Counts } from './outcome.js';
import { isSweeping, type NlmFiles, type Scope } from './state.js';

export function decideFreeAll(state: NlmFiles, command: FreeAllCommand): Decision {
  const client = findClient(state, command.client);
  if (client === undefined) return refused('free-all', command.client, 'no such client at this address');
  if (isSweeping(state)) return AGAIN;
  const counts = countsOf(client);
  if (counts.locks + counts.waiters + counts.shares === 0) return answer({ type: 'done', more: false });
  return answer({ type: 'done', more: false }, [{ type: 'client-freed', client: client.id, counts }]);
}

/** The client of this name at the source address, or all at that address: what statd calls itself need not be caller_name. */
export function decideReboot(state: NlmFiles, command: RebootCommand): Decision {
  const sameAddress = state.clientsByAddress.get(command.client.address);
  if (sameAddress === undefined) {
    // A server of a program of this host: whether the notice is its own, the one who calls that program finds out.
    if (isMonitoredHost(state, command.client)) return answer({ type: 'done', more: false });
    return refused('sm-notify', command.client, 'no client at this address');
  }
  const named = sameAddress.get(command.client.name);
  const clients = named === undefined ? [...sameAddress.values()] : [named];
  const nsmState = command.state >>> 0;
  const newer = clients.filter((client) => client.state === 0 || isNewerState(nsmState, client.state));
  if (newer.length === 0) {
    // A copy of the notice, or a LOCK of the new incarnation was here first.
    if (clients.some((client) => client.state === nsmState)) return answer({ type: 'done', more: false });
    return refused('sm-notify-older', command.client, `state ${nsmState} is not newer than ${clients[0]!.state}`);
  }
  if (isSweeping(state)) return AGAIN;
  return answer(
    { type: 'rebooted' },
    newer.map((client) => ({ type: 'client-rebooted', client: client.id, state: nsmState, counts: countsOf(client) })),
  );
}

function isMonitoredHost(state: NlmFiles, { name, address }: RebootCommand['client']): boolean {
  return [...state.nsm.monitors.values()].some(({ monName }) => monName === name || monName === address);
}

export function decideRecordRefusal(command: RecordRefusalCommand): Decision {
  return answer({ type: 'done', more: false }, [refusalEvent(command.what, command.client, command.detail)]);
}

/** What a drop of the scope takes: of the locks and shares, the expected ones too. */
export function countsOf(scope: Held | undefined): Counts {
  if (scope === undefined) return { locks: 0, waiters: 0, shares: 0 };
  const { locks, waiters, shares, expected, expectedShares } = scope;
  const all = { locks: locks + expected, waiters, shares: shares + expectedShares };
  return countsWith(all, expected, expectedShares);
}

export type Held = Pick<Scope, 'locks' | 'waiters' | 'shares' | 'expected' | 'expectedShares'>;

function refused(what: RecordRefusalCommand['what'], client: RebootCommand['client'], why: string): Decision {
  return answer({ type: 'refused', why }, [refusalEvent(what, client, why)]);
}

function refusalEvent(what: RecordRefusalCommand['what'], client: RebootCommand['client'], detail: string): Event {
  return { type: 'call-refused', what, name: client.name, address: client.address, detail };
}
