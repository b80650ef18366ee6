/**
 * Three nats-servers with JetStream on loopback, one cluster, on free ports: for tests and the demo. Each has a folder of
 * its own for its streams; a server may be killed, stopped, continued and started again at its port.
 */

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectOnce } from '../../src/bus/connection.js';
import { reservePorts } from './ports.js';
import { NatsServer } from './server.js';

const READY_MS_MAX = 30_000;

export interface ClusterOptions {
  /** Folders `1`, `2`, `3` are made in it. */
  readonly folder: string;
  readonly servers?: number;
  /** The port at which one server finds another, whose own is `port`: something may stand between the two. */
  readonly between?: (from: number, to: number, port: number) => Promise<number>;
}

interface Place {
  readonly name: string;
  readonly port: number;
  readonly config: string;
  readonly store: string;
}

export class NatsCluster {
  readonly #places: readonly Place[];
  readonly #servers: (NatsServer | undefined)[] = [];

  /** Resolves once its JetStream has a leader. */
  static async start({ folder, servers = 3, between }: ClusterOptions): Promise<NatsCluster> {
    const ports = await reservePorts(servers * 2);
    const routesOf = (from: number): Promise<string[]> =>
      Promise.all(
        ports.slice(servers).map(async (port, to) => {
          const place = between === undefined || from === to ? port : await between(from, to, port);
          return `nats://127.0.0.1:${place}`;
        }),
      );
    const places: Place[] = [];
    for (let i = 0; i < servers; i += 1) {
      const name = `n${i + 1}`;
      const store = join(folder, String(i + 1));
      await mkdir(store, { recursive: true });
      const config = join(folder, `${name}.conf`);
      // A name of its own: servers of another cluster that look for theirs at one of these ports are sent away.
      const cluster = { name: `nlm-${ports[0]}`, port: ports[servers + i] ?? 0, routes: await routesOf(i) };
      await writeFile(config, configOf(name, store, cluster, between !== undefined));
      places.push({ name, store, config, port: ports[i] ?? 0 });
    }
    const cluster = new NatsCluster(places);
    try {
      await cluster.startAll();
    } catch (error) {
      await cluster.stopAll('SIGKILL');
      throw error;
    }
    return cluster;
  }

  private constructor(places: readonly Place[]) {
    this.#places = places;
  }

  get urls(): readonly string[] {
    return this.#places.map(({ port }) => `nats://127.0.0.1:${port}`);
  }

  get names(): readonly string[] {
    return this.#places.map(({ name }) => name);
  }

  /** Folders of the servers' streams. */
  get stores(): readonly string[] {
    return this.#places.map(({ store }) => store);
  }

  /** Undefined while it is down. */
  server(index: number): NatsServer | undefined {
    return this.#servers[index];
  }

  async start(index: number): Promise<void> {
    const place = this.#places[index];
    if (place === undefined) throw new Error(`there is no server ${index}`);
    this.#servers[index] = await NatsServer.start({ port: place.port, config: place.config });
  }

  /** All that are down, until JetStream has a leader. */
  async startAll(): Promise<void> {
    const started = this.#places.map(async (_, index) => this.#servers[index] === undefined && this.start(index));
    // All have started, or not, before one that has not is told of.
    await Promise.allSettled(started);
    await Promise.all(started);
    await this.#led();
  }

  async stop(index: number, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const server = this.#servers[index];
    this.#servers[index] = undefined;
    server?.signal('SIGCONT');
    await server?.stop(signal);
  }

  async stopAll(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await Promise.all(this.#places.map((_, index) => this.stop(index, signal)));
  }

  /** The leader of JetStream's own group is there: streams can be made. */
  async #led(): Promise<void> {
    const until = Date.now() + READY_MS_MAX;
    while (Date.now() < until) {
      const connection = await connectOnce({ servers: this.urls, name: 'cluster' });
      try {
        const { data } = await connection.request('$JS.API.INFO', undefined, { timeout: 500 });
        if (!Buffer.from(data).toString('utf8').includes('"error"')) return;
      } catch {
        // asked too early
      } finally {
        await connection.close();
      }
      await delay(50);
    }
    throw new Error(`JetStream of the cluster had no leader within ${READY_MS_MAX} ms`);
  }
}

interface Routes {
  readonly name: string;
  readonly port: number;
  readonly routes: readonly string[];
}

function configOf(name: string, store: string, { name: cluster, port, routes }: Routes, isBetween: boolean): string {
  // Servers tell each other where they are found: they would go round what stands between them.
  const advertise = isBetween ? `advertise: '127.0.0.1:1', ` : '';
  return `server_name: ${name}
jetstream: { store_dir: '${store}', max_file_store: 8G, max_memory_store: 256M }
cluster: { name: '${cluster}', listen: '127.0.0.1:${port}', ${advertise}routes: [${routes.map((route) => `'${route}'`).join(', ')}] }
`;
}
