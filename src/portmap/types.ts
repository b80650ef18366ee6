/** The types of the port mapper, version 2, and of rpcbind, versions 3 and 4 (RFC 1833), in wire order. */
import type { Bytes } from '../base/bytes.js';

/** `prot` of a mapping: the protocol's number in IP. */
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

/** Version 2, section 3.1. In GETPORT `port` is not looked at; as its result, 0 says that there is none. */
export interface Mapping {
  readonly prog: number;
  readonly vers: number;
  readonly prot: number;
  readonly port: number;
}

/** Versions 3 and 4, section 2.1. In GETADDR the call's own address may stand in `r_addr`. */
export interface Rpcb {
  readonly r_prog: number;
  readonly r_vers: number;
  /** `udp`, `tcp`, `udp6`, `tcp6`, `local`. */
  readonly r_netid: Bytes;
  /** A universal address: see universal-address.ts. Empty as the result of GETADDR: there is none. */
  readonly r_addr: Bytes;
  readonly r_owner: Bytes;
}

/** Version 4, section 2.1: one transport of a service, as GETADDRLIST tells it. */
export interface RpcbEntry {
  /** A universal address. */
  readonly r_maddr: Bytes;
  readonly r_nc_netid: Bytes;
  readonly r_nc_semantics: number;
  /** `inet` or `inet6`. */
  readonly r_nc_protofmly: Bytes;
  /** `tcp` or `udp`. */
  readonly r_nc_proto: Bytes;
}

/** `r_nc_semantics`: datagrams, and streams that close in order. */
export const NC_TPI_CLTS = 1;
export const NC_TPI_COTS_ORD = 3;
