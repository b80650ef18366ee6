/** The server that `call` speaks to: where its NLM and NSM are, and one call to them. */

import { lookup } from 'node:dns/promises';
import { addressFrom, type Address } from '../../base/address.js';
import { LedgerError } from '../../base/errors.js';
import { callPeer, type Peer } from '../../effects/rpc-call.js';
import { NLM_PROGRAM } from '../../nlm/procedures.js';
import { PMAP_PORT, PMAP_PROGRAM, pmapProcedure } from '../../portmap/procedures.js';
import { IPPROTO_TCP, IPPROTO_UDP } from '../../portmap/types.js';
import { NSM_PROGRAM, NSM_VERSION, nsmProcedure } from '../../nsm/procedures.js';
import type { StatChge } from '../../nsm/types.js';
import { VOID, type Codec } from '../../xdr/codec.js';

export const NLM_VERSION = 4;
const SM_NOTIFY = 6;
const PMAPPROC_GETPORT = 3;
/** nlm-ledger's own, for a server whose rpcbind does not answer. */
const DEFAULT_PORTS: Readonly<Record<number, number>> = { [NLM_PROGRAM]: 4045, [NSM_PROGRAM]: 4046 };

export interface ServerOptions {
  readonly server: string;
  readonly port?: number;
  readonly udp: boolean;
  readonly timeMsMax: number;
}

/** What `nlmCall` finds in the table of procedures. */
interface TableEntry<Args, Result> {
  readonly number: number;
  readonly args: Codec<Args>;
  readonly result: Codec<Result>;
}

export interface Server {
  readonly address: Address;
  readonly port: number;
  call<Args, Result>(entry: TableEntry<Args, Result> | undefined, args: Args): Promise<Result>;
}

/** @throws LedgerError 'unavailable', 'timeout', 'bad-address' */
export async function findServer(options: ServerOptions, onNote: (line: string) => void): Promise<Server> {
  const peer = await peerOf(options, NLM_PROGRAM, NLM_VERSION, onNote);
  return {
    address: peer.address,
    port: peer.port,
    call: (entry, args) => {
      if (entry === undefined) throw new LedgerError('unsupported', `NLM ${NLM_VERSION} has no such procedure`);
      const procedure = {
        program: NLM_PROGRAM,
        version: NLM_VERSION,
        procedure: entry.number,
        arguments: entry.args,
        result: entry.result,
      };
      return callPeer(peer, procedure, args, options.timeMsMax);
    },
  };
}

/** SM_NOTIFY, as the host of a client sends it when it has booted. */
export async function notifyReboot(
  options: ServerOptions,
  change: StatChge,
  onNote: (line: string) => void,
): Promise<Address> {
  const entry = nsmProcedure(NSM_VERSION, SM_NOTIFY);
  if (entry?.name !== 'SM_NOTIFY') throw new LedgerError('unsupported', 'NSM 1 has no SM_NOTIFY');
  const peer = await peerOf(options, NSM_PROGRAM, NSM_VERSION, onNote);
  const procedure = {
    program: NSM_PROGRAM,
    version: NSM_VERSION,
    procedure: SM_NOTIFY,
    arguments: entry.args,
    result: VOID,
  };
  await callPeer(peer, procedure, change, options.timeMsMax);
  return peer.address;
}

type IpPeer = Extract<Peer, { readonly port: number }>;

async function peerOf(
  options: ServerOptions,
  program: number,
  version: number,
  onNote: (line: string) => void,
): Promise<IpPeer> {
  const address = await addressOf(options.server);
  const transport = options.udp ? 'udp' : 'tcp';
  if (options.port !== undefined) return { transport, address, port: options.port };
  const known = await getPort(address, transport, program, version, options.timeMsMax);
  if (known > 0) return { transport, address, port: known };
  const port = DEFAULT_PORTS[program] ?? 0;
  onNote(
    `the rpcbind of ${address} does not name program ${program} version ${version} over ${transport}: trying port ${port} (--port N says which)`,
  );
  return { transport, address, port };
}

/** 0 where nothing is registered, or nobody answers. */
async function getPort(
  address: Address,
  transport: 'tcp' | 'udp',
  program: number,
  version: number,
  timeMsMax: number,
): Promise<number> {
  const entry = pmapProcedure(2, PMAPPROC_GETPORT);
  if (entry?.name !== 'PMAPPROC_GETPORT') return 0;
  const prot = transport === 'tcp' ? IPPROTO_TCP : IPPROTO_UDP;
  const mapping = { prog: program, vers: version, prot, port: 0 };
  const procedure = {
    program: PMAP_PROGRAM,
    version: 2,
    procedure: PMAPPROC_GETPORT,
    arguments: entry.args,
    result: entry.result,
  };
  try {
    return await callPeer({ transport, address, port: PMAP_PORT }, procedure, mapping, Math.min(timeMsMax, 3000));
  } catch (error) {
    if (error instanceof LedgerError) return 0;
    throw error;
  }
}

async function addressOf(server: string): Promise<Address> {
  const direct = addressFrom(server);
  if (direct !== undefined) return direct;
  const found = await lookup(server).catch(() => undefined);
  const address = found === undefined ? undefined : addressFrom(found.address);
  if (address !== undefined) return address;
  throw new LedgerError('bad-address', `${JSON.stringify(server)} is neither an IP address nor the name of a host`);
}
