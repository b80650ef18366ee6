/** The places of NATS servers as the configuration and the command line name them, and the order to try them in. */

import { hostname, networkInterfaces } from 'node:os';
import { LedgerError } from '../base/errors.js';

export interface Server {
  readonly host: string;
  readonly port: number;
  /** `tls://`: a server without TLS is refused. */
  readonly tls: boolean;
}

const DEFAULT_PORT = 4222;
const FORM =
  /^(?:(nats|tls):\/\/)?(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?\/?$/;

/** @throws LedgerError 'bad-configuration' */
export function parseServer(text: string): Server {
  const match = FORM.exec(text);
  const host = match?.[2] ?? match?.[3];
  const port = match?.[4] === undefined ? DEFAULT_PORT : Number(match[4]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new LedgerError(
      'bad-configuration',
      `${JSON.stringify(text)} names no NATS server: give nats://host:port, or tls://host:port; users have keys of their own`,
    );
  }
  return { host, port, tls: match?.[1] === 'tls' };
}

/**
 * A server of this host first, if it is named by an address of it, its name, or as localhost: it is lost together with this
 * node, and not with another one, where only silence would tell. Then the others, from a random one on.
 */
export function nearestFirst(servers: readonly Server[]): Server[] {
  const first = Math.floor(Math.random() * servers.length);
  const here = new Set(['localhost', hostname().toLowerCase(), ...addressesHere()]);
  const distance = ({ host }: Server): number => (here.has(host.toLowerCase()) ? 0 : 1);
  return [...servers.slice(first), ...servers.slice(0, first)].toSorted((a, b) => distance(a) - distance(b));
}

function addressesHere(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}
