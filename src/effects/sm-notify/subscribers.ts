/**
 * Programs of this host that watch other hosts (SM_MON), called back on loopback when the notice of one has come. A
 * notice counts where its source is the monitored address, or an address of the monitored name: what it calls itself
 * proves nothing.
 */

import { lookup } from 'node:dns/promises';
import { addressFrom, parseAddress, type Address } from '../../base/address.js';
import type { Bytes } from '../../base/bytes.js';
import { LedgerError } from '../../base/errors.js';
import { monitorKey, type Monitor } from '../../core/nsm.js';
import { NLM_PROGRAM } from '../../nlm/procedures.js';
import { SM_STATUS } from '../../nsm/codecs.js';
import { VOID } from '../../xdr/codec.js';
import type { ClientPorts } from '../client-ports.js';
import { callPrivilegedWherePossible } from '../privileged-call.js';
import { callPeer } from '../rpc-call.js';

export interface SubscribersOptions {
  readonly monitors: () => Iterable<Monitor>;
  readonly ports: ClientPorts;
  readonly log: (message: string, details: Record<string, unknown>) => void;
  /** Addresses of a host name; empty where there are none. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  readonly pausesMs?: readonly number[];
}

export interface HostNotice {
  readonly name: Bytes;
  readonly address: Address;
  readonly state: number;
}

const LOOPBACK: Address = parseAddress('127.0.0.1');
const CALL_MS_MAX = 3000;
/** A subscriber that does not come back within these is gone. */
const PAUSES_MS = [1000, 2000, 5000, 10_000, 30_000, 60_000] as const;
/** Names that one notice may have looked up. */
const LOOKUPS_MAX = 64;

export class Subscribers {
  readonly #options: SubscribersOptions;
  /** The last state that each was told, so that copies of a notice call once. */
  readonly #told = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(options: SubscribersOptions) {
    this.#options = options;
  }

  /** Calls those that watch the host, each in its own time. Never rejects. */
  async notice(notice: HostNotice): Promise<void> {
    const resolved = new Map<Bytes, boolean>();
    for (const monitor of this.#options.monitors()) {
      const { monName } = monitor;
      let isIts = resolved.get(monName);
      if (isIts === undefined) {
        isIts = await this.#isOf(monName, notice, resolved.size);
        resolved.set(monName, isIts);
      }
      const key = monitorKey(monitor);
      if (!isIts || this.#told.get(key) === notice.state) continue;
      this.#told.set(key, notice.state);
      void this.#call(monitor, notice.state, 0);
    }
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #isOf(monName: Bytes, { name, address }: HostNotice, lookups: number): Promise<boolean> {
    const literal = addressFrom(monName);
    if (literal !== undefined) return literal === address;
    if (lookups >= LOOKUPS_MAX) return false;
    const addresses = await (this.#options.resolve ?? resolveName)(monName);
    if (addresses.some((text) => addressFrom(text) === address)) return true;
    if (name === monName) {
      this.#options.log('a notice in the name of a monitored host came from an address that is not its own', {
        name,
        address,
      });
    }
    return false;
  }

  async #call(monitor: Monitor, state: number, tries: number): Promise<void> {
    const { monName, prog, vers, proc, priv } = monitor;
    const query = { address: LOOPBACK, program: prog, version: vers, localAddress: LOOPBACK } as const;
    const call = { program: prog, version: vers, procedure: proc, arguments: SM_STATUS, result: VOID };
    const status = { mon_name: monName, state, priv };
    try {
      const port = await this.#options.ports.find({ ...query, protocol: 'udp' });
      const peer = { transport: 'udp', address: LOOPBACK, port, localAddress: LOOPBACK } as const;
      // A lock manager asks for a privileged port; whatever else is asked for here gets no such voice of ours.
      await (prog === NLM_PROGRAM ? callPrivilegedWherePossible : callPeer)(peer, call, status, CALL_MS_MAX);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#options.ports.forget(LOOPBACK);
      this.#again(monitor, state, tries, error.message);
    }
  }

  #again(monitor: Monitor, state: number, tries: number, why: string): void {
    const pauseMs = (this.#options.pausesMs ?? PAUSES_MS)[tries];
    const { monName, prog, vers, proc } = monitor;
    this.#options.log('a program of this host could not be told of a reboot', {
      host: monName,
      program: prog,
      version: vers,
      procedure: proc,
      nextMs: pauseMs,
      why,
    });
    if (pauseMs === undefined || this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#call(monitor, state, tries + 1);
    }, pauseMs);
    this.#timers.add(timer);
  }
}

async function resolveName(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch {
    return [];
  }
}
