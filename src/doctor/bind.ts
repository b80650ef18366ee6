/** Whether a port could be bound at this moment: it is tried, and let go again. */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { addressFamily, type Address } from '../base/address.js';

/** The errno of bind(2), or undefined where it works. */
export function bindProblem(transport: 'tcp' | 'udp', address: Address, port: number): Promise<string | undefined> {
  return transport === 'tcp' ? bindTcp(address, port) : bindUdp(address, port);
}

function bindTcp(host: Address, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(errnoOf(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function bindUdp(address: Address, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const isIPv6 = addressFamily(address) === 6;
    const socket = createSocket({ type: isIPv6 ? 'udp6' : 'udp4', ...(isIPv6 ? { ipv6Only: true } : {}) });
    socket.once('error', (error) => {
      socket.close();
      resolve(errnoOf(error));
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

function errnoOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message;
}
