/** The command line's end of the Unix socket: requests to the running node, and its answers. */

import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { userInfo } from 'node:os';
import type { ErrorCode } from '../base/errors.js';
import { LedgerError } from '../base/errors.js';
import { defaultDataFolder, defaultSocketPath } from '../host/paths.js';
import { EXIT_OF_ERROR } from './exit-codes.js';
import type { Environment } from './output.js';

/** Where the unit in ops/systemd puts the socket. */
const SERVICE_SOCKET = '/run/nlm-ledger/socket';
/** A purge of a million is swept within seconds; a node that says nothing for this long is stuck. */
const ANSWER_MS_MAX = 60_000;

interface Answer {
  readonly reply?: unknown;
  readonly item?: unknown;
  readonly end?: boolean;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
  };
}

/** The one named, else the user's own, else the service's. */
export function socketPathOf(named: string | undefined, environment: Environment): string {
  if (named !== undefined) return named;
  const own = defaultSocketPath(defaultDataFolder(environment), environment);
  return !existsSync(own) && existsSync(SERVICE_SOCKET) ? SERVICE_SOCKET : own;
}

/** The reply, as its procedure's schema describes it. @throws LedgerError: the node's own, or 'unavailable', 'timeout' */
export async function askNode<Reply>(
  path: string,
  procedure: string,
  request: object,
  msMax = ANSWER_MS_MAX,
): Promise<Reply> {
  const socket = await connectTo(path);
  try {
    const timer = setTimeout(() => socket.destroy(), msMax);
    try {
      for await (const answer of exchange(socket, procedure, request)) {
        if (answer.error !== undefined) throw errorOf(answer.error);
        // The cast states what the node's schema promises; a test checks its replies against it.
        return answer.reply as Reply;
      }
    } finally {
      clearTimeout(timer);
    }
    throw new LedgerError('unavailable', `the node behind ${path} closed the connection before it answered`);
  } finally {
    socket.destroy();
  }
}

/** Items as they come, until the node ends the stream or `signal` does. */
export async function* streamFromNode<Item>(path: string, procedure: string, signal: AbortSignal): AsyncIterable<Item> {
  const socket = await connectTo(path);
  const stop = (): void => {
    socket.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const answer of exchange(socket, procedure, {})) {
      if (answer.error !== undefined) throw errorOf(answer.error);
      if (answer.end === true) return;
      yield answer.item as Item; // as above
    }
    if (!signal.aborted) throw new LedgerError('unavailable', `the node behind ${path} closed the connection`);
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

async function* exchange(socket: Socket, procedure: string, request: object): AsyncIterable<Answer> {
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
  socket.write(`${JSON.stringify({ id: 1, procedure, request, ...userOf() })}\n`);
  for await (const line of lines) yield JSON.parse(line);
}

function userOf(): { readonly user?: string } {
  const user = userName();
  return user === undefined ? {} : { user };
}

/** Recorded as a claim; a user without a name in the system is a number. */
export function userName(): string | undefined {
  try {
    const { username } = userInfo();
    return /^[A-Za-z0-9._@:+-]{1,64}$/.test(username) ? username : undefined;
  } catch {
    return process.getuid === undefined ? undefined : `uid:${process.getuid()}`;
  }
}

function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.off('error', fail);
      socket.on('error', () => undefined);
      resolve(socket);
    });
    const fail = (error: Error & { code?: string }): void => {
      const denied = error.code === 'EACCES' || error.code === 'EPERM';
      reject(
        denied
          ? new LedgerError('refused', `the socket ${path} may not be opened by this user: join its group, or use sudo`)
          : new LedgerError('unavailable', `no node answers on the socket ${path} (${error.code ?? error.message})`),
      );
    };
    socket.once('error', fail);
  });
}

function errorOf(error: NonNullable<Answer['error']>): LedgerError {
  return new LedgerError(isErrorCode(error.code) ? error.code : 'unavailable', error.message, {
    details: error.details,
  });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(EXIT_OF_ERROR, code);
}
