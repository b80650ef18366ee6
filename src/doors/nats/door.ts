/**
 * The door on the bus: administrative procedures as a NATS service, and durable events for subscribers. Who may send
 * what is NATS's own matter (accounts and permissions, ops/nats); the server does not tell who sent a request, so the
 * actor that a caller names is recorded as `claimed:ACTOR`.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { AdminPort } from '../../admin/port.js';
import type { Bus } from '../../bus/bus.js';
import { Events, type NatsConnection, type Service } from '../../bus/connection.js';
import type { PayloadFormat } from '../../bus/payload.js';
import { publishEvents } from './events.js';
import { ANSWER_MS_MAX, STOP_MS_MAX } from './limits.js';
import { findNamesake } from './namesake.js';
import { Requests } from './requests.js';
import { addService } from './service.js';

export interface NatsDoorOptions {
  /** Not started yet. */
  readonly bus: Bus;
  readonly admin: AdminPort;
  readonly node: string;
  readonly release: string;
  readonly eventsFormat: PayloadFormat;
  readonly log: { error(details: object, message: string): void; warn(details: object, message: string): void };
  /** What an operator should know, while it is so. */
  readonly note: (text: string | undefined) => void;
}

export interface NatsDoor {
  readonly counters: () => Readonly<Record<string, number>>;
  /** Takes no new request, and answers those that are there; the bus is closed after it. */
  close(): Promise<void>;
}

/** Serves on every connection that the bus makes. */
export function openNatsDoor(options: NatsDoorOptions): NatsDoor {
  const { bus, admin, node, release, eventsFormat, log, note } = options;
  const requests = new Requests(admin, (error) => log.error({ err: error }, 'an administrative procedure failed'));
  const events = { published: 0, dropped: 0 };
  let service: Service | undefined;
  let isServing = false;
  let isClosing = false;

  bus.onConnected(async (connection) => {
    if (isClosing) return;
    note(undefined);
    void watchRefusals(connection, (what) => {
      log.warn({ what }, 'the NATS server does not permit something');
      note(`NATS: the server does not let this node ${what}`);
    });
    service = await addService(connection, { node, release, requests });
    isServing = true;
    void connection.closed().then(() => {
      isServing = false;
    });
    void service.stopped.then((cause) => {
      if (cause !== null && !connection.isClosed()) note(`NATS: orders are not taken: ${cause.message}`);
    });
    publishEvents(connection, admin, eventsFormat, events);
    void findNamesake(connection, node, service.info().id).then((found) => {
      if (found)
        note(`NATS: another node is called ${node} too: each order reaches one of the two alone; name them apart`);
    });
  });

  return {
    counters: () => ({
      natsConnected: isServing ? 1 : 0,
      natsRequests: requests.total.requests,
      natsErrors: requests.total.errors,
      natsEvents: events.published,
      natsEventsDropped: events.dropped,
    }),
    close: async () => {
      isClosing = true;
      const within = (ms: number): Promise<void> => delay(ms, undefined, { ref: false });
      if (bus.connection !== undefined) await Promise.race([service?.stop(), within(STOP_MS_MAX)]);
      await Promise.race([requests.settled(), within(ANSWER_MS_MAX)]);
    },
  };
}

async function watchRefusals(connection: NatsConnection, onRefused: (what: string) => void): Promise<void> {
  for await (const { type, permissionContext } of connection.status()) {
    if (type !== Events.Error || permissionContext === undefined) continue;
    const { operation, subject } = permissionContext;
    onRefused(`${operation === 'publish' ? 'publish on' : 'subscribe to'} ${subject}`);
  }
}
