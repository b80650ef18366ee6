/**
 * One connection to NATS: the only file that imports `nats`. A server is asked for its greeting first, over a socket of
 * our own: the package leaves its socket open for minutes where a server does not answer, and a process that is to
 * stop would wait for it. It also looks names up with DNS alone, where the system's own way knows /etc/hosts.
 *
 * Connections do not reconnect by themselves; bus.ts makes a new one, so that nobody takes a lost one for a quiet one.
 */

import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP } from 'node:net';
import {
  connect,
  createInbox,
  credsAuthenticator,
  ErrorCode,
  Events,
  headers,
  NatsError,
  nkeyAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type ConnectionOptions,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Service,
  type ServiceMsg,
  type Subscription,
  type TlsOptions,
} from 'nats';
import { LedgerError } from '../base/errors.js';
import { nearestFirst, parseServer, type Server } from './server.js';

export { createInbox, ErrorCode, Events, headers, NatsError };
export type { Msg, MsgHdrs, NatsConnection, Service, ServiceMsg, Subscription };

export interface BusOptions {
  /** `host`, `host:port`, `nats://host:port`, or `tls://host:port`, which refuses a server without TLS. */
  readonly servers: readonly string[];
  /** Path of a credentials file: a JWT and the seed of its key. */
  readonly credentials?: string | undefined;
  /** Path of a file with the seed of an nkey. */
  readonly nkeySeed?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: BusTls | undefined;
  /** As the server lists the connection. */
  readonly name: string;
}

/** Paths of PEM files. */
export interface BusTls {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A server that does not greet within this is passed over for the next. */
const GREETING_MS_MAX = 2000;
const CONNECT_MS_MAX = 5000;
const GREETING_BYTES_MAX = 64 * 1024;

/**
 * Tries each server once, one of this host first. Files are read at each call, so that renewed credentials count.
 * @throws LedgerError 'unavailable', 'timeout', 'refused' (the server knows the caller not), 'bad-configuration' (a file)
 */
export async function connectOnce(options: BusOptions, signal?: AbortSignal): Promise<NatsConnection> {
  const servers = options.servers.map(parseServer);
  const login = await authenticatorOf(options);
  const tls = options.tls === undefined ? undefined : await readTls(options.tls);
  let failure: LedgerError | undefined;
  for (const server of nearestFirst(servers)) {
    try {
      return await connectTo(server, options.name, login, tls, signal);
    } catch (error) {
      // A refusal says more than a server that is away.
      if (failure?.code !== 'refused') failure = connectError(error, server);
    }
  }
  throw failure ?? new LedgerError('bad-configuration', 'no NATS server is named');
}

async function connectTo(
  server: Server,
  name: string,
  authenticator: Authenticator | undefined,
  files: TlsOptions | undefined,
  signal: AbortSignal | undefined,
): Promise<NatsConnection> {
  const greeting = await greetingOf(server, signal);
  // The name to check the certificate against: the package would take `localhost` for a server given by its address.
  const identity = isIP(server.host) === 0 ? { servername: server.host } : { host: server.host };
  const wanted = server.tls || files !== undefined;
  const options: ConnectionOptions = {
    servers: [`${isIP(greeting.address) === 6 ? `[${greeting.address}]` : greeting.address}:${server.port}`],
    name,
    reconnect: false,
    ignoreClusterUpdates: true,
    noAsyncTraces: true,
    timeout: CONNECT_MS_MAX,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(wanted || greeting.tls ? { tls: { ...files, ...identity } } : {}),
  };
  return connect(options);
}

interface Greeting {
  readonly address: string;
  readonly tls: boolean;
}

/** The INFO that a server begins with (NATS client protocol). */
function greetingOf({ host, port }: Server, signal: AbortSignal | undefined): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port });
    const fail = (code: 'unavailable' | 'timeout', message: string): void => {
      socket.destroy();
      reject(new LedgerError(code, message));
    };
    const abort = (): void => fail('unavailable', 'stopping');
    const timer = setTimeout(() => fail('timeout', 'it does not answer'), GREETING_MS_MAX);
    let text = '';
    socket.on('error', (error) => fail('unavailable', 'code' in error ? String(error.code) : error.message));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const end = text.indexOf('\r\n');
      if (end < 0 && text.length <= GREETING_BYTES_MAX) return;
      const { remoteAddress } = socket;
      const info = /^INFO (\{.*\})\s*$/.exec(text.slice(0, Math.max(end, 0)))?.[1];
      if (info === undefined || remoteAddress === undefined) return fail('unavailable', 'it is no NATS server');
      socket.destroy();
      resolve({ address: remoteAddress, tls: /"tls_(required|available)":\s*true/.test(info) });
    });
    socket.on('close', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      reject(new LedgerError('unavailable', 'it closed the connection'));
    });
    if (signal?.aborted === true) return abort();
    signal?.addEventListener('abort', abort, { once: true });
  });
}

async function authenticatorOf(options: BusOptions): Promise<Authenticator | undefined> {
  const { credentials, nkeySeed, user, password } = options;
  if (credentials !== undefined) return credsAuthenticator(await readBytes(credentials));
  if (nkeySeed !== undefined) {
    const text = (await readBytes(nkeySeed)).toString('latin1');
    return nkeyAuthenticator(Buffer.from(text.trim(), 'latin1'));
  }
  return user === undefined ? undefined : usernamePasswordAuthenticator(user, password);
}

async function readTls({ ca, cert, key }: BusTls): Promise<TlsOptions> {
  const text = async (path: string): Promise<string> => (await readBytes(path)).toString('utf8');
  return {
    ...(ca === undefined ? {} : { ca: await text(ca) }),
    ...(cert === undefined ? {} : { cert: await text(cert) }),
    ...(key === undefined ? {} : { key: await text(key) }),
  };
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new LedgerError('bad-configuration', `${path} cannot be read (${why})`, { cause, details: { path } });
  }
}

const CODE_OF: ReadonlyMap<string, 'refused' | 'timeout'> = new Map<string, 'refused' | 'timeout'>([
  [ErrorCode.AuthorizationViolation, 'refused'],
  [ErrorCode.BadAuthentication, 'refused'],
  [ErrorCode.AuthenticationExpired, 'refused'],
  [ErrorCode.AccountExpired, 'refused'],
  [ErrorCode.BadCreds, 'refused'],
  [ErrorCode.Timeout, 'timeout'],
]);

const WORDS_OF: ReadonlyMap<string, string> = new Map<string, string>([
  [ErrorCode.ServerOptionNotAvailable, 'it offers no TLS, which is asked for'],
  [ErrorCode.BadCreds, 'the credentials file is none'],
  [ErrorCode.Timeout, `no connection within ${CONNECT_MS_MAX} ms`],
]);

function connectError(error: unknown, server: Server): LedgerError {
  const where = `NATS server ${server.host}:${server.port}`;
  if (error instanceof LedgerError) return new LedgerError(error.code, `${where}: ${error.message}`, { cause: error });
  const natsCode = error instanceof NatsError ? error.code : '';
  const code = CODE_OF.get(natsCode) ?? 'unavailable';
  const message = WORDS_OF.get(natsCode) ?? (error instanceof Error ? error.message : String(error));
  const what = code === 'refused' ? `refuses this user: ${message}` : `gave no connection: ${message}`;
  return new LedgerError(code, `${where} ${what}`, { cause: error });
}
