/**
 * Runs a nats-server for tests and the demo: from the PATH, or, told to (--install, as root on Debian), from the
 * system's packages. It says what it does.
 *
 *   npm run build && node dist/ops/nats/server.js [--port N] [--config FILE] [--jetstream DIR] [--install]
 */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { reservePorts } from './ports.js';

const PROGRAM = 'nats-server';
/** Where Debian puts it, which is in the PATH of root alone. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/bin', '/usr/local/sbin'];
const READY_MS_MAX = 10_000;
export const HOW_TO_INSTALL = `${PROGRAM} is not installed: on Debian or Ubuntu, apt-get install ${PROGRAM}; else see https://nats.io/download`;

export interface NatsServerOptions {
  /** 0: a free one, which stays this process's: another start may name it. */
  readonly port?: number;
  readonly config?: string;
  /** The folder of its streams; without it, no JetStream. */
  readonly jetstream?: string;
  /** Of the server, for variables in its configuration. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Its path, or undefined where it is not installed. */
function findNatsServer(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  return folders.map((folder) => join(folder, PROGRAM)).find(isExecutable);
}

/** A server on loopback, in a process of its own. */
export class NatsServer {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exit: Promise<void>;

  static get isInstalled(): boolean {
    return findNatsServer() !== undefined;
  }

  /** Resolves once it is ready; rejects with its log where it ends before. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const program = findNatsServer();
    if (program === undefined) throw new Error(HOW_TO_INSTALL);
    const { config, jetstream, environment } = options;
    const port = options.port || (await reservePorts(1))[0]!;
    const child = spawn(
      program,
      [
        '-a',
        '127.0.0.1',
        '-p',
        String(port),
        ...(config === undefined ? [] : ['-c', config]),
        ...(jetstream === undefined ? [] : ['-js', '-sd', jetstream]),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...environment } },
    );
    const log: string[] = [];
    const ready = new Promise<number>((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`${PROGRAM} ${why}:\n${log.join('\n')}`));
      const timer = setTimeout(() => fail(`was not ready within ${READY_MS_MAX} ms`), READY_MS_MAX);
      let listening = port;
      createInterface({ input: child.stderr }).on('line', (line) => {
        if (log.length < 200) log.push(line);
        listening = Number(/Listening for client connections on .*:([0-9]+)$/.exec(line)?.[1] ?? listening);
        if (!line.endsWith('Server is ready')) return;
        clearTimeout(timer);
        resolve(listening);
      });
      child.once('error', (error) => fail(error.message));
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`ended (${String(code ?? signal)})`);
      });
    });
    try {
      return new NatsServer(child, await ready);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  private constructor(child: ChildProcess, port: number) {
    if (child.pid === undefined) throw new Error(`${PROGRAM} has no process`);
    this.#child = child;
    this.pid = child.pid;
    this.port = port;
    this.#exit = new Promise((resolve) => {
      child.once('exit', () => resolve());
    });
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Idempotent. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill(signal);
    await this.#exit;
  }
}

/** As root on Debian and its like. */
async function install(): Promise<void> {
  console.error(`installing ${PROGRAM} with apt-get`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const parameters = ['install', '-qy', '--no-install-recommends', PROGRAM];
  await promisify(execFile)('apt-get', parameters, { env: environment });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      config: { type: 'string' },
      jetstream: { type: 'string' },
      install: { type: 'boolean', default: false },
    },
  });
  if (!NatsServer.isInstalled && values.install) await install();
  const { config, jetstream } = values;
  const server = await NatsServer.start({
    port: Number(values.port),
    ...(config === undefined ? {} : { config }),
    ...(jetstream === undefined ? {} : { jetstream }),
  });
  console.log(`${findNatsServer()}, process ${server.pid}, listens at ${server.url}; SIGINT or SIGTERM ends it`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.stop());
}

const [, script] = process.argv;
if (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
