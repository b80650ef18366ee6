/** TCP relays between the servers of a cluster, so that one can be cut off from the others: bytes stop, nothing closes. */

import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Relay {
  readonly from: number;
  readonly to: number;
  readonly server: Server;
  readonly sockets: Set<Socket>;
  /** Connections that came while it was cut. */
  readonly held: (() => void)[];
}

export class Relays {
  readonly #relays: Relay[] = [];
  readonly #cut = new Set<number>();

  /** For `NatsCluster`: the port of a relay from one server to another. */
  readonly between = async (from: number, to: number, port: number): Promise<number> => {
    const sockets = new Set<Socket>();
    const relay: Relay = { from, to, server: createServer(), sockets, held: [] };
    const carry = (incoming: Socket): void => {
      const outgoing = connect(port, '127.0.0.1');
      for (const [socket, other] of [
        [incoming, outgoing],
        [outgoing, incoming],
      ] as const) {
        sockets.add(socket);
        socket.on('error', () => undefined);
        socket.on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
        socket.on('data', (chunk) => void other.write(chunk));
      }
    };
    relay.server.on('connection', (incoming) => {
      if (!this.#isCut(relay)) return carry(incoming);
      incoming.pause();
      incoming.on('error', () => undefined);
      sockets.add(incoming);
      relay.held.push(() => carry(incoming.resume()));
    });
    await new Promise<void>((resolve) => relay.server.listen(0, '127.0.0.1', resolve));
    this.#relays.push(relay);
    // The cast: a server that listens on an address of IP has an AddressInfo.
    return (relay.server.address() as AddressInfo).port;
  };

  /** Nothing goes between this server and the others any more. */
  cut(index: number): void {
    this.#cut.add(index);
    for (const relay of this.#relays) {
      if (this.#isCut(relay)) for (const socket of relay.sockets) socket.pause();
    }
  }

  /** What was sent meanwhile comes now. */
  heal(index: number): void {
    this.#cut.delete(index);
    for (const relay of this.#relays) {
      if (this.#isCut(relay)) continue;
      for (const socket of relay.sockets) socket.resume();
      for (const carry of relay.held.splice(0)) carry();
    }
  }

  close(): void {
    for (const { server, sockets } of this.#relays) {
      server.close();
      for (const socket of sockets) socket.destroy();
    }
  }

  #isCut({ from, to }: Relay): boolean {
    return this.#cut.has(from) || this.#cut.has(to);
  }
}
