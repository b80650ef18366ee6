/** Where the demo takes place: loopback addresses that stand for those of servers and clients, and free ports on them. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { parseAddress, type Address } from '../../src/base/address.js';

/** 127/8 is on every Linux host. */
const NET = '127.0.91';
const at = (host: number): Address => parseAddress(`${NET}.${host}`);

export const NODE_ADDRESS = { a: at(1), b: at(2), w: at(3) } as const;
export const FLOATING = { home: at(10), work: at(11) } as const;
export const CLIENT_ADDRESS = { anna: at(101), ben: at(102), cleo: at(103), dora: at(104) } as const;

export type NodeName = keyof typeof NODE_ADDRESS;
export type GroupName = keyof typeof FLOATING;
export type ClientName = keyof typeof CLIENT_ADDRESS;

const SERVERS: readonly Address[] = [...Object.values(NODE_ADDRESS), ...Object.values(FLOATING)];
const TRIES = 50;

/** So many different ports that nobody has, over TCP and UDP, at any server address or anywhere else of this host. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; tries < TRIES && found.size < count; tries += 1) {
    const port = await freePort(SERVERS[0]!);
    if (!found.has(port) && (await isFreeEverywhere(port))) found.add(port);
  }
  if (found.size < count) throw new Error(`no ${count} free ports on ${NET}.0/24: is something else there?`);
  return [...found];
}

async function freePort(address: Address): Promise<number> {
  const server = createServer().listen(0, address);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new Error(`the demo needs the loopback addresses ${NET}.*, which every Linux host has: ${String(cause)}`, {
      cause,
    });
  }
  // The cast: a server that listens on an address of IP has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function isFreeEverywhere(port: number): Promise<boolean> {
  // The wildcard is refused where any address has it.
  return (await isFreeOverTcp(port)) && isFreeOverUdp(port);
}

async function isFreeOverTcp(port: number): Promise<boolean> {
  const server = createServer().listen(port, '0.0.0.0');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function isFreeOverUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '0.0.0.0');
    await once(socket, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}
