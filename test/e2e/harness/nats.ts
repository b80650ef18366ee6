/** A nats-server on each host of a cluster, as ops/nats/three-nodes.conf has it: one of three, with users and roles. */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './events.js';
import type { Daemon } from './process.js';
import type { ServerHost } from './server.js';

const configuration = fileURLToPath(new URL('../../../../ops/nats/three-nodes.conf', import.meta.url));
/** Of every user: it never leaves the test's namespaces. */
const nats = createRequire(import.meta.url).resolve('nats');
export const password = 'end-to-end';

/** As an administrator, with the package at `argv[2]`: of the stream `argv[1]` the leader steps down. */
const stepDown = `
  const { connect } = require(process.argv[2]);
  const login = { servers: '127.0.0.1:4222', user: 'administrator', pass: ${JSON.stringify(password)} };
  connect(login).then(async (connection) => {
    const { data } = await connection.request('$JS.API.STREAM.LEADER.STEPDOWN.' + process.argv[1]);
    const { error } = JSON.parse(Buffer.from(data).toString());
    await connection.close();
    if (error) throw new Error(error.description);
  });
`;

export class NatsPlace {
  readonly host: ServerHost;
  private readonly store: string;
  private readonly routes: string;
  private daemon: Daemon | undefined;

  constructor(host: ServerHost, scratch: string, addresses: readonly string[]) {
    this.host = host;
    this.store = join(scratch, `nats-${host.place.name}`);
    this.routes = JSON.stringify(addresses.map((address) => `nats://${address}:6222`));
    mkdirSync(this.store);
  }

  async start(): Promise<void> {
    const users = ['NODE', 'OPERATOR', 'AUDITOR', 'ADMINISTRATOR'].map((user) => `NLM_${user}_PASSWORD=${password}`);
    const environment = [`NLM_NAME=nats-${this.host.place.name}`, `NLM_STORE=${this.store}`, ...users];
    const words = ['env', ...environment, `NLM_ROUTES=${this.routes}`, 'nats-server', '-c', configuration];
    const before = this.log.length;
    const daemon = this.host.daemon('nats', this.host.words(words));
    this.daemon = daemon;
    await until(`nats-server of ${this.host.place.name}`, 20_000, () => {
      daemon.expectRunning();
      return this.log.slice(before).includes('Server is ready');
    });
  }

  async kill(): Promise<void> {
    await this.daemon?.stop('SIGKILL');
  }

  /** The leader of a stream, wherever it is, leaves that to another server. */
  async stepDown(stream: string): Promise<void> {
    await this.host.run([process.execPath, '-e', stepDown, stream, nats]);
  }

  /** When it last became the leader of a stream: its own time of day, as text that sorts; empty where it never did. */
  ledAt(stream: string): string {
    return /\d{4}\/\d\d\/\d\d [\d:.]+/.exec(this.elections(stream).at(-1) ?? '')?.[0] ?? '';
  }

  /** How often it became the leader of a stream. */
  timesLed(stream: string): number {
    return this.elections(stream).length;
  }

  private elections(stream: string): string[] {
    return this.log.split('\n').filter((line) => line.includes('new stream leader') && line.includes(stream));
  }

  private get log(): string {
    return this.daemon === undefined ? '' : readFileSync(this.daemon.log, 'utf8');
  }
}
