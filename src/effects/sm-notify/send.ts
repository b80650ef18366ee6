/**
 * One copy of an SM_NOTIFY: over UDP, from the server address itself, to the port that the client's rpcbind has for
 * its statd. Linux finds the server by the packet's source or by `mon_name`, so the address goes first and the name,
 * where there is one, after it; the second of one state is ignored by whoever understood the first.
 */

import { lookup } from 'node:dns/promises';
import { addressFamily, addressFrom, type Address } from '../../base/address.js';
import { bytesFrom, type Bytes } from '../../base/bytes.js';
import { LedgerError } from '../../base/errors.js';
import { STAT_CHGE } from '../../nsm/codecs.js';
import { NSM_PROGRAM, NSM_VERSION } from '../../nsm/procedures.js';
import { VOID } from '../../xdr/codec.js';
import { checkCallable, type ClientPorts } from '../client-ports.js';
import { callPrivilegedWherePossible } from '../privileged-call.js';

export interface NoticeCall {
  /** An address; for notices of this host itself also a name. */
  readonly client: string;
  /** Where it leaves from, and its first `mon_name`; `''`: this host itself, from whatever address. */
  readonly serverAddress: string;
  readonly state: number;
}

const SM_NOTIFY = 6;
/** A copy is repeated within this time, as every call over UDP; the courier comes back later anyway. */
const CALL_MS_MAX = 4000;
/** The name after the address was taken: a client that is there answers at once. */
const NAME_MS_MAX = 1500;

/** Resolves once the client's statd has answered. @throws LedgerError */
export async function sendNotice(
  { client, serverAddress, state }: NoticeCall,
  { ports, name }: { readonly ports: ClientPorts; readonly name: string },
): Promise<void> {
  const address = await addressOf(client);
  checkCallable(address);
  // The cast brands what was branded when its first lock came in.
  const localAddress = serverAddress === '' ? undefined : (serverAddress as Address);
  if (localAddress !== undefined && addressFamily(localAddress) !== addressFamily(address)) {
    throw new LedgerError('refused', `${client} cannot be called from ${serverAddress}: another family of addresses`);
  }
  const query = { address, program: NSM_PROGRAM, version: NSM_VERSION, protocol: 'udp', localAddress } as const;
  const port = await ports.find(query);
  const peer = { transport: 'udp', address, port, localAddress } as const;
  const call = { program: NSM_PROGRAM, version: NSM_VERSION, procedure: SM_NOTIFY, arguments: STAT_CHGE, result: VOID };
  const names = serverAddress === '' ? [name] : [serverAddress, name];
  const [first, second] = names;
  try {
    await callPrivilegedWherePossible(peer, call, { mon_name: text(first ?? name), state: state | 0 }, CALL_MS_MAX);
  } catch (error) {
    ports.forget(address);
    throw error;
  }
  if (second === undefined || second === '') return;
  try {
    await callPrivilegedWherePossible(peer, call, { mon_name: text(second), state: state | 0 }, NAME_MS_MAX);
  } catch (error) {
    // The first form was answered: that is what counts.
    if (!(error instanceof LedgerError)) throw error;
  }
}

async function addressOf(client: string): Promise<Address> {
  const known = addressFrom(client);
  if (known !== undefined) return known;
  try {
    const found = addressFrom((await lookup(client)).address);
    if (found !== undefined) return found;
  } catch (cause) {
    throw new LedgerError('not-found', `the name ${JSON.stringify(client)} has no address`, { cause });
  }
  throw new LedgerError('not-found', `the name ${JSON.stringify(client)} has no address`);
}

function text(plain: string): Bytes {
  return bytesFrom(Buffer.from(plain, 'latin1'));
}
