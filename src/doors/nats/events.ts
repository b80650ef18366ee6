/**
 * Publishes every durable event on nlm.events.GROUP, with names in place of ids as `watch` has them: for subscribers,
 * not for the ledger. Only while there is a connection, and never waiting: what the server does not take in time is
 * dropped and counted. Whoever needs them all reads the ledger.
 */

import type { AdminPort, WatchedEvent } from '../../admin/port.js';
import type { NatsConnection } from '../../bus/connection.js';
import { encodePayload, type PayloadFormat } from '../../bus/payload.js';
import { eventsSubject } from '../../bus/subjects.js';
import { EVENT_BYTES_UNCONFIRMED_MAX } from './limits.js';

export interface EventCounters {
  published: number;
  dropped: number;
}

/** Until the connection closes. */
export function publishEvents(
  connection: NatsConnection,
  admin: AdminPort,
  format: PayloadFormat,
  counters: EventCounters,
): void {
  const subjects = new Map<string, string>();
  let unconfirmed = 0;
  let isConfirming = false;
  const confirm = (): void => {
    if (isConfirming) return;
    isConfirming = true;
    const asked = unconfirmed;
    // The server's answer to a PING says that it has read what was written before it.
    void connection.flush().then(
      () => {
        unconfirmed -= asked;
        isConfirming = false;
        if (unconfirmed > 0) confirm();
      },
      () => undefined,
    );
  };
  const subjectOf = (group: string): string => {
    const known = subjects.get(group) ?? eventsSubject(group);
    subjects.set(group, known);
    return known;
  };
  const watch = admin.watch((event: WatchedEvent) => {
    const payload = encodePayload(event, format);
    const bytes = payload.length;
    const tooLong = bytes > (connection.info?.max_payload ?? 0);
    if (connection.isClosed() || tooLong || unconfirmed + bytes > EVENT_BYTES_UNCONFIRMED_MAX) {
      counters.dropped += 1;
      return;
    }
    connection.publish(subjectOf(event.group), payload);
    counters.published += 1;
    unconfirmed += bytes;
    confirm();
  });
  void connection.closed().then(() => watch.close());
}
