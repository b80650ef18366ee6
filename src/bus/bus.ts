/**
 * Keeps a connection to NATS: tries for ever, with back-off, and tells those who serve on it of each new connection.
 * A server that stopped answering is given up after the heartbeat's time, whatever the socket says.
 */

import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import { LedgerError } from '../base/errors.js';
import { connectOnce, type BusOptions, type NatsConnection } from './connection.js';

/** Serves on one connection, until that is lost. */
type OnConnected = (connection: NatsConnection) => Promise<void>;

export interface BusEvents {
  readonly onUp: (server: string) => void;
  /** Each time an attempt fails, and once where a connection is lost. */
  readonly onDown: (cause: LedgerError) => void;
}

const BACKOFF_MS_MIN = 250;
/** A group that is owned here grants nothing until there is a connection: an attempt a second costs less than that. */
const BACKOFF_MS_MAX = 1000;
const HEARTBEAT_MS = 2000;
/** TCP repeats what was lost at times that double: a new connection is quicker than one whose link was away for longer. */
const HEARTBEAT_ANSWER_MS_MAX = 3000;
/** At the end, for what was written and not sent. */
const FLUSH_MS_MAX = 1000;

export class Bus {
  readonly #options: BusOptions;
  readonly #events: BusEvents;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<OnConnected>();
  #connection: NatsConnection | undefined;
  #isCalling = false;
  #running: Promise<void> | undefined;

  constructor(options: BusOptions, events: BusEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** Undefined while there is none. */
  get connection(): NatsConnection | undefined {
    return this.#connection;
  }

  /**
   * Listeners are called in the order in which they were added, one after the other; one that is added while there is
   * a connection is called for it too. Returns what takes it off again.
   */
  onConnected(listener: OnConnected): () => void {
    this.#listeners.add(listener);
    // Those of a connection that is being served now are walked in turn, with what is added meanwhile.
    if (this.#connection !== undefined && !this.#isCalling) void listener(this.#connection).catch(() => undefined);
    return () => void this.#listeners.delete(listener);
  }

  /** @throws LedgerError 'unavailable' where there is none within `msMax` */
  async connected(msMax: number): Promise<NatsConnection> {
    if (this.#connection !== undefined) return this.#connection;
    const waiting = new AbortController();
    let remove = (): void => undefined;
    const next = new Promise<NatsConnection>((resolve) => {
      remove = this.onConnected(async (connection) => resolve(connection));
    });
    try {
      const signal = AbortSignal.any([waiting.signal, this.#stop.signal]);
      const late = delay(msMax, undefined, { signal }).catch(() => undefined);
      const connection = await Promise.race([next, late]);
      if (connection !== undefined) return connection;
    } finally {
      remove();
      waiting.abort();
    }
    throw new LedgerError('unavailable', `there is no connection to NATS within ${msMax} ms; it is tried again`);
  }

  /** Resolves once there is a connection and its listeners serve, or after `msMax`. */
  async start(msMax: number): Promise<void> {
    const served = new Promise<void>((resolve) => {
      this.#running = this.#run(resolve);
    });
    await Promise.race([served, this.#pause(msMax)]);
  }

  /** Sends what was written. Idempotent. */
  async close(): Promise<void> {
    const connection = this.#connection;
    if (connection !== undefined && !this.#stop.signal.aborted) {
      await Promise.race([connection.flush().catch(() => undefined), delay(FLUSH_MS_MAX, undefined, { ref: false })]);
    }
    this.#stop.abort();
    await this.#running;
  }

  async #run(onServed: () => void): Promise<void> {
    let backoffMs = BACKOFF_MS_MIN;
    while (!this.#stop.signal.aborted) {
      try {
        const connection = await connectOnce(this.#options, this.#stop.signal);
        backoffMs = BACKOFF_MS_MIN;
        const cause = await this.#serve(connection, onServed);
        if (!this.#stop.signal.aborted) this.#events.onDown(cause);
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#events.onDown(ledgerError(error));
      }
      // Nodes that lost the same server do not come back at the same moment.
      await this.#pause(backoffMs * (0.5 + Math.random()));
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX);
    }
  }

  /** Until the connection is lost; resolves with why. */
  async #serve(connection: NatsConnection, onServed: () => void): Promise<LedgerError> {
    this.#connection = connection;
    try {
      this.#events.onUp(connection.getServer());
      const closed = connection.closed().then((error) => ledgerError(error ?? new Error('the server closed it')));
      const lost = Promise.race([closed, this.#heartbeat(connection)]);
      const served = this.#callListeners(connection);
      served.then(onServed, () => undefined);
      // The server may freeze before they serve.
      await Promise.race([served, lost]);
      return await lost;
    } finally {
      this.#connection = undefined;
      // Not waited for: the package waits until a frozen server has taken what was written.
      void connection.close().catch(() => undefined);
    }
  }

  async #callListeners(connection: NatsConnection): Promise<void> {
    this.#isCalling = true;
    try {
      for (const listener of this.#listeners) await listener(connection);
      // A subscription counts once the server has it: who asks before that is not heard.
      await connection.flush();
    } finally {
      this.#isCalling = false;
    }
  }

  /** Resolves where the server is silent, or the bus is to stop; some time after the connection was lost, too. */
  async #heartbeat(connection: NatsConnection): Promise<LedgerError> {
    for (;;) {
      await this.#pause(HEARTBEAT_MS);
      if (connection.isClosed()) return new LedgerError('unavailable', 'the server closed the connection');
      if (this.#stop.signal.aborted) return new LedgerError('unavailable', 'stopping');
      let isAnswered = false;
      const answered = connection.flush().then(
        () => (isAnswered = true),
        () => (isAnswered = true), // lost: `closed` says why
      );
      await Promise.race([answered, this.#pause(HEARTBEAT_ANSWER_MS_MAX)]);
      // After a pause of this process the answer may be there, and not read yet.
      if (!isAnswered) await Promise.race([answered, setImmediate().then(setImmediate)]);
      if (!isAnswered)
        return new LedgerError('timeout', `the server has been silent for ${HEARTBEAT_ANSWER_MS_MAX} ms`);
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}

function ledgerError(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new LedgerError('unavailable', `the connection to NATS was lost: ${message}`, { cause: error });
}
