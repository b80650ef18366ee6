/**
 * A cluster: two servers with the same file systems, each with NFS-Ganesha, rpcbind and a node of ours, and a witness;
 * a nats-server on all three; two clients. Two groups, an export and a floating address each: `one` moves when it is
 * told, `two` also by itself, when its owner releases it or is silent.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clients, floating, otherFloating, peer, server, witness } from './addresses.js';
import { Capture } from './capture.js';
import { until } from './events.js';
import { Guest } from './guest.js';
import { ensureInitramfs } from './initramfs.js';
import { ensureKernel } from './kernel.js';
import { addServer, createNetwork, removeAddress, setLink } from './namespaces.js';
import { NatsPlace, password } from './nats.js';
import { LedgerNode, nodeExports } from './node.js';
import { ensurePackages, nft } from './packages.js';
import { exportOne, exportTwo, ServerHost } from './server.js';

const opsFile = (name: string): string => fileURLToPath(new URL(`../../../../ops/${name}`, import.meta.url));
const hook = opsFile('hooks/address');
const owns = [server.own, peer.own, witness.own];
const hooks = { 'address-down': hook, 'address-up': hook, announce: hook };
const common = { nodes: ['a', 'b'], witnesses: ['w'], hooks };

/** How long the owner of `two` may be silent: a busy machine must not look like one that is dead. */
const silenceMs = 3000;
/** How long NATS may know no connection of it. */
export const goneMs = 1000;

/** The groups, by name: where they are, and where the clients have them mounted. */
export const groups = {
  one: { address: floating, path: exportOne, mount: '/mnt/one' },
  two: { address: otherFloating, path: exportTwo, mount: '/mnt/two' },
} as const;
export type GroupName = keyof typeof groups;

export interface Step {
  readonly step: string;
  readonly node: string;
  readonly outcome: string;
  readonly detail: string;
  readonly milliseconds: number;
}

/** What a node knows of a group. */
export interface Life {
  readonly group: string;
  readonly role: string;
  readonly owner: string;
  readonly status: string;
  readonly epoch: number;
  readonly running?: string;
  readonly steps: readonly Step[];
  readonly reclaims: { readonly reclaimed: number; readonly missed: number; readonly expected: number };
}

/** One of the three hosts with all that runs on it. */
export class Member {
  readonly name: string;
  readonly host: ServerHost;
  readonly nats: NatsPlace;
  private readonly scratch: string;
  private made: LedgerNode | undefined;

  constructor(name: string, host: ServerHost, scratch: string) {
    this.name = name;
    this.host = host;
    this.scratch = scratch;
    this.nats = new NatsPlace(host, scratch, owns);
  }

  get node(): LedgerNode {
    if (this.made === undefined) throw new Error(`node ${this.name} was not started`);
    return this.made;
  }

  /** The host must be started: groups have to know the file systems of its exports. `take` is that of group one. */
  async launch(take: 'by-command' | 'on-release' = 'by-command'): Promise<void> {
    const exports = [];
    for (const entry of nodeExports) {
      const fsid = (await this.host.run(['stat', '-f', '-c', '%i', entry.path])).trim();
      exports.push({ ...entry, handle: { ...entry.handle, fsid } });
    }
    const configuration = {
      node: { name: this.name },
      nats: { servers: owns.map((own) => `nats://${own}:4222`), user: 'node', password, replicas: 3 },
      exports,
      groups: [
        { name: 'one', addresses: [floating], exports: [exportOne], take, ...common },
        {
          name: 'two',
          addresses: [otherFloating],
          exports: [exportTwo],
          take: 'on-silence',
          silenceMs,
          goneMs,
          ...common,
        },
      ],
    };
    const { addresses } = this.host.place;
    this.made = new LedgerNode(this.host, this.scratch, {
      prefix: `${this.name}-`,
      configuration,
      listen: addresses,
      present: addresses,
      options: ['--portmap', this.name === 'w' ? 'off' : 'system'],
      environment: { NLM_HOOK_SETTINGS: join(this.scratch, 'hooks') },
    });
    this.made.launch();
  }

