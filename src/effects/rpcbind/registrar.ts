/**
 * Keeps the node's programs registered with the host's rpcbind, from start to clean stop: set first, unset only what
 * is ours or what nobody answers for, and again when rpcbind was restarted. It never holds anything up: without
 * rpcbind the node serves on its fixed ports.
 */

import { LedgerError } from '../../base/errors.js';
import { probe } from './probe.js';
import { Rpcbind, type Registration } from './rpcbind.js';

/** `message` says what is the matter and what to do. */
export type RegistrationOutcome =
  | { readonly type: 'registered' }
  /** A living service is registered under our program. */
  | { readonly type: 'taken'; readonly by: Registration; readonly message: string }
  /** rpcbind does not take it from us. */
  | { readonly type: 'refused'; readonly message: string }
  /** rpcbind is not there, or does not answer in time. */
  | { readonly type: 'unavailable'; readonly message: string };

/** A hung rpcbind must not hold a start or a stop up. */
const DEADLINE_MS = 10_000;
const CALL_MS_MAX = 3000;
const POLL_MS = 3000;

export class Registrar {
  readonly #wanted: readonly Registration[];
  readonly #rpcbind: Rpcbind;
  readonly #onOutcome: (outcome: RegistrationOutcome) => void;
  readonly #pollMs: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<RegistrationOutcome> | undefined;
  #last: string | undefined;
  #closing: Promise<void> | undefined;

  /** `onOutcome` hears the first outcome and every change. Nothing is done before `start`. */
  constructor(options: {
    readonly registrations: readonly Registration[];
    readonly onOutcome: (outcome: RegistrationOutcome) => void;
    readonly rpcbind?: Rpcbind;
    readonly pollMs?: number;
  }) {
    this.#wanted = options.registrations;
    this.#onOutcome = options.onOutcome;
    this.#rpcbind = options.rpcbind ?? new Rpcbind();
    this.#pollMs = options.pollMs ?? POLL_MS;
  }

  /** The first outcome, within 10 seconds; never rejects. It goes on by itself until `close`. */
  start(): Promise<RegistrationOutcome> {
    return this.#round();
  }

  /** Takes what is ours out of rpcbind, within 10 seconds; never rejects, idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#unregister());
  }

  async #round(): Promise<RegistrationOutcome> {
    this.#running = this.#register(Date.now() + DEADLINE_MS);
    const outcome = await this.#running;
    this.#running = undefined;
    if (this.#closing !== undefined) return outcome;
    const text = JSON.stringify(outcome);
    if (text !== this.#last) this.#onOutcome(outcome);
    this.#last = text;
    this.#timer = setTimeout(() => void this.#round(), this.#pollMs);
    this.#timer.unref();
    return outcome;
  }

  /** Makes what stands in rpcbind what is wanted. */
  async #register(deadline: number): Promise<RegistrationOutcome> {
    try {
      let listed = await this.#rpcbind.list(timeLeft(deadline));
      const conflicts = this.#wanted.flatMap((wanted) => listed.filter((other) => isConflict(wanted, other)));
      for (const other of conflicts) if ((await probe(other)) !== 'stale') return taken(other);
      for (const other of conflicts) {
        if (!(await this.#rpcbind.unset(other, timeLeft(deadline)))) return refused(other, 'let go of the stale');
      }
      // Version 2 unsets siblings too: look again.
      if (conflicts.length > 0) listed = await this.#rpcbind.list(timeLeft(deadline));
      const missing = this.#wanted.filter((wanted) => !listed.some((other) => isSame(wanted, other)));
      if (missing.length === 0) return { type: 'registered' };
      for (const registration of missing) {
        if (!(await this.#rpcbind.set(registration, timeLeft(deadline)))) return refused(registration, 'take the');
      }
      // The Unix socket may belong to the rpcbind of another network namespace: what counts is what clients see.
      listed = await this.#rpcbind.list(timeLeft(deadline));
      const unseen = this.#wanted.find((wanted) => !listed.some((other) => isSame(wanted, other)));
      return unseen === undefined ? { type: 'registered' } : notSeen(unseen);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      const message = `rpcbind: ${error.message}; start rpcbind, or use --portmap off and fixed ports on the clients`;
      return { type: error.code === 'refused' || error.code === 'unsupported' ? 'refused' : 'unavailable', message };
    }
  }

  async #unregister(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    const deadline = Date.now() + DEADLINE_MS;
    try {
      const listed = await this.#rpcbind.list(timeLeft(deadline));
      for (const wanted of this.#wanted) {
        if (listed.some((other) => isSame(wanted, other))) await this.#rpcbind.unset(wanted, timeLeft(deadline));
      }
    } catch (error) {
      // Whoever is registered next finds that nobody answers for what is left.
      if (!(error instanceof LedgerError)) throw error;
    }
  }
}

function isConflict(wanted: Registration, other: Registration): boolean {
  return hasSameName(wanted, other) && wanted.port !== other.port;
}

function isSame(wanted: Registration, other: Registration): boolean {
  return hasSameName(wanted, other) && wanted.port === other.port;
}

function hasSameName(a: Registration, b: Registration): boolean {
  return a.program === b.program && a.version === b.version && a.protocol === b.protocol;
}

function timeLeft(deadline: number): number {
  const left = deadline - Date.now();
  if (left <= 0) throw new LedgerError('timeout', `no answer within ${DEADLINE_MS} ms`);
  return Math.min(left, CALL_MS_MAX);
}

function taken(by: Registration): RegistrationOutcome {
  const message = `rpcbind names another living service for ${nameOf(by)}, at port ${by.port}; stop it (the kernel's lockd and rpc.statd: unmount NFS and stop nfs-server), or use --portmap off`;
  return { type: 'taken', by, message };
}

function refused(registration: Registration, what: string): RegistrationOutcome {
  const message = `rpcbind does not ${what} registration of ${nameOf(registration)}; start as root or as the user who registered it, or use --portmap off and fixed ports on the clients`;
  return { type: 'refused', message };
}

function notSeen(registration: Registration): RegistrationOutcome {
  const message = `rpcbind took the registration of ${nameOf(registration)}, and clients do not see it: /run/rpcbind.sock belongs to another network namespace; give this one a /run of its own, or use --portmap off`;
  return { type: 'refused', message };
}

function nameOf({ program, version, protocol }: Registration): string {
  return `program ${program} version ${version} over ${protocol}`;
}
