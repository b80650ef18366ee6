/** Finds another node of the same name: two of them share a queue, and each order would reach one alone. */

import { createInbox, type NatsConnection } from '../../bus/connection.js';
import { SERVICE } from '../../bus/subjects.js';

/** An answer of a node that is there comes within this. */
const ANSWER_MS_MAX = 500;

/** Never rejects: where the server does not permit to ask, nobody is found. */
export function findNamesake(connection: NatsConnection, node: string, ownId: string): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (found: boolean): void => {
      clearTimeout(timer);
      if (!connection.isClosed()) inbox.unsubscribe();
      resolve(found);
    };
    const timer = setTimeout(() => end(false), ANSWER_MS_MAX);
    const inbox = connection.subscribe(createInbox(), {
      callback: (error, message) => {
        if (error !== null) return end(false);
        if (isNamesake(message.data, node, ownId)) end(true);
      },
    });
    void connection.closed().then(() => end(false));
    connection.publish(`$SRV.PING.${SERVICE}`, '', { reply: inbox.getSubject() });
  });
}

function isNamesake(payload: Uint8Array, node: string, ownId: string): boolean {
  try {
    const { id, metadata } = JSON.parse(Buffer.from(payload).toString('utf8'));
    return id !== ownId && metadata?.node === node;
  } catch {
    return false;
  }
}
