/**
 * The embedded port mapper, program 100000 versions 2, 3 and 4 (RFC 1833), behind the RPC door, for hosts without an
 * rpcbind. CALLIT and its like are not served: they hide where a call comes from, and make a small packet a large one.
 */

import { addressFamily, addressFrom, addressZone, isLoopbackAddress, type Address } from '../../base/address.js';
import { unreachable } from '../../base/assert.js';
import { bytesFrom, NO_BYTES, type Bytes } from '../../base/bytes.js';
import { PMAP_PROGRAM, PMAP_VERSIONS, pmapProcedure } from '../../portmap/procedures.js';
import { familyOf, netidFrom, netidOf, transportOf, type NetId, type PortmapRegistry } from '../../portmap/registry.js';
import {
  IPPROTO_TCP,
  IPPROTO_UDP,
  NC_TPI_CLTS,
  NC_TPI_COTS_ORD,
  type Mapping,
  type Rpcb,
  type RpcbEntry,
} from '../../portmap/types.js';
import { formatUniversalAddress, parseUniversalAddress } from '../../portmap/universal-address.js';
import type { RpcCall } from '../../rpc/message.js';
import type { Codec } from '../../xdr/codec.js';
import type { XdrReader } from '../../xdr/reader.js';
import type { Caller, RpcProgram, Transport } from './caller.js';

/** Only root has these: what is registered decides whom a client calls. */
const PRIVILEGED_PORT_MAX = 1023;

export class PortmapProgram implements RpcProgram {
  readonly number = PMAP_PROGRAM;
  readonly versions = PMAP_VERSIONS;
  readonly #registry: PortmapRegistry;
  readonly #clock: () => number;

  /** `clock`: milliseconds since 1970, for GETTIME. */
  constructor(registry: PortmapRegistry, clock: () => number) {
    this.#registry = registry;
    this.#clock = clock;
  }

  serve({ xid, version, procedure: number }: RpcCall, reader: XdrReader, transport: Transport): void {
    const procedure = pmapProcedure(version, number);
    const { caller } = transport;
    const request = { xid, reader, transport };
    switch (procedure?.name) {
      case undefined:
        return transport.refuse(xid, { type: 'PROC_UNAVAIL' });
      case 'NULL':
        return this.#answer(request, procedure, () => undefined);
      case 'PMAPPROC_SET':
        return this.#answer(request, procedure, (mapping) => mayRegister(caller) && this.#setMapping(mapping, caller));
      case 'PMAPPROC_UNSET':
        return this.#answer(request, procedure, (mapping) => mayRegister(caller) && this.#unsetMapping(mapping));
      case 'PMAPPROC_GETPORT':
        return this.#answer(request, procedure, (mapping) => this.#portOf(mapping, caller.serverAddress));
      case 'PMAPPROC_DUMP':
        return this.#answer(request, procedure, () => this.#registry.at(caller.serverAddress).map(mappingOf));
      case 'RPCBPROC_SET':
        return this.#answer(request, procedure, (rpcb) => mayRegister(caller) && this.#set(rpcb));
      case 'RPCBPROC_UNSET':
        return this.#answer(request, procedure, (rpcb) => mayRegister(caller) && this.#unset(rpcb));
      case 'RPCBPROC_GETADDR':
      case 'RPCBPROC_GETVERSADDR':
        return this.#answer(request, procedure, (rpcb) => this.#addressOf(rpcb, caller));
      case 'RPCBPROC_DUMP':
        return this.#answer(request, procedure, () => this.#list(caller.serverAddress));
      case 'RPCBPROC_GETTIME':
        return this.#answer(request, procedure, () => Math.floor(this.#clock() / 1000));
      case 'RPCBPROC_GETADDRLIST':
        return this.#answer(request, procedure, (rpcb) => this.#addressesOf(rpcb, caller.serverAddress));
      default:
        return unreachable(procedure);
    }
  }

