/**
 * The host's own statd, where it holds NSM: whether it is there, and SM_MON at it for a client of ours. Its callback
 * is NLM procedure 16 on loopback, with the `priv` that it was given.
 */

import { parseAddress, type Address } from '../../base/address.js';
import { bytesFrom, type Bytes } from '../../base/bytes.js';
import { LedgerError } from '../../base/errors.js';
import { NLM_PROGRAM, NLM_SM_NOTIFY } from '../../nlm/procedures.js';
import { MON, SM_STAT_RES } from '../../nsm/codecs.js';
import { NSM_PROGRAM, NSM_VERSION } from '../../nsm/procedures.js';
import { STAT_SUCC } from '../../nsm/types.js';
import { ClientPorts } from '../client-ports.js';
import { probe } from '../rpcbind/probe.js';
import { Rpcbind } from '../rpcbind/rpcbind.js';
import { callPrivilegedWherePossible } from '../privileged-call.js';

const LOOPBACK: Address = parseAddress('127.0.0.1');
const LIST_MS_MAX = 3000;
/** Of NLM, for the callback: statd looks it up at rpcbind when it is due. */
const CALLBACK_VERSION = 4;
const SM_MON = 2;

/** `unsure`: something is registered, or rpcbind is there, and does not answer. */
export type StatdPresence = 'none' | 'living' | 'unsure';

/** What holds NSM on this host at this moment, before this node registers its own. */
export async function findStatd(rpcbind: Rpcbind = new Rpcbind()): Promise<StatdPresence> {
  let listed;
  try {
    listed = await rpcbind.list(LIST_MS_MAX);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return error.code === 'timeout' ? 'unsure' : 'none';
  }
  const held = listed.filter(({ program, version }) => program === NSM_PROGRAM && version === NSM_VERSION);
  const probed = await Promise.all(held.map((registration) => probe(registration)));
  if (probed.includes('served')) return 'living';
  return probed.includes('silent') ? 'unsure' : 'none';
}

export class HostStatd {
  readonly #ports: ClientPorts;

  constructor(options: { readonly rpcbindPort?: number } = {}) {
    this.#ports = new ClientPorts({ configuredPort: () => undefined, ...options });
  }

  /** SM_MON: statd keeps it across its restarts. @throws LedgerError */
  async monitor(client: string, priv: Bytes, timeMsMax: number): Promise<void> {
    const query = { address: LOOPBACK, program: NSM_PROGRAM, version: NSM_VERSION, localAddress: LOOPBACK } as const;
    const began = performance.now();
    const port = await this.#ports.find({ ...query, protocol: 'tcp' });
    const peer = { transport: 'tcp', address: LOOPBACK, port, localAddress: LOOPBACK } as const;
    const my_id = {
      my_name: text('localhost'),
      my_prog: NLM_PROGRAM,
      my_vers: CALLBACK_VERSION,
      my_proc: NLM_SM_NOTIFY,
    };
    const call = {
      program: NSM_PROGRAM,
      version: NSM_VERSION,
      procedure: SM_MON,
      arguments: MON,
      result: SM_STAT_RES,
    };
    const left = Math.max(1, timeMsMax - (performance.now() - began));
    try {
      const mon = { mon_id: { mon_name: text(client), my_id }, priv };
      const { res_stat } = await callPrivilegedWherePossible(peer, call, mon, left);
      if (res_stat === STAT_SUCC) return;
    } catch (error) {
      this.#ports.forget(LOOPBACK);
      throw error;
    }
    throw new LedgerError('refused', `the host's statd does not watch ${client}`);
  }
}

function text(plain: string): Bytes {
  return bytesFrom(Buffer.from(plain, 'latin1'));
}
