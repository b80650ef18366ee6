/**
 * Publishes every durable event on nlm.events.GROUP, with names in place of ids as `watch` has them: for subscribers,
 * not for the ledger. Only while there is a connection, and never waiting: what the server does not take in time is
 * dropped and counted. Whoever needs them all reads the ledger.
 *
 * An event that nobody hears costs nothing but a look now and then, since describing each would take longer than the
 * rest of a lock: while nobody is known to listen events are held, and the first of them goes out with a reply subject.
 * Where nobody listens the server says so (no responders, over the whole cluster), and what was held until then is let
 * go; else the rest follows it. So a subscriber gets every event from its subscription on.
 */

import type { AdminPort, WatchedBatch, WatchedEvent } from '../../admin/port.js';
import { createInbox, type NatsConnection } from '../../bus/connection.js';
import { encodePayload, type PayloadFormat } from '../../bus/payload.js';
import { eventsSubject } from '../../bus/subjects.js';
import { EVENT_BYTES_UNCONFIRMED_MAX, EVENTS_HELD_MAX, LISTENERS_LOOK_MS } from './limits.js';

export interface EventCounters {
  published: number;
  dropped: number;
}

/** What the server answers for a message with a reply subject that nobody has subscribed to. */
const NO_RESPONDERS = 503;

/** Until the connection closes. */
export function publishEvents(
  connection: NatsConnection,
  admin: AdminPort,
  format: PayloadFormat,
  counters: EventCounters,
): void {
  const outlet = new Outlet(connection, format, counters);
  const watch = admin.watchBatches((batch) => outlet.take(batch));
  void connection.closed().then(() => {
    watch.close();
    outlet.close();
  });
}

class Outlet {
  readonly #connection: NatsConnection;
  readonly #format: PayloadFormat;
  readonly #counters: EventCounters;
  readonly #subjects = new Map<string, string>();
  readonly #inbox = createInbox();
  #isHeard = false;
  /** Batches that wait for what a look finds, and how many events they have. */
  #held: WatchedBatch[] = [];
  #heldEvents = 0;
  #isLooking = false;
  #nobody = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #unconfirmed = 0;
  #isConfirming = false;

  constructor(connection: NatsConnection, format: PayloadFormat, counters: EventCounters) {
    this.#connection = connection;
    this.#format = format;
    this.#counters = counters;
    connection.subscribe(this.#inbox, {
      callback: (_, { headers }) => {
        if (headers?.code === NO_RESPONDERS) this.#nobody = true;
      },
    });
  }

  take(batch: WatchedBatch): void {
    if (batch.count === 0) return;
    if (this.#isHeard) return this.#publish(batch);
    if (this.#heldEvents + batch.count > EVENTS_HELD_MAX) {
      this.#counters.dropped += batch.count;
      return;
    }
    this.#held.push(batch);
    this.#heldEvents += batch.count;
    this.#lookSoon();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#held = [];
  }

  #lookSoon(): void {
    if (this.#isLooking || this.#timer !== undefined) return;
    const waitMs = this.#lookedAt + LISTENERS_LOOK_MS - performance.now();
    if (waitMs <= 0) return this.#look();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#look();
    }, waitMs);
    this.#timer.unref();
  }

  /** The first event that is held asks whether anybody hears it. */
  #look(): void {
    const asking = this.#held.shift();
    if (asking === undefined || this.#connection.isClosed()) return;
    this.#heldEvents -= asking.count;
    const before = this.#held.length;
    this.#publish({ count: 1, events: () => first(asking) }, true);
    this.#whenLooked(() => {
      if (this.#isHeard) {
        const held = this.#held;
        this.#held = [];
        this.#heldEvents = 0;
        this.#publish({ count: asking.count - 1, events: (from = 0) => asking.events(from + 1) });
        for (const batch of held) this.#publish(batch);
      } else {
        for (const batch of this.#held.splice(0, before)) this.#heldEvents -= batch.count;
        if (this.#held.length > 0) this.#lookSoon();
      }
    });
  }

  /** A message with our inbox was published just now: calls `then` once the server has read it, and answered. */
  #whenLooked(then: () => void): void {
    this.#isLooking = true;
    this.#nobody = false;
    this.#lookedAt = performance.now();
    this.#connection.flush().then(
      () => {
        this.#isLooking = false;
        this.#isHeard = !this.#nobody;
        then();
      },
      () => undefined, // closed
    );
  }

  #publish(batch: WatchedBatch, asks = false): void {
    let reply = asks ? this.#inbox : undefined;
    if (!asks && !this.#isLooking && performance.now() - this.#lookedAt > LISTENERS_LOOK_MS) {
      reply = this.#inbox;
      this.#whenLooked(() => undefined);
    }
    for (const event of batch.events()) {
      this.#send(event, reply);
      reply = undefined;
    }
  }

  #send(event: WatchedEvent, reply: string | undefined): void {
    const payload = encodePayload(event, this.#format);
    const bytes = payload.length;
    const tooLong = bytes > (this.#connection.info?.max_payload ?? 0);
    if (this.#connection.isClosed() || tooLong || this.#unconfirmed + bytes > EVENT_BYTES_UNCONFIRMED_MAX) {
      this.#counters.dropped += 1;
      return;
    }
    this.#connection.publish(this.#subjectOf(event.group), payload, reply === undefined ? undefined : { reply });
    this.#counters.published += 1;
    this.#unconfirmed += bytes;
    this.#confirm();
  }

  /** The server's answer to a PING says that it has read what was written before it. */
  #confirm(): void {
    if (this.#isConfirming) return;
    this.#isConfirming = true;
    const asked = this.#unconfirmed;
    void this.#connection.flush().then(
      () => {
        this.#unconfirmed -= asked;
        this.#isConfirming = false;
        if (this.#unconfirmed > 0) this.#confirm();
      },
      () => undefined, // closed
    );
  }

  #subjectOf(group: string): string {
    const known = this.#subjects.get(group) ?? eventsSubject(group);
    this.#subjects.set(group, known);
    return known;
  }
}

function* first(batch: WatchedBatch): Generator<WatchedEvent> {
  for (const event of batch.events()) {
    yield event;
    return;
  }
}