  /** Undefined while it cannot say. */
  async life(group: GroupName): Promise<Life | undefined> {
    this.node.expectRunning();
    const { code, stdout } = await this.node.attempt(['groups', '--json']);
    if (code !== 0) return undefined;
    const { shared } = JSON.parse(stdout) as { readonly shared?: readonly (Life & { readonly isKnown: boolean })[] };
    return shared?.find((life) => life.group === group && life.isKnown);
  }

  /** Waits until the group is served here, every step of its takeover done. */
  async serves(group: GroupName, withinMs = 60_000): Promise<Life> {
    return until(`${group} is served by ${this.name}`, withinMs, async () => {
      const life = await this.life(group);
      const isDone = life?.owner === this.name && life.status === 'owned' && life.running === undefined;
      return isDone && life.steps.some(({ step }) => step === 'notify') ? life : undefined;
    });
  }

  /** Whether the group's address is on an interface of the host. */
  async has(group: GroupName): Promise<boolean> {
    return (await this.host.run(['ip', '-o', 'addr', 'show', 'to', groups[group].address])) !== '';
  }

  /** The host is cut off from the other servers, NATS with it, and not from the clients. */
  async cutOff(): Promise<void> {
    await this.cutOffFrom(owns.filter((own) => !this.host.place.addresses.includes(own)));
  }

  /** The host is cut off from the clients, and not from the other servers. */
  async cutOffClients(): Promise<void> {
    await this.cutOffFrom(Object.values(clients).map(({ ip4 }) => ip4));
  }

  async rejoin(): Promise<void> {
    await this.host.run(['iptables', '-w', '-F']);
  }

  private async cutOffFrom(others: readonly string[]): Promise<void> {
    for (const other of others) {
      await this.host.run(['iptables', '-w', '-A', 'INPUT', '-s', other, '-j', 'DROP']);
      await this.host.run(['iptables', '-w', '-A', 'OUTPUT', '-d', other, '-j', 'DROP']);
    }
  }

  /** As when the power fails: the host is off the network, and its processes are gone. */
  async powerCut(): Promise<void> {
    await setLink(this.host.network, 'down');
    await Promise.all([this.node.kill(), this.nats.kill()]);
  }

  /** As after a reboot: it has no floating address, and what it served it takes up again only if it still owns it. */
  async powerOn(): Promise<void> {
    for (const { address } of Object.values(groups))
      await removeAddress(this.host.network, address).catch(() => undefined);
    await setLink(this.host.network, 'up');
    await this.nats.start();
    await this.launch();
  }
}

export class Cluster {
  readonly a: Member;
  readonly b: Member;
  readonly w: Member;
  readonly client1: Guest;
  readonly client2: Guest;
  readonly captures: readonly Capture[];

  private constructor(
    members: readonly [Member, Member, Member],
    guests: readonly [Guest, Guest],
    captures: Capture[],
  ) {
    [this.a, this.b, this.w] = members;
    [this.client1, this.client2] = guests;
    this.captures = captures;
  }

