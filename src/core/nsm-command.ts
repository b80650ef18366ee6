/** Commands of NSM. */

import type { Bytes } from '../base/bytes.js';
import type { Order } from './command.js';
import type { Monitor, Subscriber } from './nsm.js';

/** SM_MON of a program of this host. */
export interface MonitorHostCommand {
  readonly type: 'monitor-host';
  readonly monitor: Monitor;
}

/** SM_UNMON. */
export interface UnmonitorHostCommand {
  readonly type: 'unmonitor-host';
  readonly subscriber: Subscriber;
  /** Left out: all that it watches (SM_UNMON_ALL). */
  readonly monName?: Bytes;
}

/** The host's statd has taken our SM_MON. */
export interface RecordMonitoredCommand {
  readonly type: 'record-monitored';
  readonly client: string;
  readonly priv: Bytes;
}

/** A new state number for each of these server addresses, and its clients are told. */
export interface NotifyClientsCommand {
  readonly type: 'notify-clients';
  readonly serverAddresses: readonly string[];
  /** Also clients that hold nothing there as far as is known: the ledger may have forgotten grants. */
  readonly known: boolean;
  readonly order: Order;
}

/** SM_SIMU_CRASH: as after a reboot of this host, whose programs watch nobody any more. */
export interface SimulateCrashCommand {
  readonly type: 'simulate-crash';
  readonly serverAddresses: readonly string[];
  readonly order: Order;
}

/** How a notice ended. */
export interface SettleNoticeCommand {
  readonly type: 'settle-notice';
  readonly client: string;
  readonly serverAddress: string;
  readonly state: number;
  readonly outcome: 'answered' | 'given-up';
}

export type NsmCommand =
  | MonitorHostCommand
  | UnmonitorHostCommand
  | RecordMonitoredCommand
  | NotifyClientsCommand
  | SimulateCrashCommand
  | SettleNoticeCommand;
