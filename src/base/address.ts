/**
 * IP addresses and networks as text, read the same way at every door. An `Address` is canonical, so two of them are
 * the same address exactly where they are `===`: IPv4 as four decimal parts, IPv6 as RFC 5952 writes it, v4-mapped
 * IPv6 folded to IPv4, and a link-local IPv6 address always with its zone (`fe80::1%eth0`), which no other has.
 */

import ipaddr from 'ipaddr.js';
import { LedgerError } from './errors.js';

declare const addressBrand: unique symbol;
export type Address = string & { readonly [addressBrand]: true };

/** A CIDR network. `zone` narrows a link-local network to one interface; without it every zone matches. */
export interface Network {
  readonly text: string;
  readonly bytes: readonly number[];
  readonly prefixBits: number;
  readonly zone: string | undefined;
}

// ipaddr.js alone reads 010.1.1.2 as 8.1.1.2, and ::1.2.3.4 as the v4-mapped ::ffff:1.2.3.4.
const DECIMAL_PART = '(?:0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])';
const IPV4 = new RegExp(`^${DECIMAL_PART}(?:\\.${DECIMAL_PART}){3}$`);
const ZONE = /^[0-9A-Za-z._:@-]{1,15}$/;
const TEXT_CHARS_MAX = 64;

/** @throws LedgerError 'bad-address' */
export function parseAddress(text: string): Address {
  if (IPV4.test(text)) return text as Address;
  const { address, zone } = parseIPv6(text);
  if (address.isIPv4MappedAddress()) {
    if (zone !== undefined) throw badAddress(text, 'an IPv4 address has no zone');
    return address.toIPv4Address().toString() as Address;
  }
  const linkLocal = address.range() === 'linkLocal';
  if (linkLocal && zone === undefined)
    throw badAddress(text, 'a link-local address needs its zone, as in fe80::1%eth0');
  if (!linkLocal && zone !== undefined) throw badAddress(text, 'only a link-local address has a zone');
  return (zone === undefined ? address.toRFC5952String() : `${address.toRFC5952String()}%${zone}`) as Address;
}

/** Like `parseAddress`, but `undefined` for what does not parse. */
export function addressFrom(text: string): Address | undefined {
  try {
    return parseAddress(text);
  } catch {
    return undefined;
  }
}

/** `10.1.0.0/16`, `fd00::/8`, or a single address. Bits beyond the prefix are ignored. @throws LedgerError 'bad-address' */
export function parseNetwork(text: string): Network {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const bits = slash < 0 ? undefined : text.slice(slash + 1);
  if (bits !== undefined && !/^(?:0|[1-9][0-9]{0,2})$/.test(bits)) {
    throw badAddress(text, 'the number after the slash is not a prefix length');
  }
  const { bytes, zone, mapped } = networkBytes(host);
  const widthBits = bytes.length * 8;
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8: the prefix of a folded address loses the 96 bits that went.
  const prefixBits = bits === undefined ? widthBits : Number(bits) - (mapped ? 96 : 0);
  if (prefixBits < 0 || prefixBits > widthBits) throw badAddress(text, 'the prefix length is out of range');
  return { text, bytes, prefixBits, zone };
}

export function inNetwork(address: Address, network: Network): boolean {
  const { bytes, zone } = addressBytes(address);
  if (bytes.length !== network.bytes.length) return false;
  if (network.zone !== undefined && network.zone !== zone) return false;
  const whole = network.prefixBits >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== network.bytes[i]) return false;
  const rest = network.prefixBits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((bytes[whole] ?? 0) & mask) === ((network.bytes[whole] ?? 0) & mask);
}

export function addressFamily(address: Address): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

/** The interface of a link-local IPv6 address, else `undefined`. */
export function addressZone(address: Address): string | undefined {
  const at = address.indexOf('%');
  return at < 0 ? undefined : address.slice(at + 1);
}

export function isLoopbackAddress(address: Address): boolean {
  return address === '::1' || (addressFamily(address) === 4 && address.startsWith('127.'));
}

export type AddressKind = 'unicast' | 'loopback' | 'link-local' | 'multicast' | 'unspecified' | 'broadcast';

/** What may be done with an address: nobody ever calls a multicast, unspecified or broadcast one back. */
export function addressKind(address: Address): AddressKind {
  if (isLoopbackAddress(address)) return 'loopback';
  const { bytes } = addressBytes(address);
  const [first = 0, second = 0] = bytes;
  if (bytes.length === 4) {
    if (first === 0) return 'unspecified';
    if (first === 169 && second === 254) return 'link-local';
    if (first >= 224 && first <= 239) return 'multicast';
    return first >= 240 ? 'broadcast' : 'unicast';
  }
  if (bytes.every((byte) => byte === 0)) return 'unspecified';
  if (first === 0xff) return 'multicast';
  return first === 0xfe && (second & 0xc0) === 0x80 ? 'link-local' : 'unicast';
}

function addressBytes(address: Address): { bytes: readonly number[]; zone: string | undefined } {
  if (addressFamily(address) === 4) return { bytes: address.split('.').map(Number), zone: undefined };
  const zone = addressZone(address);
  const bare = zone === undefined ? address : address.slice(0, -zone.length - 1);
  return { bytes: ipaddr.IPv6.parse(bare).toByteArray(), zone };
}

function networkBytes(host: string): { bytes: readonly number[]; zone: string | undefined; mapped: boolean } {
  if (IPV4.test(host)) return { bytes: host.split('.').map(Number), zone: undefined, mapped: false };
  const { address, zone } = parseIPv6(host);
  if (address.isIPv4MappedAddress()) return { bytes: address.toIPv4Address().toByteArray(), zone, mapped: true };
  return { bytes: address.toByteArray(), zone, mapped: false };
}

function parseIPv6(text: string): { address: ipaddr.IPv6; zone: string | undefined } {
  if (text.length > TEXT_CHARS_MAX) throw badAddress(text.slice(0, TEXT_CHARS_MAX), 'it is too long');
  const at = text.indexOf('%');
  const zone = at < 0 ? undefined : text.slice(at + 1);
  if (zone !== undefined && !ZONE.test(zone)) throw badAddress(text, 'the zone is not the name of an interface');
  const bare = hexTail(at < 0 ? text : text.slice(0, at));
  if (bare === undefined || !/^[0-9A-Fa-f:]+$/.test(bare) || !ipaddr.IPv6.isValid(bare)) {
    throw badAddress(text, 'give IPv4 as four decimal parts without leading zeros, or IPv6 as hex groups');
  }
  return { address: ipaddr.IPv6.parse(bare), zone };
}

/** Writes a dotted tail (`::ffff:10.1.1.2`) as two hex groups; `undefined` where the tail is no IPv4 address. */
function hexTail(text: string): string | undefined {
  if (!text.includes('.')) return text;
  const at = text.lastIndexOf(':') + 1;
  const tail = text.slice(at);
  if (at === 0 || !IPV4.test(tail)) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number);
  return `${text.slice(0, at)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function badAddress(text: string, why: string): LedgerError {
  return new LedgerError('bad-address', `${JSON.stringify(text)} is not an IP address: ${why}`, {
    details: { address: text },
  });
}
