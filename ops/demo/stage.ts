/**
 * The stage of the demo: a folder, a nats-server, the nodes and the commands, each a process of its own. However the
 * demo ends, `clear` ends every process that was begun and removes the folder.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { GroupLifeReply } from '../../src/admin/messages.js';
import { askNode } from '../../src/cli/node-client.js';
import { NatsServer } from '../nats/server.js';
import { Client } from './client.js';
import { CLIENT_ADDRESS, FLOATING, freePorts, NODE_ADDRESS } from './places.js';
import type { ClientName, GroupName, NodeName } from './places.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const NODE_MS_MAX = 60_000;
const STATE_MS_MAX = 20_000;
const LOOK_MS = 25;
const LOG_LINES_MAX = 200;
const SILENCE_MS = 2000;
const TRANSPORT = { anna: 'tcp', ben: 'udp', cleo: 'tcp', dora: 'tcp' } as const;

export interface Ran {
  readonly code: number;
  /** What it printed, on both streams. */
  readonly text: string;
  readonly ms: number;
}

type KnownLife = Extract<GroupLifeReply, { isKnown: true }>;

interface Running {
  readonly child: ChildProcess;
  readonly exit: Promise<void>;
}

export class Stage {
  readonly folder: string;
  readonly nlmPort: number;
  readonly clients: Readonly<Record<ClientName, Client>>;
  readonly #nsmPort: number;
  readonly #callbackPorts: Readonly<Record<ClientName, number>>;
  readonly #running = new Set<Running>();
  readonly #nodes = new Map<NodeName, Running>();
  readonly #ending: AbortSignal;
  #nats: Promise<NatsServer> | undefined;
  #natsUrl = '';

  static async open(ending: AbortSignal): Promise<Stage> {
    const ports = await freePorts(6);
    return new Stage(await mkdtemp(join(tmpdir(), 'nlm-demo-')), ports, ending);
  }

  private constructor(folder: string, ports: readonly number[], ending: AbortSignal) {
    const [nlmPort = 0, nsmPort = 0, anna = 0, ben = 0, cleo = 0, dora = 0] = ports;
    this.folder = folder;
    this.nlmPort = nlmPort;
    this.#nsmPort = nsmPort;
    this.#callbackPorts = { anna, ben, cleo, dora };
    this.#ending = ending;
    const client = (name: ClientName): Client =>
      new Client({
        name,
        address: CLIENT_ADDRESS[name],
        transport: TRANSPORT[name],
        callbackPort: this.#callbackPorts[name],
        nlmPort,
        signal: ending,
      });
    this.clients = { anna: client('anna'), ben: client('ben'), cleo: client('cleo'), dora: client('dora') };
  }

  get natsUrl(): string {
    return this.#natsUrl;
  }

  dataOf(node: NodeName): string {
    return join(this.folder, node);
  }

  pidOf(node: NodeName): number {
    return this.#nodes.get(node)?.child.pid ?? 0;
  }

  async startNats(): Promise<void> {
    this.#refuseAtTheEnd();
    this.#nats = NatsServer.start({ jetstream: join(this.folder, 'nats') });
    this.#natsUrl = (await this.#nats).url;
  }

