/**
 * Ports of 127.0.0.1 for servers that start later, or again at the same one. Which of our processes may use a block of them
 * is told by its first port, which the process keeps bound as long as it lives: servers of two tests that met at one port
 * would join each other's cluster.
 */

import { createServer, type Server } from 'node:net';

/** Below those that Linux gives to outgoing connections: one of them could take a server's port before it starts. */
const PORT_MIN = 16_384;
const PORT_MAX = 32_768;
/** The first guards the others: enough for a cluster of three, which takes two for each. */
const BLOCK = 8;
const PORTS_MAX = BLOCK - 1;

/** `count` ports, `PORTS_MAX` at the most, that are free, and given to nobody else while this process lives. */
export async function reservePorts(count: number): Promise<readonly number[]> {
  if (count > PORTS_MAX) throw new Error(`${count} ports are asked for, ${PORTS_MAX} are given at once`);
  for (;;) {
    const block = Math.floor(Math.random() * ((PORT_MAX - PORT_MIN) / BLOCK));
    const first = PORT_MIN + block * BLOCK;
    const guard = await bound(first);
    if (guard === undefined) continue;
    const ports = Array.from({ length: count }, (_, i) => first + 1 + i);
    if (await areFree(ports)) {
      guard.unref();
      return ports;
    }
    await closed(guard);
  }
}

async function areFree(ports: readonly number[]): Promise<boolean> {
  const servers = await Promise.all(ports.map(bound));
  await Promise.all(servers.map(async (server) => server !== undefined && closed(server)));
  return !servers.includes(undefined);
}

/** Undefined where somebody else has the port. */
function bound(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
