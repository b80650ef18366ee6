/** The types of NSM, named as in sm_inter.x (X/Open XNFS chapter 11), with their fields in wire order. */
import type { Bytes } from '../base/bytes.js';

export interface SmName {
  readonly mon_name: Bytes;
}

/** Whom to call back, on this host. */
export interface MyId {
  readonly my_name: Bytes;
  readonly my_prog: number;
  readonly my_vers: number;
  readonly my_proc: number;
}

export interface MonId {
  readonly mon_name: Bytes;
  readonly my_id: MyId;
}

export interface Mon {
  readonly mon_id: MonId;
  /** 16 bytes that come back with the callback. */
  readonly priv: Bytes;
}

/** `res`: 0 STAT_SUCC, 1 STAT_FAIL. */
export type SmRes = 0 | 1;
export const STAT_SUCC = 0;
export const STAT_FAIL = 1;

export interface SmStatRes {
  readonly res_stat: SmRes;
  readonly state: number;
}

export interface SmStat {
  readonly state: number;
}

/** Of SM_NOTIFY: the host `mon_name` went down or came up. `state` is odd while it is up. */
export interface StatChge {
  readonly mon_name: Bytes;
  readonly state: number;
}

/** Of the callback that SM_MON asks for. */
export interface SmStatus {
  readonly mon_name: Bytes;
  readonly state: number;
  readonly priv: Bytes;
}
