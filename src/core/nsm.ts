/**
 * NSM in the projection: hosts that programs of this host watch, clients that the host's statd watches for us, the
 * state number of each server address, and the notices that tell clients of it. Changed by evolve-nsm.ts alone.
 */

import type { Bytes } from '../base/bytes.js';

/** In place of a server address: this host itself, for the hosts that its own programs watch. */
export const THIS_HOST = '';

/** Who asked for a callback, and how: `my_id` of SM_MON. */
export interface Subscriber {
  readonly myName: Bytes;
  readonly prog: number;
  readonly vers: number;
  readonly proc: number;
}

/** A host that a program of this host watches. */
export interface Monitor extends Subscriber {
  readonly monName: Bytes;
  /** 16 bytes that come back with the callback. */
  readonly priv: Bytes;
}

/** A client that is, or was, told that a server address has a new state. */
export interface Notice {
  /** The client's address; for notices of this host itself, the name or address that was monitored. */
  readonly client: string;
  readonly serverAddress: string;
  readonly state: number;
  readonly outcome: 'open' | 'answered' | 'given-up';
  /** Milliseconds since 1970; 0 while it is open. */
  readonly begun: number;
  readonly ended: number;
}

export class NsmTables {
  readonly monitors = new Map<string, Monitor>();
  /** By server address: the command id of its last order to notify. */
  readonly orders = new Map<string, string>();
  /** By client address, oldest first: the `priv` that the host's statd has for it. */
  readonly monitoredClients = new Map<string, Bytes>();
  /** By `noticeKey`: those of each address's last order, finished ones too. */
  readonly notices = new Map<string, Notice>();
}

export function monitorKey({ monName, myName, prog, vers, proc }: Subscriber & { readonly monName: Bytes }): string {
  return `${prog}/${vers}/${proc}/${myName.length}/${myName}/${monName}`;
}

export function noticeKey({ client, serverAddress }: Pick<Notice, 'client' | 'serverAddress'>): string {
  return `${serverAddress} ${client}`;
}
