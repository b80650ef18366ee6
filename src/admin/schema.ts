/** Checks requests against schemas/admin.json before a procedure sees them: the first step of every administrative door. */

import { createRequire } from 'node:module';
import type { ErrorObject, ValidateFunction } from 'ajv/dist/2020.js';
import { LedgerError } from '../base/errors.js';

const load = createRequire(import.meta.url);

/** Made by the build (ops/build/validators.ts), loaded at its first use. `definition` is a name under `$defs`. */
export function validatorOf(definition: string): ValidateFunction {
  // The cast states what the build has written there.
  return load(`../../schemas/validators/admin/${definition}.cjs`) as ValidateFunction;
}

/** @throws LedgerError 'bad-request', with the place and what is wrong there */
export function checkRequest(procedure: string, request: unknown): void {
  const validator = validatorOf(`${procedure}-request`);
  if (validator(request)) return;
  const error = validator.errors?.[0];
  const place = error?.instancePath ?? '';
  throw new LedgerError('bad-request', `${procedure}: ${place === '' ? 'the request' : place} ${reasonOf(error)}`, {
    details: { procedure, place },
  });
}

/** What a node is about to say, or what another node said. @throws LedgerError 'unavailable', with the place */
export function checkReply(procedure: string, reply: unknown): void {
  const validator = validatorOf(`${procedure}-reply`);
  if (validator(reply)) return;
  const error = validator.errors?.[0];
  const message = `the reply to ${procedure} is not what its schema says: ${error?.instancePath ?? ''} ${reasonOf(error)}`;
  throw new LedgerError('unavailable', message, { details: { procedure, place: error?.instancePath ?? '' } });
}

function reasonOf(error: ErrorObject | undefined): string {
  if (error === undefined) return 'is not what its schema says';
  if (error.keyword === 'additionalProperties') {
    return `has the property ${JSON.stringify(error.params['additionalProperty'])}, which is not known`;
  }
  return error.message ?? error.keyword;
}

/** One line to the Unix socket. */
export interface SocketRequest {
  readonly id: number | string;
  readonly procedure: string;
  readonly request?: Readonly<Record<string, unknown>>;
  readonly user?: string;
}

/** @throws LedgerError 'bad-request' */
export function checkSocketRequest(line: unknown): SocketRequest {
  checkRequest('socket', line);
  // The cast states what the schema has checked.
  return line as SocketRequest;
}
