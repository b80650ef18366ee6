/**
 * Universal addresses (RFC 5665 section 5.2.3): how rpcbind versions 3 and 4 write an address and a port.
 *
 *   IPv4  h1.h2.h3.h4.p1.p2      IPv6  x1:x2:x3:x4:x5:x6:x7:x8.p1.p2, port = p1 * 256 + p2
 */
import ipaddr from 'ipaddr.js';
import { bytesFrom, type Bytes } from '../base/bytes.js';

export interface UniversalAddress {
  /** An IPv4 or IPv6 address as text, a link-local one with its zone where it came with one. */
  readonly address: string;
  readonly port: number;
}

const FORM = /^(.+)\.(\d{1,3})\.(\d{1,3})$/;
/** Four decimal parts and nothing else: no octal, no hexadecimal, no fewer parts. */
const IPV4 = /^(?:(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])(?:\.(?!$)|$)){4}$/;

/** Undefined where the text is none: a path of a local transport, for one, or the empty answer of GETADDR. */
export function parseUniversalAddress(text: Bytes): UniversalAddress | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, address = '', p1, p2] = match;
  const high = Number(p1);
  const low = Number(p2);
  if (high > 255 || low > 255) return undefined;
  const isAddress = IPV4.test(address) || (address.includes(':') && ipaddr.IPv6.isValid(address));
  return isAddress ? { address, port: high * 256 + low } : undefined;
}

/** `address` is valid; `port` is within 0 to 65535. */
export function formatUniversalAddress({ address, port }: UniversalAddress): Bytes {
  return bytesFrom(Buffer.from(`${address}.${port >> 8}.${port & 255}`, 'latin1'));
}
