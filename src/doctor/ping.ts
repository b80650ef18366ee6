/** The NULL call, which every RPC service answers: is anybody there? */

import type { Address } from '../base/address.js';
import { LedgerError } from '../base/errors.js';
import { callPeer } from '../effects/rpc-call.js';
import { VOID } from '../xdr/codec.js';

const PING_MS_MAX = 2000;

export interface Pinged {
  readonly transport: 'tcp' | 'udp';
  readonly address: Address;
  readonly port: number;
  readonly program: number;
  readonly version: number;
  readonly localAddress?: Address | undefined;
}

/** Why nobody of this program answers; undefined where somebody does, a refusal of our own address included. */
export async function pingProblem({ program, version, ...peer }: Pinged): Promise<string | undefined> {
  try {
    await callPeer(peer, { program, version, procedure: 0, arguments: VOID, result: VOID }, undefined, PING_MS_MAX);
    return undefined;
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return error.code === 'refused' ? undefined : error.message;
  }
}
