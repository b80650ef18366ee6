/**
 * The host's rpcbind as its own programs reach it. What stands in it is read over loopback, as clients see it; it is
 * changed over the Unix socket, which knows who we are (its rpcbind lets each user register, and unset what that user
 * registered), or where there is none over loopback TCP from a privileged port, which only root has.
 */

import { parseAddress, type Address } from '../../base/address.js';
import { bytesFrom } from '../../base/bytes.js';
import { LedgerError } from '../../base/errors.js';
import { BOOL, MAPPING, PMAPLIST, RPCB, RPCBLIST } from '../../portmap/codecs.js';
import { PMAP_PORT, PMAP_PROGRAM } from '../../portmap/procedures.js';
import { netidFrom, type NetId } from '../../portmap/registry.js';
import { IPPROTO_TCP, IPPROTO_UDP, type Mapping, type Rpcb } from '../../portmap/types.js';
import { formatUniversalAddress, parseUniversalAddress } from '../../portmap/universal-address.js';
import { VOID } from '../../xdr/codec.js';
import { callFromPrivilegedPort } from '../privileged-call.js';
import { callPeer, type Peer } from '../rpc-call.js';

export type { NetId } from '../../portmap/registry.js';

export interface Registration {
  readonly program: number;
  readonly version: number;
  readonly protocol: NetId;
  readonly port: number;
}

const LOOPBACK: Address = parseAddress('127.0.0.1');
const NO_OWNER = bytesFrom(Buffer.alloc(0));

export class Rpcbind {
  readonly #socketPath: string;
  readonly #port: number;

  constructor(options: { readonly socketPath?: string; readonly port?: number } = {}) {
    this.#socketPath = options.socketPath ?? '/run/rpcbind.sock';
    this.#port = options.port ?? PMAP_PORT;
  }

  /** All of TCP and UDP. @throws LedgerError as `callPeer` */
  async list(timeMsMax: number): Promise<Registration[]> {
    const peer: Peer = { transport: 'tcp', address: LOOPBACK, port: this.#port };
    try {
      const dump = { program: PMAP_PROGRAM, version: 4, procedure: 4, arguments: VOID, result: RPCBLIST };
      return (await callPeer(peer, dump, undefined, timeMsMax)).flatMap(registrationOfRpcb);
    } catch (error) {
      // A port mapper of version 2 alone.
      if (!(error instanceof LedgerError) || error.code !== 'unsupported') throw error;
      const dump = { program: PMAP_PROGRAM, version: 2, procedure: 4, arguments: VOID, result: PMAPLIST };
      return (await callPeer(peer, dump, undefined, timeMsMax)).flatMap(registrationOfMapping);
    }
  }

  /** False where rpcbind refuses: another port is registered, or this process may not. @throws LedgerError */
  set(registration: Registration, timeMsMax: number): Promise<boolean> {
    return this.#change(1, registration, timeMsMax);
  }

  /**
   * False where rpcbind refuses. Without the Unix socket (version 2) TCP and UDP of the program's version both go:
   * PMAPPROC_UNSET does not look at the protocol. @throws LedgerError
   */
  unset(registration: Registration, timeMsMax: number): Promise<boolean> {
    return this.#change(2, registration, timeMsMax);
  }

  async #change(procedure: 1 | 2, registration: Registration, timeMsMax: number): Promise<boolean> {
    const change = { program: PMAP_PROGRAM, version: 4, procedure, arguments: RPCB, result: BOOL };
    try {
      return await callPeer({ transport: 'unix', path: this.#socketPath }, change, rpcbOf(registration), timeMsMax);
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'unavailable') throw error;
      return await this.#changeFromPrivilegedPort(procedure, registration, timeMsMax);
    }
  }

  async #changeFromPrivilegedPort(procedure: 1 | 2, registration: Registration, timeMsMax: number): Promise<boolean> {
    const mapping = mappingOf(registration);
    if (mapping === undefined) return false;
    const change = { program: PMAP_PROGRAM, version: 2, procedure, arguments: MAPPING, result: BOOL };
    const peer = { transport: 'tcp', address: LOOPBACK, port: this.#port, localAddress: LOOPBACK } as const;
    try {
      return await callFromPrivilegedPort(peer, change, mapping, timeMsMax);
    } catch (error) {
      if (error instanceof LedgerError && error.details['errno'] === 'EACCES') return false;
      throw error;
    }
  }
}

function rpcbOf({ program, version, protocol, port }: Registration): Rpcb {
  const address = protocol.endsWith('6') ? '::' : '0.0.0.0';
  return {
    r_prog: program,
    r_vers: version,
    r_netid: bytesFrom(Buffer.from(protocol, 'latin1')),
    r_addr: formatUniversalAddress({ address, port }),
    // rpcbind writes down the owner that the kernel names.
    r_owner: NO_OWNER,
  };
}

/** Version 2 knows IPv4 alone. */
function mappingOf({ program, version, protocol, port }: Registration): Mapping | undefined {
  if (protocol !== 'tcp' && protocol !== 'udp') return undefined;
  return { prog: program, vers: version, prot: protocol === 'tcp' ? IPPROTO_TCP : IPPROTO_UDP, port };
}

function registrationOfRpcb({ r_prog, r_vers, r_netid, r_addr }: Rpcb): Registration[] {
  const port = parseUniversalAddress(r_addr)?.port;
  const protocol = netidFrom(r_netid);
  return port === undefined || protocol === undefined ? [] : [{ program: r_prog, version: r_vers, protocol, port }];
}

function registrationOfMapping({ prog, vers, prot, port }: Mapping): Registration[] {
  if (prot !== IPPROTO_TCP && prot !== IPPROTO_UDP) return [];
  return [{ program: prog, version: vers, protocol: prot === IPPROTO_TCP ? 'tcp' : 'udp', port }];
}
