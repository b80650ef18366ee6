/** A real nats-server for tests, and a plain client of it: what any program that speaks NATS would do. */

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { decode, encode } from '@msgpack/msgpack';
import test, { type ExecutionContext } from 'ava';
import { connect, RequestStrategy, type ConnectionOptions, type Msg, type NatsConnection } from 'nats';
import { HOW_TO_INSTALL, NatsServer, type NatsServerOptions } from '../../ops/nats/server.js';
import { startNode, type TestNode, type TestNodeOptions } from './node.js';

/** A test that needs a nats-server: without one it says so, and fails where it must run. */
export function natsTest(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  test(title, withNats(run));
}

/** One after the other: for tests that take much of the machine, or count seconds of silence. */
export function serialNatsTest(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  test.serial(title, withNats(run));
}

function withNats(run: (t: ExecutionContext) => Promise<void>): (t: ExecutionContext) => Promise<void> {
  return async (t) => {
    if (NatsServer.isInstalled || process.env['CI'] === 'true') return run(t);
    t.log(`not run: ${HOW_TO_INSTALL}`);
    t.pass();
  };
}

export async function startNats(t: ExecutionContext, options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = await NatsServer.start(options);
  t.teardown(async () => {
    server.signal('SIGCONT');
    await server.stop();
  });
  return server;
}

/** Stops a process where it is, and resolves once each of its threads stands still: one may run on for a moment. */
export async function freeze(child: { readonly pid: number; signal(signal: NodeJS.Signals): void }): Promise<void> {
  child.signal('SIGSTOP');
  const tasks = `/proc/${child.pid}/task`;
  const isStill = (task: string): boolean => /\) T /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'));
  while (!readdirSync(tasks).every(isStill)) await delay(1);
}

/** A node `name` on this server; resolves once it takes orders there, or, told so, at once. */
export async function startBusNode(
  t: ExecutionContext,
  server: { readonly url: string },
  name: string,
  options: TestNodeOptions & { readonly nats?: Readonly<Record<string, unknown>>; readonly waits?: boolean } = {},
): Promise<TestNode> {
  const { nats, file, waits, ...rest } = options;
  const node = await startNode(t, {
    ...rest,
    file: { node: { name }, nats: { servers: [server.url], ...nats }, ...file },
  });
  if (waits !== false) await until(() => node.admin.node().counters['natsConnected'] === 1, `${name} on NATS`);
  return node;
}

export interface PlainAnswer {
  readonly node: string;
  /** Nats-Service-Error-Code, or empty. */
  readonly error: string;
  readonly isJson: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

export class PlainClient {
  readonly connection: NatsConnection;

  static async connect(
    t: ExecutionContext,
    server: { readonly url: string },
    options: ConnectionOptions = {},
  ): Promise<PlainClient> {
    const connection = await connect({
      servers: server.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      ...options,
    });
    t.teardown(() => connection.close());
    return new PlainClient(connection);
  }

  private constructor(connection: NatsConnection) {
    this.connection = connection;
  }

  /** The first `count` answers, by node. An object is sent as JSON, bytes as they are. */
  async ask(subject: string, request: object | Uint8Array | string, count = 1): Promise<PlainAnswer[]> {
    const payload = request instanceof Uint8Array || typeof request === 'string' ? request : JSON.stringify(request);
    const options = { strategy: RequestStrategy.Count, maxMessages: count, maxWait: 20_000 };
    const answers: PlainAnswer[] = [];
    for await (const message of await this.connection.requestMany(subject, payload, options)) {
      answers.push(plainAnswer(message));
    }
    return answers.toSorted((a, b) => (a.node < b.node ? -1 : 1));
  }

  async one(subject: string, request: object | Uint8Array | string): Promise<PlainAnswer> {
    const [answer] = await this.ask(subject, request);
    if (answer === undefined) throw new Error(`no answer on ${subject}`);
    return answer;
  }

  /** Until `count` nodes are found again. */
  async found(count: number): Promise<void> {
    const inbox = { strategy: RequestStrategy.Timer, maxWait: 100 };
    for (let tries = 0; tries < 100; tries += 1) {
      const names = new Set<string>();
      try {
        for await (const { metadata } of await this.connection.services.client(inbox).ping('nlm-ledger')) {
          names.add(metadata?.['node'] ?? '');
        }
      } catch {
        await delay(50);
      }
      if (names.size === count) return;
    }
    throw new Error(`${count} nodes were not found`);
  }
}

export function msgpack(value: object): Uint8Array {
  return encode(value);
}

function plainAnswer(message: Msg): PlainAnswer {
  const isJson = message.data[0] === 0x7b;
  const body = isJson ? message.json<Record<string, unknown>>() : (decode(message.data) as Record<string, unknown>);
  const { headers } = message;
  return { node: headers?.get('Nlm-Node') ?? '', error: headers?.get('Nats-Service-Error-Code') ?? '', isJson, body };
}

/** Until `value` says yes. */
export async function until(value: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await value()) return;
    await delay(20);
  }
  throw new Error(`did not come: ${what}`);
}
