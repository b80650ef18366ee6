/** A node in a process of its own, on fixed ports, for tests that kill it. */

import { spawn, type ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/**
 * Free for TCP a moment ago, and below those that the kernel gives out by itself (net.ipv4.ip_local_port_range): a node
 * that is killed finds its own again.
 */
const [PORT_MIN, PORT_MAX] = [10_000, 32_000] as const;

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    if (!ports.has(port) && (await isFree(port))) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

export class NodeProcess {
  readonly socket: string;
  readonly #config: string;
  readonly #configuration: Readonly<Record<string, unknown>>;
  /** The last lines of its log. */
  readonly log: string[] = [];
  #child: ChildProcess | undefined;
  /** The program; another build of it from its next start on. */
  main = MAIN;

  /** `configuration`: the file, with ports; the data folder must be in it. */
  constructor(configuration: Readonly<Record<string, unknown>> & { readonly data: string }) {
    this.socket = join(configuration.data, 'socket');
    this.#config = join(configuration.data, 'configuration.json');
    this.#configuration = { portmap: 'off', socket: this.socket, ...configuration };
    this.configure({});
  }

  /** For its next start. */
  configure(change: Readonly<Record<string, unknown>>): void {
    writeFileSync(this.#config, JSON.stringify({ ...this.#configuration, ...change }));
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Does not wait until it serves. `words`: more options, for this start. */
  spawn(words: readonly string[] = []): void {
    const child = spawn(process.execPath, [this.main, 'start', '--config', this.#config, ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.log.push(line);
      if (this.log.length > 200) this.log.shift();
      if (line.includes('"msg":"serving"')) child.emit('serving');
    });
  }

  async serving(): Promise<void> {
    const child = this.#child;
    if (child === undefined) throw new Error('the node was not started');
    const ended = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`the node ended (${String(code)}, ${String(signal)}):\n${this.log.slice(-20).join('\n')}`);
    });
    await Promise.race([once(child, 'serving'), ended]);
    ended.catch(() => undefined);
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
}
