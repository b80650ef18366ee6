/**
 * The Unix socket's door: a way in for the command line and for whatever else runs on this host. Whoever may open the
 * socket (its owner, its group, root) may order anything; Node does not tell the peer's uid, so the user that a
 * caller names is recorded as `claimed:USER`.
 */

import { createServer, type Socket } from 'node:net';
import type { AdminPort } from '../../admin/port.js';
import { claimSocketPath } from './claim.js';
import { Connection } from './connection.js';
import { CONNECTIONS_MAX } from './limits.js';

export interface SocketDoorLog {
  error(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface SocketDoorOptions {
  readonly path: string;
  readonly admin: AdminPort;
  readonly log: SocketDoorLog;
}

export interface SocketDoor {
  /** Ends every connection, and removes the socket where it is still ours. */
  close(): Promise<void>;
}

/** @throws LedgerError 'busy', 'bad-request', 'io' */
export async function openSocketDoor({ path, admin, log }: SocketDoorOptions): Promise<SocketDoor> {
  const connections = new Set<Connection>();
  const server = createServer({ allowHalfOpen: true }, (socket: Socket) => {
    if (connections.size >= CONNECTIONS_MAX) {
      log.warn({ connections: connections.size }, 'a connection to the socket was refused: too many are open');
      const message = `${CONNECTIONS_MAX} connections are open; close one and try again`;
      socket.on('error', () => undefined);
      const answer = { id: null, error: { code: 'limit', message, details: {} } };
      socket.end(`${JSON.stringify(answer)}\n`, () => socket.destroy());
      return;
    }
    const connection = new Connection(socket, admin, (error) =>
      log.error({ err: error }, 'an administrative procedure failed'),
    );
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
  });
  const release = await claimSocketPath(server, path);
  server.on('error', (error) => log.error({ err: error }, 'the socket cannot take connections'));
  return {
    close: async () => {
      await release();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const connection of connections) connection.close();
      await closed;
    },
  };
}
