/** What a node is told at its start: the configuration as the rest of the program reads it, complete and checked. */

import type { Address, Network } from '../base/address.js';
import type { BusOptions } from '../bus/connection.js';
import type { PayloadFormat } from '../bus/payload.js';
import type { ExportOptions } from '../handles/map.js';

export interface Configuration {
  /** Absolute. */
  readonly data: string;
  readonly node: { readonly name: string };
  readonly listen: readonly Address[];
  readonly nlmPort: number;
  readonly nsmPort: number;
  readonly portmap: 'system' | 'embedded' | 'off';
  /** Of the embedded portmapper. */
  readonly portmapPort: number;
  /** What the embedded portmapper tells beside our own services: the NFS and MOUNT server next to us. */
  readonly portmapStatic: readonly StaticService[];
  /** Who holds NSM on this host; left out: this node, or a statd that is there already. */
  readonly nsm?: 'own' | 'host' | 'none' | undefined;
  /** What a LOCK gets whose client the host's statd does not watch. */
  readonly monitorFailure: 'grant' | 'deny';
  /** Absolute path of the mount of the control files, or `off`. */
  readonly control: string;
  /** Absolute, at most 107 bytes. */
  readonly socket: string;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  readonly firstStart: 'none' | 'grace';
  readonly graceMs: number;
  readonly unmapped: 'serve' | 'refuse';
  readonly exports: readonly Export[];
  /** Longest prefix first, so the first that matches counts. Empty: everyone may lock. */
  readonly clients: readonly ClientNetwork[];
  /** Absent: off. */
  readonly nats?: NatsConfiguration | undefined;
  /** What moves between the nodes of a cluster; empty on a single node. */
  readonly groups: readonly ServiceGroup[];
  readonly audit: AuditConfiguration;
  readonly limits: Limits;
}

export interface AuditConfiguration {
  /** Absolute. Absent: no checkpoint is signed. */
  readonly keySeed?: string | undefined;
  readonly origin: string;
  readonly everyEntries: number;
  readonly everyMs: number;
  /** Absent: every segment stays. */
  readonly archive?: { readonly to: string; readonly olderThanDays: number; readonly everyMs: number } | undefined;
  readonly orders: {
    readonly require: boolean;
    readonly ageMs: number;
    readonly keys: readonly { readonly name: string; readonly key: string; readonly may: readonly string[] }[];
  };
}

export interface NatsConfiguration extends BusOptions {
  readonly eventsFormat: PayloadFormat;
  /** Of the streams that this node makes. */
  readonly replicas: number;
}

export type TakeoverWay = 'carry' | 'reclaim';

/** Steps of a takeover that happen outside of this program. */
export type HookStep = 'address-down' | 'unexport' | 'unmount' | 'mount' | 'export' | 'address-up' | 'announce';

export interface ServiceGroup {
  readonly name: string;
  readonly addresses: readonly Address[];
  /** Paths of `exports`. */
  readonly exports: readonly string[];
  /** Those that archive it and may own it; the first claims it where nobody ever did. */
  readonly nodes: readonly string[];
  /** Those that only archive it. */
  readonly witnesses: readonly string[];
  readonly way: TakeoverWay;
  readonly take: 'by-command' | 'on-release' | 'on-silence';
  readonly silenceMs: number;
  /** Left out: only silence counts. */
  readonly goneMs?: number | undefined;
  /** Executables by step. */
  readonly hooks: Readonly<Partial<Record<HookStep, string>>>;
  readonly hookMs: number;
}

export interface Export extends ExportOptions {
  readonly mountPoint?: string | undefined;
}

export interface StaticService {
  readonly program: number;
  readonly version: number;
  readonly protocol: 'tcp' | 'udp' | 'tcp6' | 'udp6';
  readonly port: number;
}

export interface ClientNetwork {
  readonly network: Network;
  readonly callbackPort?: number | undefined;
  readonly callbackForm?: 'granted' | 'granted-msg' | undefined;
  readonly callbackTransport?: 'tcp' | 'udp' | undefined;
}

/** Each with its default and its reason in schemas/configuration.json. */
export interface Limits {
  readonly connections: number;
  readonly connectionsPerClient: number;
  readonly idleMs: number;
  readonly partialRecordMs: number;
  readonly recordBytes: number;
  readonly recordFragments: number;
  readonly callsPerConnection: number;
  readonly udpCallsInFlight: number;
  readonly locks: number;
  readonly locksPerClient: number;
  readonly waitersPerFile: number;
  readonly sharesPerFile: number;
  readonly waiters: number;
  readonly replyCacheEntries: number;
  readonly replyCacheMs: number;
  readonly deadlockSteps: number;
  readonly idleFiles: number;
  readonly idleOwners: number;
  readonly idleClients: number;
  readonly commands: number;
  readonly commandMs: number;
}

/** The options of the command line that override the file. */
export interface ConfigurationOptions {
  readonly data?: string | undefined;
  readonly listen?: readonly string[] | undefined;
  readonly nlmPort?: number | undefined;
  readonly nsmPort?: number | undefined;
  readonly portmap?: string | undefined;
  readonly nsm?: string | undefined;
  readonly portmapPort?: number | undefined;
  readonly control?: string | undefined;
  readonly socket?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly firstStart?: string | undefined;
}
