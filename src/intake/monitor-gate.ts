/**
 * Where the host's statd holds NSM, a client is watched there before its first grant: its LOCK waits here for SM_MON,
 * at most for a deadline, and what the same client asks meanwhile (UNLOCK, CANCEL) stays behind it in order. Nobody
 * else waits.
 */

import { LedgerError } from '../base/errors.js';
import type { Bytes } from '../base/bytes.js';
import type { Command } from '../core/command.js';
import type { Settle } from '../engine/settled.js';

export interface MonitorGateOptions {
  readonly submit: (command: Command, settle: Settle) => void;
  readonly isMonitored: (client: string) => boolean;
  /** SM_MON at the host's statd. Rejects with a LedgerError. */
  readonly monitor: (client: string, priv: Bytes) => Promise<void>;
  /** 16 bytes that nobody guesses. */
  readonly newPriv: () => Bytes;
  /** What a LOCK gets whose client could not be watched. */
  readonly onFailure: 'grant' | 'deny';
  readonly log: (message: string, details: Record<string, unknown>) => void;
  readonly deadlineMs?: number;
}

/** Well within the ten seconds after which a client asks again. */
const DEADLINE_MS = 3000;
/** After a failure the client's LOCKs wait no more for so long. */
const RETRY_MS = 10_000;
/** Calls of one client behind its SM_MON, and clients with one under way: past it calls are dropped, and asked again. */
const BEHIND_MAX = 256;
const CLIENTS_MAX = 4096;

interface Waiting {
  readonly command: Command;
  readonly settle: Settle;
}

export class MonitorGate {
  readonly #options: MonitorGateOptions;
  readonly #behind = new Map<string, Waiting[]>();
  /** By client: until when on the monotonic clock. */
  readonly #failed = new Map<string, number>();
  /** LOCKs let through though their client is not watched. */
  unmonitored = 0;

  constructor(options: MonitorGateOptions) {
    this.#options = options;
  }

  submit(command: Command, settle: Settle): void {
    if (command.type !== 'lock' && command.type !== 'unlock' && command.type !== 'cancel') {
      return this.#options.submit(command, settle);
    }
    const client = command.owner.client.address;
    const behind = this.#behind.get(client);
    if (behind !== undefined) {
      if (behind.length >= BEHIND_MAX) return settle({ type: 'withheld', cause: FULL });
      behind.push({ command, settle });
      return;
    }
    if (command.type !== 'lock' || !command.monitored || this.#options.isMonitored(client)) {
      return this.#options.submit(command, settle);
    }
    if ((this.#failed.get(client) ?? 0) > performance.now()) return this.#unmonitored({ command, settle });
    if (this.#behind.size >= CLIENTS_MAX) return settle({ type: 'withheld', cause: FULL });
    this.#behind.set(client, [{ command, settle }]);
    void this.#watch(client);
  }

  async #watch(client: string): Promise<void> {
    const priv = this.#options.newPriv();
    const problem = await this.#monitor(client, priv);
    const waiting = this.#behind.get(client) ?? [];
    this.#behind.delete(client);
    if (problem === undefined) {
      this.#failed.delete(client);
      // In the same order on the line: recorded before the grant.
      this.#options.submit({ type: 'record-monitored', client, priv }, () => undefined);
      for (const { command, settle } of waiting) this.#options.submit(command, settle);
      return;
    }
    if (this.#failed.size >= CLIENTS_MAX) this.#failed.clear();
    this.#failed.set(client, performance.now() + RETRY_MS);
    this.#options.log("a client could not be watched at the host's statd: its reboot may go unnoticed", {
      client,
      policy: this.#options.onFailure,
      why: problem,
    });
    for (const each of waiting) {
      if (each.command.type === 'lock' && each.command.monitored) this.#unmonitored(each);
      else this.#options.submit(each.command, each.settle);
    }
  }

  async #monitor(client: string, priv: Bytes): Promise<string | undefined> {
    const deadlineMs = this.#options.deadlineMs ?? DEADLINE_MS;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`no answer within ${deadlineMs} ms`), deadlineMs);
    });
    try {
      return await Promise.race([this.#options.monitor(client, priv).then(() => undefined), late]);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return error.message;
    } finally {
      clearTimeout(timer);
    }
  }

  #unmonitored({ command, settle }: Waiting): void {
    if (this.#options.onFailure === 'grant') {
      this.unmonitored += 1;
      return this.#options.submit(command, settle);
    }
    const why = 'the client cannot be monitored';
    settle({ type: 'answer', outcome: { type: 'denied-no-locks', why }, position: 0 });
  }
}

const FULL = new LedgerError('limit', 'Too many calls wait for SM_MON.');
