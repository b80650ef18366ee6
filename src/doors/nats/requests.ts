/**
 * The requests of one connection: bytes in, bytes out. It decides nothing: a payload is read, checked against its
 * schema and handed to `callAdmin`, and what comes back is checked and answered in kind.
 */

import { randomUUID } from 'node:crypto';
import { callAdmin } from '../../admin/call.js';
import type { AdminPort } from '../../admin/port.js';
import { checkReply, checkRequest } from '../../admin/schema.js';
import { LedgerError } from '../../base/errors.js';
import { errorLine, SERVICE_ERROR_CODE, type ErrorPayload } from '../../bus/errors.js';
import { decodePayload, encodePayload, formatOf, type PayloadFormat } from '../../bus/payload.js';
import { SUBJECTS, type BusProcedure } from '../../bus/subjects.js';
import { REQUEST_BYTES_MAX, REQUESTS_IN_FLIGHT_MAX, ROWS_SHARE } from './limits.js';

export interface Answer {
  readonly payload: Uint8Array;
  readonly error?: { readonly code: number; readonly line: string };
}

/** What a subject says. */
export interface Asked {
  readonly procedure: BusProcedure;
  /** Of a procedure that is about one group. */
  readonly group?: string | undefined;
}

export interface RequestCounters {
  readonly requests: number;
  readonly errors: number;
  readonly lastError: string;
}

export class Requests {
  readonly #admin: AdminPort;
  readonly #onFault: (error: unknown) => void;
  readonly #counters = new Map<BusProcedure, RequestCounters>();
  readonly #inFlight = new Set<Promise<unknown>>();

  /** `onFault` hears of what no answer can be: a fault of ours. */
  constructor(admin: AdminPort, onFault: (error: unknown) => void) {
    this.#admin = admin;
    this.#onFault = onFault;
  }

  /** `payloadBytesMax`: what the server takes in one message. Never rejects. */
  answer(asked: Asked, payload: Uint8Array, payloadBytesMax: number): Promise<Answer> {
    const format = formatOf(payload);
    const { procedure } = asked;
    const answered = this.#reply(asked, payload, payloadBytesMax, format).then(
      (reply) => {
        this.#count(procedure);
        return reply;
      },
      (error: unknown) => this.#error(procedure, error, format),
    );
    this.#inFlight.add(answered);
    void answered.then(() => this.#inFlight.delete(answered));
    return answered;
  }

  countersOf(procedure: BusProcedure): RequestCounters {
    return this.#counters.get(procedure) ?? { requests: 0, errors: 0, lastError: '' };
  }

  get total(): { readonly requests: number; readonly errors: number } {
    const all = [...this.#counters.values()];
    const sum = (of: (counters: RequestCounters) => number): number => all.reduce((n, counters) => n + of(counters), 0);
    return { requests: sum(({ requests }) => requests), errors: sum(({ errors }) => errors) };
  }

  /** Resolves once all that was asked is answered. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  async #reply(
    { procedure, group }: Asked,
    payload: Uint8Array,
    payloadBytesMax: number,
    format: PayloadFormat,
  ): Promise<Answer> {
    if (this.#inFlight.size >= REQUESTS_IN_FLIGHT_MAX) {
      throw new LedgerError('limit', `${REQUESTS_IN_FLIGHT_MAX} requests are not answered yet; try again`);
    }
    if (payload.length > REQUEST_BYTES_MAX) {
      throw new LedgerError('limit', `a request has at most ${REQUEST_BYTES_MAX} bytes, not ${payload.length}`);
    }
    const { actor, request } = readRequest(decodePayload(payload), group);
    if (procedure === 'unlock-lock' && !('node' in request) && !('group' in request)) {
      throw new LedgerError('bad-request', 'each group counts its own locks: on the bus, say which group or node');
    }
    const reply = await callAdmin(this.#admin, {
      procedure,
      request,
      actor: actor === undefined ? 'unknown' : `claimed:${actor}`,
      door: 'nats',
      commandId: randomUUID(),
      now: Date.now(),
      pageBytesMax: Math.floor(payloadBytesMax * ROWS_SHARE),
    });
    checkReply(procedure, reply);
    const bytes = encodePayload(reply, format);
    if (bytes.length <= payloadBytesMax) return { payload: bytes };
    throw new LedgerError(
      'limit',
      `the answer has ${bytes.length} bytes, and the NATS server takes ${payloadBytesMax}; what was ordered is done`,
    );
  }

  #error(procedure: BusProcedure, error: unknown, format: PayloadFormat): Answer {
    if (!(error instanceof LedgerError)) this.#onFault(error);
    const told =
      error instanceof LedgerError
        ? error
        : new LedgerError(
            'unavailable',
            `the node met a fault of its own at ${SUBJECTS[procedure]}; its log says more`,
          );
    this.#count(procedure, told.message);
    const { code, message, details } = told;
    const payload: ErrorPayload = { code, message, details };
    return {
      payload: encodePayload(payload, format),
      error: { code: SERVICE_ERROR_CODE[code], line: errorLine(told) },
    };
  }

  #count(procedure: BusProcedure, error?: string): void {
    const { requests, errors, lastError } = this.countersOf(procedure);
    this.#counters.set(procedure, {
      requests: requests + 1,
      errors: error === undefined ? errors : errors + 1,
      lastError: error ?? lastError,
    });
  }
}

/** The claim beside the request of the procedure; a group that stands in the subject need not be said again. */
function readRequest(value: unknown, group: string | undefined): { readonly actor?: string; readonly request: object } {
  checkRequest('nats', value);
  // The cast states what the schema has checked.
  const { actor, ...request } = value as { readonly actor?: string };
  const claim = actor === undefined ? {} : { actor };
  if (group === undefined) return { request, ...claim };
  if ('group' in request && request.group !== group) {
    throw new LedgerError('bad-request', `the subject names group ${group}, and the request another`);
  }
  return { request: { ...request, group }, ...claim };
}
