/** JetStream's API as the ledger uses it: requests in JSON, answers checked, errors by their number. Under stream.ts. */

import { LedgerError } from '../../base/errors.js';
import type { NatsConnection } from '../../bus/connection.js';
import { request, requestAgain } from '../../bus/request.js';
import { ASK_AGAIN_MS, REQUEST_MS_MAX } from './limits.js';

/** Numbers of the server's errors (nats-server, server/errors.json). */
export const API_ERROR = {
  noPeers: 10005,
  notReady: 10008,
  insufficientResources: 10023,
  accountLimit: 10028,
  noMessage: 10037,
  storageLimit: 10047,
  messageTooLarge: 10054,
  nameInUse: 10058,
  noStream: 10059,
  otherStream: 10060,
  subjectsOverlap: 10065,
  wrongSequence: 10071,
  storeFailed: 10077,
  sealed: 10109,
} as const;

export interface ApiError {
  readonly number: number;
  readonly description: string;
}

/** The answer as an object, or the server's error. @throws LedgerError 'unavailable', 'timeout', 'damaged' */
export async function call(
  connection: NatsConnection,
  verb: string,
  body: object = {},
): Promise<{ readonly answer: Json; readonly error?: ApiError }> {
  const payload = Buffer.from(JSON.stringify(body));
  const { data } = await request(connection, `$JS.API.${verb}`, payload, { msMax: REQUEST_MS_MAX });
  return parseAnswer(data, verb);
}

/** The same for what may be asked more than once, and what a leader that has just been elected is to answer soon. */
export async function ask(
  connection: NatsConnection,
  verb: string,
  body: object = {},
): Promise<{ readonly answer: Json; readonly error?: ApiError }> {
  const payload = Buffer.from(JSON.stringify(body));
  const limits = { msMax: REQUEST_MS_MAX, againMs: ASK_AGAIN_MS };
  const { data } = await requestAgain(connection, `$JS.API.${verb}`, payload, limits);
  return parseAnswer(data, verb);
}

export function parseAnswer(data: Uint8Array, what: string): { readonly answer: Json; readonly error?: ApiError } {
  const answer = asJson(data, what);
  const error = answer['error'];
  if (!isJson(error)) return { answer };
  return {
    answer,
    error: { number: numberOf(error, 'err_code') ?? 0, description: textOf(error, 'description') ?? '' },
  };
}

export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function numberOf(json: Json | undefined, key: string): number | undefined {
  const value = json?.[key];
  return typeof value === 'number' ? value : undefined;
}

export function textOf(json: Json | undefined, key: string): string | undefined {
  const value = json?.[key];
  return typeof value === 'string' ? value : undefined;
}

export function objectOf(json: Json, key: string): Json | undefined {
  const value = json[key];
  return isJson(value) ? value : undefined;
}

/** What the server answers where something is wrong with it, in words with what to do. */
export function serverError(error: ApiError, what: string): LedgerError {
  return new LedgerError('unavailable', `${what}: the NATS server answers ${error.number}: ${error.description}`, {
    details: { ...error },
  });
}

function asJson(data: Uint8Array, what: string): Json {
  try {
    const value: unknown = JSON.parse(Buffer.from(data).toString('utf8'));
    if (isJson(value)) return value;
  } catch {
    // said below
  }
  throw new LedgerError('unavailable', `${what}: the NATS server's answer is no JSON object`);
}
