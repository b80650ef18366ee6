/** A nats-server on each host of a cluster, as ops/nats/three-nodes.conf has it: one of three, with users and roles. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './events.js';
import type { Daemon } from './process.js';
import type { ServerHost } from './server.js';

const configuration = fileURLToPath(new URL('../../../../ops/nats/three-nodes.conf', import.meta.url));
/** Of every user: it never leaves the test's namespaces. */
export const password = 'end-to-end';

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

  /** When it last became the leader of a stream: its own time of day, as text that sorts; empty where it never did. */
  ledAt(stream: string): string {
    const lines = this.log.split('\n').filter((line) => line.includes('new stream leader') && line.includes(stream));
    return /\d{4}\/\d\d\/\d\d [\d:.]+/.exec(lines.at(-1) ?? '')?.[0] ?? '';
  }

  private get log(): string {
    return this.daemon === undefined ? '' : readFileSync(this.daemon.log, 'utf8');
  }
}
