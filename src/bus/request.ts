/** Requests on a connection, with their errors as LedgerErrors: nothing of the package's own leaks to who asks. */

import { LedgerError } from '../base/errors.js';
import { createInbox, ErrorCode, NatsError, type Msg, type MsgHdrs, type NatsConnection } from './connection.js';

/** @throws LedgerError 'unavailable' (nobody serves it, or the connection is lost), 'timeout', 'refused' (no permission) */
export async function request(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  { msMax, headers }: { readonly msMax: number; readonly headers?: MsgHdrs },
): Promise<Msg> {
  try {
    return await connection.request(subject, payload, { timeout: msMax, ...(headers !== undefined && { headers }) });
  } catch (error) {
    throw requestError(error, subject, msMax);
  }
}

/** The same, asked again every `againMs` until one of the questions is answered. */
export async function requestAgain(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  { msMax, againMs }: { readonly msMax: number; readonly againMs: number },
): Promise<Msg> {
  const until = performance.now() + msMax;
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const ask = (): void => {
      const leftMs = Math.ceil(until - performance.now());
      if (leftMs <= 0) return;
      timer = setTimeout(ask, againMs);
      request(connection, subject, payload, { msMax: leftMs })
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    };
    ask();
  });
}

/**
 * Every answer to one request as it comes, until `isEnough` says so of one, nobody is there, or `msMax` is over.
 * An answer that `read` throws at is passed over: it is none of ours.
 */
export async function gather<Answer>(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  msMax: number,
  read: (message: Msg) => Answer,
  isEnough: (answers: readonly Answer[]) => boolean,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  await new Promise<void>((resolve) => {
    const inbox = createInbox();
    const timer = setTimeout(done, msMax);
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null || message.headers?.code === 503) return done();
        try {
          answers.push(read(message));
        } catch {
          return;
        }
        if (isEnough(answers)) done();
      },
    });
    function done(): void {
      clearTimeout(timer);
      subscription.unsubscribe();
      resolve();
    }
    void connection.closed().then(done);
    connection.publish(subject, payload, { reply: inbox });
  });
  return answers;
}

/** Errors of the package by their code, as it spells them. */
const KNOWN: ReadonlyMap<string, 'nobody' | 'late' | 'forbidden'> = new Map<string, 'nobody' | 'late' | 'forbidden'>([
  [ErrorCode.NoResponders, 'nobody'],
  [ErrorCode.Timeout, 'late'],
  [ErrorCode.PermissionsViolation, 'forbidden'],
]);

function requestError(error: unknown, subject: string, msMax: number): LedgerError {
  const known = error instanceof NatsError ? KNOWN.get(error.code) : undefined;
  if (known === 'nobody') return new LedgerError('unavailable', `nobody serves ${subject} on NATS`, { cause: error });
  if (known === 'late') return new LedgerError('timeout', `${subject}: no answer within ${msMax} ms`, { cause: error });
  if (known === 'forbidden') {
    return new LedgerError('refused', `the NATS server does not let this user publish on ${subject}`, { cause: error });
  }
  const message = error instanceof Error ? error.message : String(error);
  return new LedgerError('unavailable', `${subject} could not be asked: ${message}`, { cause: error });
}
