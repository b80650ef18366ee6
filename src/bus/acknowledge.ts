/**
 * A publish that is acknowledged, on the hot path of a replicated ledger. What `request` does, without what the package
 * spends on each of its requests (an error with its stack, made and thrown away: as long as the rest of a publish).
 * One inbox a connection; a permission that is missing shows as a timeout here, and on the connection's own status.
 */

import { LedgerError } from '../base/errors.js';
import { createInbox, type Msg, type MsgHdrs, type NatsConnection } from './connection.js';

interface Waiting {
  readonly resolve: (message: Msg) => void;
  readonly reject: (cause: LedgerError) => void;
  readonly timer: NodeJS.Timeout;
}

const NO_RESPONDERS = 503;

class Acknowledgements {
  readonly #connection: NatsConnection;
  readonly #inbox = createInbox();
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (_, message) => {
        if (message.headers?.code === NO_RESPONDERS) {
          this.#take(message.subject)?.reject(new LedgerError('unavailable', 'nobody takes it on NATS now'));
        } else this.#take(message.subject)?.resolve(message);
      },
    });
    void connection.closed().then(() => {
      for (const reply of this.#waiting.keys()) {
        this.#take(reply)?.reject(new LedgerError('unavailable', 'the connection to NATS was lost'));
      }
    });
  }

  publish(subject: string, payload: Uint8Array, headers: MsgHdrs, msMax: number): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const reply = `${this.#inbox}.${++this.#count}`;
      const timer = setTimeout(() => {
        const late = `${subject}: no acknowledgement within ${msMax} ms`;
        this.#take(reply)?.reject(new LedgerError('timeout', late));
      }, msMax);
      this.#waiting.set(reply, { resolve, reject, timer });
      try {
        this.#connection.publish(subject, payload, { reply, headers });
      } catch (cause) {
        this.#take(reply)?.reject(
          new LedgerError('unavailable', `it cannot be published: ${String(cause)}`, { cause }),
        );
      }
    });
  }

  #take(reply: string): Waiting | undefined {
    const waiting = this.#waiting.get(reply);
    this.#waiting.delete(reply);
    clearTimeout(waiting?.timer);
    return waiting;
  }
}

const known = new WeakMap<NatsConnection, Acknowledgements>();

/** Resolves with the answer. @throws LedgerError 'unavailable', 'timeout' */
export function publishAcknowledged(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  { msMax, headers }: { readonly msMax: number; readonly headers: MsgHdrs },
): Promise<Msg> {
  let acknowledgements = known.get(connection);
  if (acknowledgements === undefined) {
    acknowledgements = new Acknowledgements(connection);
    known.set(connection, acknowledgements);
  }
  return acknowledgements.publish(subject, payload, headers, msMax);
}
