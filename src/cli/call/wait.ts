/**
 * `call lock --block`: after BLOCKED, waits until the server grants the lock. With a callback port it listens for
 * GRANTED and repeats the LOCK every 30 s, as Linux does; without one nobody can call it back, and it repeats the
 * LOCK every second.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { LedgerError } from '../../base/errors.js';
import { nlmCall } from '../../nlm/procedures.js';
import { NLM4_BLOCKED, NLM4_GRANTED } from '../../nlm/status.js';
import type { NlmRes } from '../../nlm/types.js';
import { listenForCallbacks, type Callbacks } from './callbacks.js';
import { callCancel, callLock, type CallResult, type LockRequest } from './operations.js';
import { NLM_VERSION, type Server } from './server.js';

const POLL_MS = 1000;
const REPEAT_MS = 30_000;

export interface WaitOptions {
  readonly callbackPort?: number;
  /** Ends the wait: the request is cancelled at the server. */
  readonly signal: AbortSignal;
  readonly onBlocked: () => void;
}

/** @throws LedgerError 'timeout' where the signal ended the wait; the server has been sent a CANCEL by then */
export async function lockAndWait(server: Server, request: LockRequest, options: WaitOptions): Promise<CallResult> {
  const callbacks = await callbacksOf(server, request, options.callbackPort);
  try {
    const first = await callLock(server, request);
    if (first.status !== NLM4_BLOCKED) return first;
    options.onBlocked();
    return await untilGranted(server, request, options, callbacks);
  } finally {
    callbacks?.close();
  }
}

async function callbacksOf(
  server: Server,
  request: LockRequest,
  port: number | undefined,
): Promise<Callbacks | undefined> {
  if (port === undefined) return undefined;
  const answer = (result: NlmRes): void => {
    // The lock is ours whether or not this answer arrives: the server asks again.
    server.call(nlmCall(NLM_VERSION, 'GRANTED_RES'), result).catch(() => undefined);
  };
  return listenForCallbacks({
    port,
    family: server.address,
    lock: request.alock,
    exclusive: request.exclusive,
    answer,
  });
}

async function untilGranted(
  server: Server,
  request: LockRequest,
  { signal }: WaitOptions,
  callbacks: Callbacks | undefined,
): Promise<CallResult> {
  const started = performance.now();
  const waited = (how: string): NonNullable<CallResult['waited']> => ({
    how,
    ms: Math.round(performance.now() - started),
  });
  const everyMs = callbacks === undefined ? POLL_MS : REPEAT_MS;
  for (;;) {
    const how = await nextTurn(callbacks, everyMs, signal);
    if (how === 'aborted') {
      await callCancel(server, request.alock, request.exclusive);
      throw new LedgerError('timeout', 'the wait was ended before the lock was granted; the request was cancelled', {
        details: { next: 'who holds it: nlm-ledger waiters' },
      });
    }
    if (how !== 'repeat') return { operation: 'LOCK', status: NLM4_GRANTED, waited: waited(how) };
    const again = await callLock(server, request);
    if (again.status !== NLM4_BLOCKED) return { ...again, waited: waited('repeated LOCK') };
  }
}

async function nextTurn(callbacks: Callbacks | undefined, everyMs: number, signal: AbortSignal): Promise<string> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const timer = pause(everyMs, 'repeat', { signal: either }).catch(() => 'aborted');
  const turn = callbacks === undefined ? await timer : await Promise.race([timer, callbacks.granted]);
  ended.abort();
  return turn;
}
