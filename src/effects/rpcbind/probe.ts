/** Whether somebody on this host answers for what rpcbind lists. */

import { parseAddress } from '../../base/address.js';
import { LedgerError } from '../../base/errors.js';
import { VOID } from '../../xdr/codec.js';
import { callPeer } from '../rpc-call.js';
import type { Registration } from './rpcbind.js';

const PROBE_MS_MAX = 1000;

/** `stale`: nobody listens there, or for something else. `silent`: somebody may, and does not answer. */
export type Probed = 'served' | 'stale' | 'silent';

export async function probe({ program, version, protocol, port }: Registration): Promise<Probed> {
  const transport = protocol.startsWith('tcp') ? 'tcp' : 'udp';
  const address = parseAddress(protocol.endsWith('6') ? '::1' : '127.0.0.1');
  const ping = { program, version, procedure: 0, arguments: VOID, result: VOID };
  try {
    await callPeer({ transport, address, port }, ping, undefined, PROBE_MS_MAX);
    return 'served';
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    if (error.code === 'unsupported' || error.details['errno'] === 'ECONNREFUSED') return 'stale';
    // A refusal is an answer.
    return error.code === 'refused' ? 'served' : 'silent';
  }
}
