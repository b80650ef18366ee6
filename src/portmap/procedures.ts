/** The procedures of program 100000: the port mapper, version 2, and rpcbind, versions 3 and 4 (RFC 1833). */
import type { Bytes } from '../base/bytes.js';
import { VOID, type Codec } from '../xdr/codec.js';
import { ADDRESS, BOOL, MAPPING, PMAPLIST, RPCB, RPCB_ENTRY_LIST, RPCBLIST, UINT } from './codecs.js';
import type { Mapping, Rpcb, RpcbEntry } from './types.js';

export const PMAP_PROGRAM = 100000;
/** Of rpcbind itself, over TCP and UDP. */
export const PMAP_PORT = 111;
export const PMAP_VERSIONS = [2, 3, 4] as const;
export type PmapVersion = (typeof PMAP_VERSIONS)[number];

interface Procedure<Name extends string, Args, Result> {
  readonly number: number;
  readonly name: Name;
  readonly args: Codec<Args>;
  readonly result: Codec<Result>;
}

/**
 * One entry of the table; `name` tells the types of its codecs. CALLIT and what else forwards calls to others is left
 * out on purpose: it hides where a call comes from.
 */
export type PmapProcedure =
  | Procedure<'NULL', void, void>
  | Procedure<'PMAPPROC_SET', Mapping, boolean>
  | Procedure<'PMAPPROC_UNSET', Mapping, boolean>
  | Procedure<'PMAPPROC_GETPORT', Mapping, number>
  | Procedure<'PMAPPROC_DUMP', void, readonly Mapping[]>
  | Procedure<'RPCBPROC_SET', Rpcb, boolean>
  | Procedure<'RPCBPROC_UNSET', Rpcb, boolean>
  | Procedure<'RPCBPROC_GETADDR', Rpcb, Bytes>
  | Procedure<'RPCBPROC_DUMP', void, readonly Rpcb[]>
  | Procedure<'RPCBPROC_GETTIME', void, number>
  | Procedure<'RPCBPROC_GETVERSADDR', Rpcb, Bytes>
  | Procedure<'RPCBPROC_GETADDRLIST', Rpcb, readonly RpcbEntry[]>;

const NULL: PmapProcedure = { number: 0, name: 'NULL', args: VOID, result: VOID };

const RPCBIND: readonly PmapProcedure[] = [
  NULL,
  { number: 1, name: 'RPCBPROC_SET', args: RPCB, result: BOOL },
  { number: 2, name: 'RPCBPROC_UNSET', args: RPCB, result: BOOL },
  { number: 3, name: 'RPCBPROC_GETADDR', args: RPCB, result: ADDRESS },
  { number: 4, name: 'RPCBPROC_DUMP', args: VOID, result: RPCBLIST },
  { number: 6, name: 'RPCBPROC_GETTIME', args: VOID, result: UINT },
];

/** Every procedure of each version that is known here, in number order. */
export const PMAP_PROCEDURES: Readonly<Record<PmapVersion, readonly PmapProcedure[]>> = {
  2: [
    NULL,
    { number: 1, name: 'PMAPPROC_SET', args: MAPPING, result: BOOL },
    { number: 2, name: 'PMAPPROC_UNSET', args: MAPPING, result: BOOL },
    { number: 3, name: 'PMAPPROC_GETPORT', args: MAPPING, result: UINT },
    { number: 4, name: 'PMAPPROC_DUMP', args: VOID, result: PMAPLIST },
  ],
  3: RPCBIND,
  4: [
    ...RPCBIND,
    { number: 9, name: 'RPCBPROC_GETVERSADDR', args: RPCB, result: ADDRESS },
    { number: 11, name: 'RPCBPROC_GETADDRLIST', args: RPCB, result: RPCB_ENTRY_LIST },
  ],
};

export function isPmapVersion(version: number): version is PmapVersion {
  return version === 2 || version === 3 || version === 4;
}

/** Undefined: PROC_UNAVAIL, or PROG_MISMATCH where `isPmapVersion` says no. */
export function pmapProcedure(version: number, procedure: number): PmapProcedure | undefined {
  if (!isPmapVersion(version)) return undefined;
  return PMAP_PROCEDURES[version].find((entry) => entry.number === procedure);
}
