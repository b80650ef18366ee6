/**
 * The administrative procedures, once for all doors: a door hands a request in, it is checked against its schema, and
 * the procedure's reply comes back. What no door may do twice (defaults, addresses, counting) is done here.
 */

import { LedgerError } from '../base/errors.js';
import type { OrderSignature } from '../core/command.js';
import type { AdminPort } from './port.js';
import { PROCEDURES } from './procedures.js';
import { checkRequest } from './schema.js';
import { authorised } from './signed.js';

export interface AdminCall {
  readonly procedure: string;
  readonly request: unknown;
  /** As the door knows the caller: recorded with what is ordered. */
  readonly actor: string;
  readonly door: string;
  /** For an order whose request names no command id. */
  readonly commandId: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Rows of one page take at most this in JSON; whatever is left comes with the page's cursor. Default: no limit. */
  readonly pageBytesMax?: number;
  /** Set here alone, where the request was signed and the signature is right. */
  readonly signature?: OrderSignature;
}

const STREAMS: ReadonlySet<string> = new Set(['watch']);

/** Resolves once what the reply says is durable. @throws LedgerError */
export async function callAdmin(port: AdminPort, call: AdminCall): Promise<object> {
  const procedure = PROCEDURES.get(call.procedure);
  if (procedure === undefined) throw unknownProcedure(call.procedure);
  checkRequest(call.procedure, call.request);
  return procedure(port, call.request, authorised(call, port.signing));
}

export function isStream(procedure: string): boolean {
  return STREAMS.has(procedure);
}

/** Items as they happen, until the stream is closed. @throws LedgerError */
export function streamAdmin(
  port: AdminPort,
  procedure: string,
  request: unknown,
  onItem: (item: object) => void,
): { close(): void } {
  if (!isStream(procedure)) throw unknownProcedure(procedure);
  checkRequest(procedure, request);
  return port.watch(onItem);
}

function unknownProcedure(procedure: string): LedgerError {
  const known = [...PROCEDURES.keys(), ...STREAMS].join(', ');
  return new LedgerError('bad-request', `there is no procedure ${JSON.stringify(procedure)}; there are: ${known}`);
}
