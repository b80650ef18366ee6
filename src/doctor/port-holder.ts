/** Who has a port: from the socket tables of this network namespace to the process. */

import { join } from 'node:path';
import { addressFamily, addressZone, type Address } from '../base/address.js';
import ipaddr from 'ipaddr.js';
import { processName, processOfSocket, readText } from './processes.js';

const TCP_LISTEN = '0A';
/** How the kernel prints an address: words of the machine, which is little-endian wherever Node 20 has a build but one. */
const WORD_BYTES = 4;

/**
 * Words on who has the port at the address, or the wildcard, for people; undefined where nobody has. A socket without
 * a process is the kernel's, or of a process that may not be seen.
 */
export async function holderOf(
  proc: string,
  transport: 'tcp' | 'udp',
  address: Address,
  port: number,
): Promise<string | undefined> {
  const inode = await socketAt(proc, transport, address, port);
  if (inode === undefined) return undefined;
  const pid = await processOfSocket(proc, inode);
  if (pid !== undefined) return `process ${pid} (${(await processName(proc, pid)) ?? 'no name'})`;
  return process.getuid?.() === 0
    ? 'the kernel (lockd, if it is an NFS port) or a process of another container'
    : 'the kernel or a process of another user (root sees which)';
}

async function socketAt(
  proc: string,
  transport: 'tcp' | 'udp',
  address: Address,
  port: number,
): Promise<string | undefined> {
  for (const family of [4, 6] as const) {
    const table = await readText(join(proc, 'self', 'net', family === 4 ? transport : `${transport}6`));
    for (const line of (table ?? '').split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
      const [hex = '', hexPort = ''] = local.split(':');
      if (Number.parseInt(hexPort, 16) !== port || (transport === 'tcp' && state !== TCP_LISTEN)) continue;
      const isAny = /^0+$/.test(hex);
      // A wildcard of IPv6 has the port for IPv4 too, unless it says otherwise, which no table shows.
      if (isAny ? family === 6 || addressFamily(address) === 4 : hex === tableHex(address)) return inode;
    }
  }
  return undefined;
}

function tableHex(address: Address): string {
  const zone = addressZone(address);
  const bytes = ipaddr.parse(zone === undefined ? address : address.slice(0, -zone.length - 1)).toByteArray();
  let hex = '';
  for (let at = 0; at < bytes.length; at += WORD_BYTES) {
    const word = bytes.slice(at, at + WORD_BYTES).toReversed();
    hex += word.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }
  return hex.toUpperCase();
}
