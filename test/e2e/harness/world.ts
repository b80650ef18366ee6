/** Everything together: network, server host, two clients, the lock manager under test. One world a test file. */
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Capture } from './capture.js';
import { Guest } from './guest.js';
import { Holder } from './holder.js';
import { ensureInitramfs } from './initramfs.js';
import { ensureKernel } from './kernel.js';
import { createNetwork, type Network } from './namespaces.js';
import { LedgerNode } from './node.js';
import { ensurePackages } from './packages.js';
import { ServerHost } from './server.js';

/** Which lock manager serves the clients: our node, or NFS-Ganesha's own, with which the harness itself is checked. */
export type LockManager = 'node' | 'ganesha';
export const lockManager: LockManager = process.env['E2E_LOCK_MANAGER'] === 'ganesha' ? 'ganesha' : 'node';

// Without these an interrupt would end this process before its exit handlers have removed the namespaces.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
process.once('disconnect', () => process.exit(130));

let files = 0;

export class World {
  readonly network: Network;
  readonly server: ServerHost;
  readonly node: LedgerNode;
  readonly client1: Guest;
  readonly client2: Guest;
  private readonly scratch: string;
  private readonly captures: Capture[];

  private constructor(scratch: string, network: Network, guests: readonly [Guest, Guest], capture: Capture) {
    this.scratch = scratch;
    this.network = network;
    [this.client1, this.client2] = guests;
    this.server = new ServerHost(network, scratch);
    this.node = new LedgerNode(this.server, scratch);
    this.captures = [capture];
  }

  /** Boots it all; the first run on a machine fetches what it needs. */
  static async create(manager: LockManager = lockManager): Promise<World> {
    await ensurePackages();
    const kernel = await ensureKernel();
    const image = { kernel: kernel.image, initramfs: await ensureInitramfs(kernel) };
    const scratch = join(tmpdir(), `nlm-ledger-e2e-${process.pid}`);
    mkdirSync(scratch, { mode: 0o700 });
    process.once('exit', () => {
      if (process.env['E2E_KEEP'] === undefined) rmSync(scratch, { recursive: true, force: true });
    });
    const network = await createNetwork();
    const capture = await Capture.start(network, scratch);
    const guests = [
      new Guest('client1', network, scratch, image),
      new Guest('client2', network, scratch, image),
    ] as const;
    const world = new World(scratch, network, guests, capture);
    try {
      await Promise.all([guests[0].boot(), guests[1].boot(), world.server.start().then(() => world.serve(manager))]);
      return world;
    } catch (error) {
      const evidence = world.evidence();
      await world.close();
      throw new Error(`${String(error)}\n${evidence}`, { cause: error });
    }
  }

  /** Starts the lock manager and the NFS server. */
  async serve(manager: LockManager): Promise<void> {
    await this.server.startGanesha(manager === 'ganesha');
    if (manager === 'node') await this.node.start();
  }

  /** Ends the lock manager and the NFS server. The clients must have unmounted. */
  async withdraw(): Promise<void> {
    await this.node.stop();
    await this.server.stopGanesha();
  }

  get guests(): readonly [Guest, Guest] {
    return [this.client1, this.client2];
  }

  holder(guest: Guest): Holder {
    return new Holder(guest);
  }

  /** A file name that no other test uses, below the mount point. */
  file(mount = '/mnt/one'): string {
    return `${mount}/f${(files += 1)}`;
  }

  /** Ends the capture so far, begins another, and gives the one that ended. */
  async packets(): Promise<Capture> {
    const done = this.captures.at(-1);
    this.captures.push(await Capture.start(this.network, this.scratch));
    await done?.stop();
    return this.captures.at(-2) ?? this.packets();
  }

  /** The capture that is under way: what it has so far can be read. */
  get capture(): Capture {
    const running = this.captures.at(-1);
    if (running === undefined) throw new Error('no capture is under way');
    return running;
  }

  /** Every packet since the world began. */
  async allPackets(): Promise<readonly Capture[]> {
    await this.packets();
    return this.captures.slice(0, -1);
  }

  /** What to show when a test has failed. */
  evidence(): string {
    return `${this.server.tails()}\n--- client1\n${this.client1.lastWords()}\n--- client2\n${this.client2.lastWords()}`;
  }

  async close(): Promise<void> {
    await Promise.all(this.guests.map((guest) => guest.close()));
    await this.node.kill();
    await this.server.stop();
    await this.captures.at(-1)?.stop();
  }
}
