/** `trace`: every call of one client goes to the log, until it is switched off. */

import { parseAddress } from '../base/address.js';
import type { TraceRequest } from './messages.js';
import type { AdminPort } from './port.js';

export async function trace(port: AdminPort, request: TraceRequest): Promise<TraceRequest> {
  const address = parseAddress(request.address);
  port.trace(address, request.on);
  return { address, on: request.on };
}