  /** Resolves once it serves its administration; again after it was killed. */
  async startNode(name: NodeName): Promise<void> {
    const data = this.dataOf(name);
    const file = join(this.folder, `${name}.json`);
    await mkdir(data, { recursive: true, mode: 0o700 });
    await writeFile(file, `${JSON.stringify(this.#configuration(name), null, 2)}\n`);
    const running = this.#spawn(['start', '--config', file], 'pipe');
    this.#nodes.set(name, running);
    const log: string[] = [];
    const serving = new Promise<void>((resolve) => {
      if (running.child.stderr === null) return;
      createInterface({ input: running.child.stderr }).on('line', (line) => {
        if (log.length === LOG_LINES_MAX) log.shift();
        log.push(line);
        if (line.includes('"msg":"serving"')) resolve();
      });
    });
    const fail = (why: string) => (): never => {
      throw new Error(`node ${name} ${why}:\n${log.slice(-20).join('\n')}`);
    };
    const late = new AbortController();
    const time = once(late.signal, 'abort');
    const timer = setTimeout(() => late.abort(), NODE_MS_MAX);
    try {
      await Promise.race([
        serving,
        running.exit.then(fail('ended at its start')),
        time.then(fail(`did not serve within ${NODE_MS_MAX} ms`)),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  async kill(name: NodeName): Promise<void> {
    const running = this.#nodes.get(name);
    running?.child.kill('SIGKILL');
    await running?.exit;
  }

  /** A command line of nlm-ledger, in a process of its own. */
  async run(...args: readonly string[]): Promise<Ran> {
    const began = performance.now();
    const { child, exit } = this.#spawn(args, 'pipe');
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    }
    await exit;
    return { code: child.exitCode ?? -1, text, ms: performance.now() - began };
  }

  /** What a node knows of a group, once it is as `isSo` says. */
  async until(node: NodeName, group: GroupName, what: string, isSo: (life: KnownLife) => boolean): Promise<KnownLife> {
    const until = performance.now() + STATE_MS_MAX;
    for (;;) {
      this.#refuseAtTheEnd();
      const request = { group };
      const reply = await askNode<{ groups: GroupLifeReply[] }>(
        join(this.dataOf(node), 'socket'),
        'group-status',
        request,
      );
      const [life] = reply.groups;
      if (life?.isKnown === true && isSo(life)) return life;
      if (performance.now() >= until) {
        throw new Error(`${what}: not so at node ${node} within ${STATE_MS_MAX} ms; it says ${JSON.stringify(life)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Nothing of the demo is left then, but with `keep` the ledgers. */
  async clear(keep: boolean): Promise<void> {
    const running = [...this.#running];
    for (const { child } of running) child.kill('SIGKILL');
    // A server that is on its way up is waited for: only then can it be ended.
    await this.#nats?.then((server) => server.stop('SIGKILL')).catch(() => undefined);
    await Promise.all(running.map(({ exit }) => exit));
    if (!keep) await rm(this.folder, { recursive: true, force: true });
  }

  #spawn(args: readonly string[], output: 'pipe'): Running {
    this.#refuseAtTheEnd();
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', output, output],
      env: { ...process.env, NO_COLOR: '1' },
    });
    const exit = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    const running = { child, exit };
    this.#running.add(running);
    void exit.then(() => this.#running.delete(running));
    // A node says little on stdout, and nobody else reads it.
    if (args[0] === 'start') child.stdout?.resume();
    return running;
  }

  #refuseAtTheEnd(): void {
    if (this.#ending.aborted) throw new Error('the demo is ending');
  }

  #configuration(name: NodeName): object {
    const clients = Object.entries(this.#callbackPorts).map(([client, callbackPort]) => ({
      // The cast: the keys are those of the record.
      network: CLIENT_ADDRESS[client as ClientName],
      callbackPort,
    }));
    const group = { nodes: ['a', 'b'], witnesses: ['w'] };
    return {
      node: { name },
      data: this.dataOf(name),
      socket: join(this.dataOf(name), 'socket'),
      listen: [NODE_ADDRESS[name]],
      nlmPort: this.nlmPort,
      nsmPort: this.#nsmPort,
      portmap: 'off',
      nsm: 'own',
      nats: { servers: [this.natsUrl] },
      exports: (['home', 'work'] as const).map((fileSystem) => ({
        path: `/srv/${fileSystem}`,
        fileSystem,
        handle: { format: 'prefix', prefix: Buffer.from(fileSystem).toString('hex') },
      })),
      clients,
      groups: [
        {
          ...group,
          name: 'home',
          addresses: [FLOATING.home],
          exports: ['/srv/home'],
          way: 'carry',
          take: 'on-silence',
          silenceMs: SILENCE_MS,
        },
        { ...group, name: 'work', addresses: [FLOATING.work], exports: ['/srv/work'], way: 'reclaim' },
      ],
    };
  }
}
