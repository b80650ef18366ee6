/**
 * The host of the server: mount, UTS and network namespaces of its own, with rpcbind and NFS-Ganesha, which serves the
 * data. Ganesha's own lock manager is off unless a run asks for it, to compare with.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { floating, floating6, floatingName, hosts, otherFloating, server } from './addresses.js';
import { until } from './events.js';
import { addAddress, inNamespace, type Network } from './namespaces.js';
import { attempt, Daemon, run, type Finished } from './process.js';

/** Two file systems, each served under its own path; the paths exist only in the server's mount namespace. */
export const exportOne = '/run/exports/one';
export const exportTwo = '/run/exports/two';
/** Their numbers stand in each file handle. */
export const exportIds = { [exportOne]: 77, [exportTwo]: 78 } as const;

/** Which of the test's servers this is. */
export interface HostPlace {
  readonly name: string;
  /** On its interface from the start. */
  readonly addresses: readonly string[];
  /** Has the same file systems mounted; the servers' caches of attributes are off then. */
  readonly sharing?: 'first' | ServerHost;
}

const onlyServer: HostPlace = {
  name: server.name,
  addresses: [server.own, server.own6, floating, otherFloating, floating6],
};

function exportBlock(id: number, path: string, shared: boolean): string {
  return `EXPORT {
  Export_Id = ${id}; Path = ${path}; Pseudo = ${path}; Tag = ${path.slice('/run/exports/'.length)};
  ${shared ? 'Attr_Expiration_Time = 0; ' : ''}Access_Type = RW; Squash = No_Root_Squash; Protocols = 3; Transports = TCP, UDP; SecType = sys;
  FSAL { Name = VFS; }
}`;
}

function ganeshaConfiguration(lockManager: boolean, shared: boolean): string {
  return `NFS_CORE_PARAM {
  Protocols = 3; Enable_NLM = ${lockManager}; Enable_RQUOTA = false; mount_path_pseudo = false;
  NFS_Port = 2049; MNT_Port = 20048; ${lockManager ? 'NLM_Port = 32803; NSM_Use_Caller_Name = true;' : ''}
}
NFSV4 { Graceless = true; RecoveryBackend = fs; }
${exportBlock(exportIds[exportOne], exportOne, shared)}
${exportBlock(exportIds[exportTwo], exportTwo, shared)}
LOG { Default_Log_Level = EVENT; }
`;
}

const runWithExports = [
  'mount -t tmpfs tmpfs /run',
  `mkdir -p ${exportOne} ${exportTwo}`,
  `mount -t tmpfs one ${exportOne} && mount -t tmpfs two ${exportTwo}`,
  `chmod 1777 ${exportOne} ${exportTwo}`,
];
/** A /run of its own below which the mounts of the other one are. */
const runWithExportsOfAnother = [
  'mount -n -t tmpfs tmpfs /mnt',
  'mkdir /mnt/exports && mount -n --rbind /run/exports /mnt/exports',
  'mount -n --move /mnt /run',
];

export class ServerHost {
  readonly network: Network;
  readonly place: HostPlace;
  private readonly folder: string;
  private readonly daemons = new Map<string, Daemon>();

  constructor(network: Network, scratch: string, place: HostPlace = onlyServer) {
    this.network = network;
    this.place = place;
    this.folder = join(scratch, place.name);
    mkdirSync(join(this.folder, 'nfs/sm'), { recursive: true });
    mkdirSync(join(this.folder, 'nfs/sm.bak'), { recursive: true });
    mkdirSync(join(this.folder, 'nfs/ganesha'), { recursive: true });
    writeFileSync(join(this.folder, 'hosts'), hosts());
  }

  /** Namespaces, addresses, the two file systems, rpcbind. */
  async start(): Promise<void> {
    const { name, addresses, sharing } = this.place;
    for (const address of addresses) await addAddress(this.network, address);
    const ready = `/run/ready-${name}`;
    const script = [
      `hostname ${name}`,
      ...(sharing instanceof ServerHost ? runWithExportsOfAnother : runWithExports),
      'mkdir -p /run/rpcbind /run/ganesha /run/lock',
      `mount --bind '${join(this.folder, 'nfs')}' /var/lib/nfs`,
      `mount --bind '${join(this.folder, 'hosts')}' /etc/hosts`,
      `touch ${ready} && exec sleep infinity`,
    ];
    const inOther = sharing instanceof ServerHost ? ['nsenter', '-t', String(sharing.holder.pid), '-m', '--'] : [];
    const unshare = ['unshare', '-m', '-u', 'sh', '-c', `set -e; ${script.join('; ')}`];
    const command = [...inNamespace(this.network.server), ...inOther, ...unshare];
    const holder = this.daemon('namespaces', command);
    await until('the namespaces of the server', 10_000, async () => {
      holder.expectRunning();
      return (await this.attempt(['test', '-e', ready])).code === 0;
    });
    await this.startRpcbind();
  }

