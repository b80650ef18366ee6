/** The procedures of NSM (program 100024, version 1), in number order: X/Open XNFS chapter 11. */
import { VOID, type Codec } from '../xdr/codec.js';
import { MON, MON_ID, MY_ID, SM_NAME, SM_STAT, SM_STAT_RES, STAT_CHGE } from './codecs.js';
import type { Mon, MonId, MyId, SmName, SmStat, SmStatRes, StatChge } from './types.js';

export const NSM_PROGRAM = 100024;
export const NSM_VERSION = 1;

interface Procedure<Name, Args, Result> {
  readonly number: number;
  readonly name: Name;
  readonly args: Codec<Args>;
  readonly result: Codec<Result>;
}

/** One entry of the table; `name` tells the types of its codecs. */
export type NsmProcedure =
  | Procedure<'NULL', void, void>
  | Procedure<'SM_STAT', SmName, SmStatRes>
  | Procedure<'SM_MON', Mon, SmStatRes>
  | Procedure<'SM_UNMON', MonId, SmStat>
  | Procedure<'SM_UNMON_ALL', MyId, SmStat>
  | Procedure<'SM_SIMU_CRASH', void, void>
  | Procedure<'SM_NOTIFY', StatChge, void>;

/** Indexed by number. */
export const NSM_PROCEDURES: readonly NsmProcedure[] = [
  { number: 0, name: 'NULL', args: VOID, result: VOID },
  { number: 1, name: 'SM_STAT', args: SM_NAME, result: SM_STAT_RES },
  { number: 2, name: 'SM_MON', args: MON, result: SM_STAT_RES },
  { number: 3, name: 'SM_UNMON', args: MON_ID, result: SM_STAT },
  { number: 4, name: 'SM_UNMON_ALL', args: MY_ID, result: SM_STAT },
  { number: 5, name: 'SM_SIMU_CRASH', args: VOID, result: VOID },
  { number: 6, name: 'SM_NOTIFY', args: STAT_CHGE, result: VOID },
];

/** Undefined: PROC_UNAVAIL, or PROG_MISMATCH (low 1, high 1) for another version. */
export function nsmProcedure(version: number, procedure: number): NsmProcedure | undefined {
  return version === NSM_VERSION ? NSM_PROCEDURES[procedure] : undefined;
}