  #answer<Args, Result>(
    { xid, reader, transport }: { readonly xid: number; readonly reader: XdrReader; readonly transport: Transport },
    procedure: { readonly args: Codec<Args>; readonly result: Codec<Result> },
    work: (args: Args) => Result,
  ): void {
    transport.succeed(xid, procedure.result, work(procedure.args.decode(reader)));
  }

  /** Version 2 has no word for IPv6; asked over it, what is meant is the service at the address that was asked. */
  #portOf({ prog, vers, prot }: Mapping, address: Address): number {
    const transport = transportOfProtocol(prot);
    return transport === undefined ? 0 : this.#registry.portOf(address, prog, vers, netidOf(transport, address));
  }

  #setMapping({ prog, vers, prot, port }: Mapping, { serverAddress }: Caller): boolean {
    const transport = transportOfProtocol(prot);
    if (transport === undefined) return false;
    const netid = netidOf(transport, serverAddress);
    return this.#registry.set({ program: prog, version: vers, netid, port, address: undefined });
  }

  /** Neither protocol nor port is looked at (section 3.2). */
  #unsetMapping({ prog, vers }: Mapping): boolean {
    return this.#registry.unset(prog, vers, undefined);
  }

  #set({ r_prog, r_vers, r_netid, r_addr }: Rpcb): boolean {
    const netid = netidFrom(r_netid);
    const universal = parseUniversalAddress(r_addr);
    if (netid === undefined || universal === undefined) return false;
    const isAny = universal.address === '0.0.0.0' || universal.address === '::';
    const address = isAny ? undefined : addressFrom(universal.address);
    if (!isAny && (address === undefined || addressFamily(address) !== familyOf(netid))) return false;
    return this.#registry.set({ program: r_prog, version: r_vers, netid, port: universal.port, address });
  }

  #unset({ r_prog, r_vers, r_netid }: Rpcb): boolean {
    const netid = netidFrom(r_netid);
    if (netid === undefined && r_netid !== '') return false;
    return this.#registry.unset(r_prog, r_vers, netid);
  }

  /**
   * Empty where this version is not served at the address: also by GETADDR, which may name another version's. As rpcbind
   * does, and section 2.2.1 says, the netid is that of the transport of the call, whatever the call names.
   */
  #addressOf({ r_prog, r_vers }: Rpcb, { serverAddress, transport }: Caller): Bytes {
    const port = this.#registry.portOf(serverAddress, r_prog, r_vers, netidOf(transport, serverAddress));
    return port === 0 ? NO_BYTES : universalAddress(serverAddress, port);
  }

  #addressesOf({ r_prog, r_vers }: Rpcb, address: Address): RpcbEntry[] {
    return this.#registry
      .at(address)
      .filter(({ program, version }) => program === r_prog && version === r_vers)
      .map(({ netid, port }) => ({
        r_maddr: universalAddress(address, port),
        r_nc_netid: latin1(netid),
        r_nc_semantics: transportOf(netid) === 'tcp' ? NC_TPI_COTS_ORD : NC_TPI_CLTS,
        r_nc_protofmly: latin1(familyOf(netid) === 4 ? 'inet' : 'inet6'),
        r_nc_proto: latin1(transportOf(netid)),
      }));
  }

  #list(address: Address): Rpcb[] {
    return this.#registry.at(address).map(({ program, version, netid, port, owner }) => ({
      r_prog: program,
      r_vers: version,
      r_netid: latin1(netid),
      r_addr: universalAddress(address, port),
      r_owner: latin1(owner),
    }));
  }
}

/** Root on this host, as rpcbind asks for without its Unix socket. */
function mayRegister({ address, port }: Caller): boolean {
  return isLoopbackAddress(address) && port <= PRIVILEGED_PORT_MAX;
}

function transportOfProtocol(prot: number): 'tcp' | 'udp' | undefined {
  if (prot === IPPROTO_TCP) return 'tcp';
  return prot === IPPROTO_UDP ? 'udp' : undefined;
}

function mappingOf({
  program,
  version,
  netid,
  port,
}: {
  program: number;
  version: number;
  netid: NetId;
  port: number;
}): Mapping {
  return { prog: program, vers: version, prot: transportOf(netid) === 'tcp' ? IPPROTO_TCP : IPPROTO_UDP, port };
}

/** A zone means something on its own host alone. */
function universalAddress(address: Address, port: number): Bytes {
  const zone = addressZone(address);
  return formatUniversalAddress({ address: zone === undefined ? address : address.slice(0, -zone.length - 1), port });
}

function latin1(text: string): Bytes {
  return bytesFrom(Buffer.from(text, 'latin1'));
}
