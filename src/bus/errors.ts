/**
 * Errors on the bus: NATS service errors. The header Nats-Service-Error-Code has a number out of this table, in the
 * manner of HTTP as NATS has it, Nats-Service-Error the message, and the payload {code, message, details} in kind.
 */

import { LedgerError, type ErrorCode } from '../base/errors.js';

export const SERVICE_ERROR_CODE: Readonly<Record<ErrorCode, number>> = {
  'bad-address': 400,
  'bad-request': 400,
  'bad-configuration': 500,
  'path-not-found': 404,
  'path-not-served': 404,
  'not-found': 404,
  refused: 403,
  limit: 429,
  busy: 409,
  unavailable: 503,
  'no-space': 507,
  io: 500,
  damaged: 500,
  'newer-version': 500,
  timeout: 504,
  unsupported: 501,
};

export interface ErrorPayload {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** A header's value is one line. */
export function errorLine({ message }: LedgerError): string {
  return message.replace(/[\r\n]+/g, ' ').trim();
}

/** Out of what another node sent, as its schema was checked. */
export function errorOfPayload({
  code,
  message,
  details,
}: Omit<ErrorPayload, 'details'> & Partial<ErrorPayload>): LedgerError {
  return new LedgerError(code, message, { details: details ?? {} });
}
