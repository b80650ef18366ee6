/** Decisions of NSM: monitors of local programs, state numbers, notices. */

import { unreachable } from '../base/assert.js';
import type { Context } from './command.js';
import { AGAIN, answer, type Decision } from './decision.js';
import { MONITORS_MAX } from './limits.js';
import { monitorKey, noticeKey, THIS_HOST, type Monitor } from './nsm.js';
import type { MonitorHostCommand, NotifyClientsCommand, NsmCommand, UnmonitorHostCommand } from './nsm-command.js';
import type { Event, ServerStateAdvanced } from './event.js';
import type { NsmEvent } from './nsm-event.js';
import { nextServerState } from './nsm-state.js';
import type { Outcome } from './outcome.js';
import { isSweeping, type NlmFiles } from './state.js';

const DONE: Outcome = { type: 'done', more: false };

export function decideNsm(state: NlmFiles, command: NsmCommand, context: Context): Decision {
  switch (command.type) {
    case 'monitor-host':
      return decideMonitor(state, command, context);
    case 'unmonitor-host':
      return answer(DONE, unmonitored(state, command));
    case 'record-monitored': {
      const { client, priv } = command;
      return answer(DONE, [{ type: 'client-monitored', client, priv }]);
    }
    case 'notify-clients':
      return decideNotify(state, command, context);
    case 'simulate-crash': {
      if (isSweeping(state)) return AGAIN;
      const { serverAddresses, order } = command;
      const ordered = [THIS_HOST, ...serverAddresses].flatMap((address) =>
        notifyEvents(state, address, { known: false, order }, context),
      );
      // They are told first: the order takes its hosts from what is watched.
      const gone = [...state.nsm.monitors.values()].map(goneEvent);
      return answer(DONE, [...ordered, ...gone]);
    }
    case 'settle-notice': {
      const { client, serverAddress, outcome } = command;
      const notice = state.nsm.notices.get(noticeKey(command));
      if (notice?.outcome !== 'open' || notice.state !== command.state) return answer(DONE);
      return answer(DONE, [{ type: 'client-notified', client, serverAddress, state: command.state, outcome }]);
    }
    default:
      return unreachable(command);
  }
}

function advanced(state: NlmFiles, serverAddress: string, { now }: Context): ServerStateAdvanced {
  const next = nextServerState(state.serverStates.get(serverAddress) ?? 0, now);
  return { type: 'server-state-advanced', serverAddress, state: next };
}

function decideMonitor(state: NlmFiles, { monitor }: MonitorHostCommand, context: Context): Decision {
  const { monitors } = state.nsm;
  const before = monitors.get(monitorKey(monitor));
  if (before?.priv === monitor.priv) return answer(DONE);
  if (before === undefined && monitors.size >= MONITORS_MAX) return answer({ type: 'refused', why: 'MONITORS_MAX' });
  // The answer tells our state, which must not change by itself afterwards.
  const first = state.serverStates.has(THIS_HOST) ? [] : [advanced(state, THIS_HOST, context)];
  return answer(DONE, [...first, { type: 'host-monitored', ...monitor }]);
}

function unmonitored(state: NlmFiles, { subscriber, monName }: UnmonitorHostCommand): NsmEvent[] {
  const found = [...state.nsm.monitors.values()].filter(
    (monitor) =>
      monitorKey(monitor) === monitorKey({ ...subscriber, monName: monName ?? monitor.monName }) &&
      (monName === undefined || monitor.monName === monName),
  );
  return found.map(goneEvent);
}

function goneEvent({ monName, myName, prog, vers, proc }: Monitor): NsmEvent {
  return { type: 'host-unmonitored', monName, myName, prog, vers, proc };
}

function decideNotify(state: NlmFiles, command: NotifyClientsCommand, context: Context): Decision {
  if (isSweeping(state)) return AGAIN;
  const { serverAddresses, order } = command;
  // The same order again: nothing more is to be told.
  const fresh = serverAddresses.filter(
    (address) => order.commandId === '' || state.nsm.orders.get(address) !== order.commandId,
  );
  return answer(
    DONE,
    fresh.flatMap((address) => notifyEvents(state, address, command, context)),
  );
}

function notifyEvents(
  state: NlmFiles,
  serverAddress: string,
  { known, order }: Pick<NotifyClientsCommand, 'known' | 'order'>,
  context: Context,
): Event[] {
  const step = advanced(state, serverAddress, context);
  return [step, { type: 'notify-ordered', serverAddress, state: step.state, known, order }];
}
