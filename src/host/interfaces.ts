/** The addresses of this host at this moment, and the names of its interfaces. */

import { networkInterfaces } from 'node:os';
import { addressFrom, type Address } from '../base/address.js';
import { outputOf } from './run.js';

const LIST_MS_MAX = 3000;

interface ListedAddress {
  readonly local?: unknown;
  readonly tentative?: unknown;
  readonly dadfailed?: unknown;
}
interface ListedInterface {
  readonly ifname?: unknown;
  readonly flags?: unknown;
  readonly addr_info?: unknown;
}

/**
 * Every address that a socket can be bound to now, without the rest of 127/8. From `ip` where there is one: Node's
 * own list has no aliases of the loopback interface, and names addresses that duplicate detection still holds back.
 */
export async function listAddresses(): Promise<ReadonlySet<Address>> {
  const text = await outputOf('ip', ['-j', 'addr'], LIST_MS_MAX);
  return (text === undefined ? undefined : parseIpAddr(text)) ?? addressesOfNode();
}

/** The output of `ip -j addr`; `undefined` where it is not that. */
export function parseIpAddr(text: string): ReadonlySet<Address> | undefined {
  let interfaces: unknown;
  try {
    interfaces = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(interfaces)) return undefined;
  const found = new Set<Address>();
  // JSON of another program: each field is looked at before it is used.
  for (const { ifname, flags, addr_info: rows } of interfaces as ListedInterface[]) {
    if (!Array.isArray(flags) || !flags.includes('UP') || !Array.isArray(rows)) continue;
    for (const { local, tentative, dadfailed } of rows as ListedAddress[]) {
      if (typeof local !== 'string' || tentative === true || dadfailed === true) continue;
      const address = addressFrom(local) ?? addressFrom(`${local}%${String(ifname)}`);
      if (address !== undefined) found.add(address);
    }
  }
  return found;
}

/**
 * A numeric zone as the name of its interface (`fe80::1%2` is `fe80::1%eth0`); other text as it came. From `ip` where
 * there is one: Node's own list leaves out interfaces without a carrier.
 */
export async function nameZone(text: string): Promise<string> {
  const at = text.indexOf('%');
  if (at < 0 || !/^[0-9]+$/.test(text.slice(at + 1))) return text;
  const name = await interfaceName(Number(text.slice(at + 1)));
  return name === undefined ? text : `${text.slice(0, at)}%${name}`;
}

async function interfaceName(index: number): Promise<string | undefined> {
  const lines = (await outputOf('ip', ['-o', 'link'], LIST_MS_MAX)) ?? '';
  // `4: eth0: <...`, or `4: eth0@if7: <...` for one end of a pair.
  const row = new RegExp(`^${index}: ([^:@]+)[:@]`, 'm').exec(lines);
  if (row !== null) return row[1];
  for (const [name, rows] of Object.entries(networkInterfaces())) {
    if (rows?.some((entry) => entry.family === 'IPv6' && entry.scopeid === index)) return name;
  }
  return undefined;
}

function addressesOfNode(): ReadonlySet<Address> {
  const found = new Set<Address>();
  for (const [name, rows] of Object.entries(networkInterfaces())) {
    for (const row of rows ?? []) {
      const address = addressFrom(row.address) ?? addressFrom(`${row.address}%${name}`);
      if (address !== undefined) found.add(address);
    }
  }
  return found;
}