  async startRpcbind(): Promise<void> {
    this.daemon('rpcbind', this.words(['rpcbind', '-f', '-w']));
    await until('rpcbind', 10_000, async () => (await this.programs()) !== undefined);
  }

  async stopRpcbind(): Promise<void> {
    await this.daemons.get('rpcbind')?.stop();
  }

  /** The process whose namespaces the host is. */
  private get holder(): Daemon {
    const holder = this.daemons.get('namespaces');
    if (holder === undefined) throw new Error('the server host is not started');
    return holder;
  }

  /** The words in front of a command that is to run on this host. */
  words(command: readonly string[]): string[] {
    return ['nsenter', '-t', String(this.holder.pid), '-n', '-m', '-u', '--', ...command];
  }

  async attempt(command: readonly string[]): Promise<Finished> {
    return attempt(this.words(command));
  }

  async run(command: readonly string[]): Promise<string> {
    return run(this.words(command));
  }

  /** Starts a program on this host (`command` as given by words()), its output in <name>.log. */
  daemon(name: string, command: readonly string[]): Daemon {
    const daemon = new Daemon(name, command, join(this.folder, `${name}.log`));
    this.daemons.set(name, daemon);
    return daemon;
  }

  /** What is registered with rpcbind, a line "program version protocol port" each; undefined without rpcbind. */
  async programs(): Promise<string[] | undefined> {
    const { code, stdout } = await this.attempt(['rpcinfo', '-p', '127.0.0.1']);
    if (code !== 0) return undefined;
    return stdout.split('\n').map((line) => line.trim().split(/\s+/).slice(0, 4).join(' '));
  }

  async registered(program: string, limitMs = 20_000): Promise<void> {
    await until(`rpcbind knows ${program}`, limitMs, async () => {
      return (await this.programs())?.some((line) => line.startsWith(program));
    });
  }

  /** Starts NFS-Ganesha; with its own lock manager also rpc.statd, which that needs. */
  async startGanesha(lockManager: boolean): Promise<void> {
    if (lockManager) {
      // -n: its SM_NOTIFY must come from the floating address; -L: sm-notify is not needed, nobody was monitored yet.
      this.daemon('statd', this.words(['rpc.statd', '-F', '-L', '-n', floatingName]));
      await this.registered('100024 1 tcp');
    }
    const configuration = join(this.folder, 'ganesha.conf');
    writeFileSync(configuration, ganeshaConfiguration(lockManager, this.place.sharing !== undefined));
    const words = ['ganesha.nfsd', '-F', '-f', configuration, '-L', 'STDOUT', '-p', '/run/ganesha.pid'];
    this.daemon('ganesha', this.words(words));
    await this.registered('100003 3 tcp');
    if (lockManager) await this.registered('100021 4 tcp');
  }

  /** Ends Ganesha and its statd, at once: it takes more than ten seconds to end by itself. */
  async stopGanesha(): Promise<void> {
    await this.daemons.get('ganesha')?.stop('SIGKILL');
    await this.daemons.get('statd')?.stop('SIGKILL');
    await this.attempt(['rm', '-f', '/run/ganesha.pid', '/run/rpc.statd.pid']);
    for (const [program, version] of [
      ['100021', '4'],
      ['100021', '3'],
      ['100021', '1'],
      ['100024', '1'],
      ['100003', '3'],
    ]) {
      await this.attempt(['rpcinfo', '-d', program ?? '', version ?? '']);
    }
  }

  async stop(): Promise<void> {
    for (const daemon of [...this.daemons.values()].toReversed()) await daemon.stop('SIGKILL');
  }

  /** The ends of the logs of everything on this host. */
  tails(): string {
    return [...this.daemons.values()]
      .map((daemon) => `--- ${daemon.name} (${daemon.log})\n${daemon.tail()}`)
      .join('\n');
  }
}
