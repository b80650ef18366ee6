/** A call from a privileged port, which is how a service on this host knows that root asks. */

import { randomInt } from 'node:crypto';
import { LedgerError } from '../base/errors.js';
import { callPeer, type Peer, type Procedure } from './rpc-call.js';

/** The ports of bindresvport(3). */
const PORT_MIN = 600;
const PORT_MAX = 1023;
const TRIES_MAX = 8;

/** @throws LedgerError as `callPeer`; `details.errno` is EACCES where this process may not use such ports */
export async function callFromPrivilegedPort<A, R>(
  peer: Exclude<Peer, { transport: 'unix' }>,
  procedure: Procedure<A, R>,
  args: A,
  timeMsMax: number,
): Promise<R> {
  for (let tries = 1; ; tries++) {
    try {
      return await callPeer({ ...peer, localPort: randomInt(PORT_MIN, PORT_MAX + 1) }, procedure, args, timeMsMax);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      const { errno } = error.details;
      // Over TCP a pair of ports that is still in TIME_WAIT is told as the second.
      if ((errno !== 'EADDRINUSE' && errno !== 'EADDRNOTAVAIL') || tries >= TRIES_MAX) throw error;
    }
  }
}

/** From a privileged port where this process may, else from any. @throws LedgerError as `callPeer` */
export async function callPrivilegedWherePossible<A, R>(
  peer: Exclude<Peer, { transport: 'unix' }>,
  procedure: Procedure<A, R>,
  args: A,
  timeMsMax: number,
): Promise<R> {
  try {
    return await callFromPrivilegedPort(peer, procedure, args, timeMsMax);
  } catch (error) {
    if (!(error instanceof LedgerError) || error.details['errno'] !== 'EACCES') throw error;
    return await callPeer(peer, procedure, args, timeMsMax);
  }
}
