/** Our own server on the server's host: its command line, its signals, and the commands to it over its Unix socket. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { floating, floating6, lateFloating, otherFloating, server } from './addresses.js';
import { until } from './events.js';
import { attempt, run, type Daemon, type Finished } from './process.js';
import { exportIds, type ServerHost } from './server.js';

const main = fileURLToPath(new URL('../../../src/main.js', import.meta.url));
export const nlmPort = 4045;
export const nsmPort = 4046;
/** Exit code of `status`: serving, in grace. */
const codeInGrace = 10;
/** Where the control files are; the folder exists only in the server's mount namespace. */
export const controlFolder = '/run/nlm-ledger';

/** Which of the test's nodes this is. */
export interface NodePlace {
  /** In front of the names of its folder and files. */
  readonly prefix: string;
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly listen: readonly string[];
  /** Of `listen`: those that its host has from the start. */
  readonly present: readonly string[];
  readonly options: readonly string[];
  /** For its hooks. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The exports of every configuration here. */
export const nodeExports = Object.entries(exportIds).map(([path, exportId]) => ({
  path,
  handle: { format: 'ganesha', exportId },
}));

const onlyNode: NodePlace = {
  prefix: '',
  configuration: { exports: nodeExports },
  listen: [server.own, server.own6, floating, otherFloating, lateFloating, floating6],
  present: [server.own, server.own6, floating, otherFloating, floating6],
  options: ['--portmap', 'system', '--control', controlFolder],
};

export class LedgerNode {
  private readonly host: ServerHost;
  private readonly place: NodePlace;
  private readonly data: string;
  private readonly socket: string;
  private readonly configuration: string;
  private daemon: Daemon | undefined;

  constructor(host: ServerHost, scratch: string, place: NodePlace = onlyNode) {
    this.host = host;
    this.place = place;
    this.data = join(scratch, `${place.prefix}ledger`);
    this.socket = join(scratch, `${place.prefix}node.sock`);
    this.configuration = join(scratch, `${place.prefix}node.json`);
    writeFileSync(this.configuration, JSON.stringify(place.configuration));
  }

  /** Starts it and waits until its sockets are open on every address that the host has, and registered. */
  async start(): Promise<void> {
    const daemon = this.launch();
    for (const address of this.place.present) await this.listens(address);
    await this.host.registered('100021 4 tcp');
    await until('the node answers on its socket', 20_000, async () => {
      daemon.expectRunning();
      return [0, codeInGrace].includes((await this.attempt(['status'])).code);
    });
  }

  /** Starts it, and waits for nothing. */
  launch(): Daemon {
    const { listen, options, environment = {} } = this.place;
    const words = ['env', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)];
    words.push(process.execPath, main, 'start', '--config', this.configuration, '--data', this.data);
    words.push(...listen.flatMap((address) => ['--listen', address]), ...options);
    words.push('--nlm-port', String(nlmPort), '--nsm-port', String(nsmPort), '--socket', this.socket);
    words.push('--log-level', process.env['E2E_LOG_LEVEL'] ?? 'info');
    this.daemon = this.host.daemon('node', this.host.words(words));
    return this.daemon;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.daemon?.stop('SIGKILL');
  }

  /** SIGTERM, as a service manager does it. */
  async stop(): Promise<void> {
    await this.daemon?.stop('SIGTERM');
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  get pid(): number {
    if (this.daemon === undefined) throw new Error('the node is not started');
    return this.daemon.pid;
  }

  /** Throws, with the end of its log, when it has ended by itself. */
  expectRunning(): void {
    this.daemon?.expectRunning();
  }

  /** Waits until the sockets of an address are open, or with `open` false until they are closed. */
  async listens(address: string, open = true): Promise<void> {
    await until(`sockets on ${address} ${open ? 'open' : 'closed'}`, 20_000, async () => {
      this.daemon?.expectRunning();
      const sockets = await this.host.run(['ss', '-Hltun']);
      const local = address.includes(':') ? `[${address}]` : address;
      const count = sockets.split('\n').filter((line) => line.includes(`${local}:${nlmPort} `)).length;
      return open ? count === 2 : count === 0;
    });
  }

  /** Runs one of the node's own commands against its socket. */
  async attempt(words: readonly string[]): Promise<Finished> {
    return attempt([process.execPath, main, ...words, '--socket', this.socket]);
  }

  /** The same on the server's host: for what looks at the host itself. */
  async attemptOnHost(words: readonly string[]): Promise<Finished> {
    return this.host.attempt([process.execPath, main, ...words, '--socket', this.socket]);
  }

  /** Runs a command with --json and gives what it printed; throws when its code is not 0. */
  async command(words: readonly string[]): Promise<unknown> {
    const { code, stdout, stderr } = await this.attempt([...words, '--json']);
    if (code !== 0) throw new Error(`${words.join(' ')}: code ${code}\n${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** Runs `ledger …` on the node's data folder, and gives what it printed. */
  async ledger(words: readonly string[]): Promise<string> {
    return run([process.execPath, main, 'ledger', ...words, '--data', this.data]);
  }

  /** As a disk that was replaced. The node must not be running. */
  loseLedger(): void {
    rmSync(this.data, { recursive: true });
  }

  tail(): string {
    return this.daemon?.tail(60) ?? '';
  }
}
