/** Events of NSM: who watches whom, and who was told what. Addresses and host names stand as text. */

import type { Bytes } from '../base/bytes.js';
import type { Order } from './command.js';

/** A program of this host watches a host: recorded before SM_MON answers. */
export interface HostMonitored {
  readonly type: 'host-monitored';
  readonly monName: Bytes;
  readonly myName: Bytes;
  readonly prog: number;
  readonly vers: number;
  readonly proc: number;
  readonly priv: Bytes;
}

export interface HostUnmonitored {
  readonly type: 'host-unmonitored';
  readonly monName: Bytes;
  readonly myName: Bytes;
  readonly prog: number;
  readonly vers: number;
  readonly proc: number;
}

/** The host's statd watches the client of this address for us: recorded before its first grant. */
export interface ClientMonitored {
  readonly type: 'client-monitored';
  readonly client: string;
  /** 16 bytes: only the statd of this host knows them. */
  readonly priv: Bytes;
}

/** The outcome of one notice; each client has one for each order of a server address. */
export interface ClientNotified {
  readonly type: 'client-notified';
  readonly client: string;
  readonly serverAddress: string;
  readonly state: number;
  readonly outcome: 'answered' | 'given-up';
}

/** Each client with locks or waiters through the address is to be told; with `known`, each that was ever seen there. */
export interface NotifyOrdered {
  readonly type: 'notify-ordered';
  readonly serverAddress: string;
  readonly state: number;
  readonly known: boolean;
  readonly order: Order;
}

export type NsmEvent = HostMonitored | HostUnmonitored | ClientMonitored | ClientNotified | NotifyOrdered;