  /** Boots it all: a owns both groups then, and each client has both exports. */
  static async create(): Promise<Cluster> {
    await ensurePackages();
    const kernel = await ensureKernel();
    const image = { kernel: kernel.image, initramfs: await ensureInitramfs(kernel) };
    const scratch = join(tmpdir(), `nlm-ledger-e2e-${process.pid}`);
    mkdirSync(join(scratch, 'hooks'), { mode: 0o700, recursive: true });
    process.once('exit', () => {
      if (process.env['E2E_KEEP'] === undefined) rmSync(scratch, { recursive: true, force: true });
    });
    for (const group of Object.keys(groups)) writeFileSync(join(scratch, 'hooks', group), 'INTERFACE=eth0\n');
    const network = await createNetwork();
    const [second, third] = [await addServer(network.bridge, 'b'), await addServer(network.bridge, 'w')];
    const first = new ServerHost(network, scratch, { name: server.name, addresses: [server.own], sharing: 'first' });
    const hosts = [
      first,
      new ServerHost(second, scratch, { name: peer.name, addresses: [peer.own], sharing: first }),
      new ServerHost(third, scratch, { name: witness.name, addresses: [witness.own] }),
    ] as const;
    const members = [
      new Member('a', hosts[0], scratch),
      new Member('b', hosts[1], scratch),
      new Member('w', hosts[2], scratch),
    ] as const;
    const captures = [await Capture.start(network, scratch), await Capture.start(second, scratch)];
    const guests = [
      new Guest('client1', network, scratch, image),
      new Guest('client2', network, scratch, image),
    ] as const;
    const cluster = new Cluster(members, guests, captures);
    try {
      await Promise.all([guests[0].boot(), guests[1].boot(), cluster.startServers()]);
      for (const guest of guests) {
        for (const { address, path, mount } of Object.values(groups)) await guest.mount(address, path, mount);
      }
      return cluster;
    } catch (error) {
      const evidence = cluster.evidence();
      await cluster.close();
      throw new Error(`${String(error)}\n${evidence}`, { cause: error });
    }
  }

  private async startServers(): Promise<void> {
    // The second has the mounts of the first.
    for (const { host } of this.members) await host.start();
    // As a host is set up whose clients should not wait for a node that was killed.
    for (const { host } of [this.a, this.b]) await host.run([nft, '-f', opsFile('nftables/nlm-ledger.nft')]);
    await Promise.all([this.a.host.startGanesha(false), this.b.host.startGanesha(false)]);
    await Promise.all(this.members.map(({ nats }) => nats.start()));
    for (const member of this.members) await member.launch();
    for (const group of ['one', 'two'] as const) await this.a.serves(group);
  }

  get members(): readonly [Member, Member, Member] {
    return [this.a, this.b, this.w];
  }

  get guests(): readonly [Guest, Guest] {
    return [this.client1, this.client2];
  }

  /** Makes the nats-server of one of these hosts lead the stream of the group's ledger. */
  async leadFrom(group: GroupName, hosts: readonly Member[]): Promise<void> {
    const names = hosts.map(({ name }) => name);
    await until(`the stream of ${group} is led from ${names.join(' or ')}`, 60_000, async () => {
      if (names.includes(this.leaderOf(group))) return true;
      const before = this.elections(group);
      await this.w.nats.stepDown(`NLM_${group}_1`);
      await until('a new leader', 20_000, () => this.elections(group) > before);
      return false;
    });
  }

  private elections(group: GroupName): number {
    return this.members.reduce((sum, { nats }) => sum + nats.timesLed(`NLM_${group}_`), 0);
  }

  /** The host whose nats-server leads the stream of the group's ledger, or did last. */
  leaderOf(group: GroupName): string {
    const [last] = this.members
      .map(({ name, nats }) => ({ name, ledAt: nats.ledAt(`NLM_${group}_`) }))
      .toSorted((x, y) => (x.ledAt < y.ledAt ? 1 : -1));
    return last?.name ?? 'nobody';
  }

  /** What the member has sent or been sent, a row a packet that the filter shows. */
  async packetsOf({ name }: Member, filter: string): Promise<string[][]> {
    const capture = this.captures[name === 'a' ? 0 : 1];
    // The last packet may not be whole yet.
    return until('the packets so far', 20_000, () => {
      return capture?.fields(filter, ['frame.number', '_ws.col.Info']).catch(() => undefined);
    });
  }

  evidence(): string {
    const guests = this.guests.map((guest) => `--- ${guest.name}\n${guest.lastWords()}`);
    return [...this.members.map(({ name, host }) => `=== ${name}\n${host.tails()}`), ...guests].join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.guests.map((guest) => guest.close()));
    // Each in turn: a host ends what runs on it, the node too.
    for (const { host } of this.members) await host.stop();
    for (const capture of this.captures) await capture.stop();
  }
}
