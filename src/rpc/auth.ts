/** Credentials of RFC 5531: AUTH_NONE and AUTH_SYS (appendix A). They stand in the header of every call. */
import { bytesFrom, NO_BYTES, type Bytes } from '../base/bytes.js';
import { XdrError } from '../xdr/error.js';
import type { XdrReader } from '../xdr/reader.js';
import { XdrWriter } from '../xdr/writer.js';

export const AUTH_NONE = 0;
export const AUTH_SYS = 1;

/** `opaque body<400>` (section 8.2). */
export const AUTH_BODY_BYTES_MAX = 400;
/** `string machinename<255>` (appendix A). */
const MACHINE_NAME_BYTES_MAX = 255;
/** `unsigned int gids<16>` (appendix A). */
const AUTH_SYS_GIDS_MAX = 16;

/** `opaque_auth` of a call of our own. */
export interface Credential {
  readonly flavor: number;
  readonly body: Bytes;
}

/** `authsys_parms`, in wire order. */
export interface AuthSys {
  readonly stamp: number;
  readonly machinename: Bytes;
  readonly uid: number;
  readonly gid: number;
  readonly gids: readonly number[];
}

export const NO_CREDENTIAL: Credential = { flavor: AUTH_NONE, body: NO_BYTES };

/**
 * Passes over the credential of a call and returns its flavor. Throws XdrError for a flavor that is not served, a body
 * beyond the limit, and an AUTH_SYS body that is not one. Nothing of it is kept: no lock depends on a uid that anyone
 * may claim, and every call would pay for it.
 */
export function skipCredential(reader: XdrReader): number {
  const flavor = reader.uint();
  if (flavor !== AUTH_SYS && flavor !== AUTH_NONE) throw new XdrError('bad-value', `flavor ${flavor} is not served`);
  const start = reader.offset;
  const length = reader.skipOpaque(AUTH_BODY_BYTES_MAX);
  if (flavor === AUTH_SYS) {
    const end = reader.offset;
    reader.offset = start + 4;
    skipAuthSys(reader);
    if (reader.offset > start + 4 + length) throw new XdrError('truncated', 'the AUTH_SYS body ends early');
    reader.offset = end;
  }
  return flavor;
}

function skipAuthSys(reader: XdrReader): void {
  reader.uint();
  reader.skipOpaque(MACHINE_NAME_BYTES_MAX);
  reader.uint();
  reader.uint();
  for (let gids = reader.length(AUTH_SYS_GIDS_MAX); gids > 0; gids -= 1) reader.uint();
}

/** A credential for calls of our own; one may serve many. */
export function encodeAuthSys(parms: AuthSys): Credential {
  const writer = new XdrWriter();
  writer.uint(parms.stamp);
  writer.string(parms.machinename);
  writer.uint(parms.uid);
  writer.uint(parms.gid);
  writer.uint(parms.gids.length);
  for (const gid of parms.gids) writer.uint(gid);
  return { flavor: AUTH_SYS, body: bytesFrom(writer.view()) };
}
