/** A real Linux NFS client: a kernel in qemu, and the commands that run in it. See guest/agent.c for the protocol. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { mkdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { clients, type ClientName } from './addresses.js';
import { within } from './events.js';
import { ensureBooted, machine, type Image } from './machine.js';
import { createTap, type Network } from './namespaces.js';
import { Daemon } from './process.js';

/** A command that runs in a guest. */
export class GuestProcess {
  readonly command: string;
  /** The exit status, or 128 and the signal; -1 when the guest lost its power before. */
  readonly ended: Promise<number>;
  output = '';
  private readonly write: (kind: 'I' | 'E' | 'K', value: string) => void;
  private listener: (() => void) | undefined;
  private end: (status: number) => void = () => undefined;

  constructor(command: string, write: (kind: 'I' | 'E' | 'K', value: string) => void) {
    this.command = command;
    this.write = write;
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  send(text: string): void {
    this.write('I', text);
  }

  signal(number: number): void {
    this.write('K', String(number));
  }

  /** Ends its standard input. */
  close(): void {
    this.write('E', '0');
  }

  /** `listener` is called whenever there is more output, and at the end. */
  onOutput(listener: () => void): void {
    this.listener = listener;
  }

  /** Waits until the output matches, or fails with the output after `limitMs` or at the end of the command. */
  async match(pattern: RegExp, limitMs = 60_000): Promise<RegExpExecArray> {
    const seen = new Promise<RegExpExecArray>((resolve) => {
      const look = (): void => {
        const found = pattern.exec(this.output);
        if (found !== null) resolve(found);
      };
      this.onOutput(look);
      look();
    });
    const ended = this.ended.then((status): RegExpExecArray => {
      const found = pattern.exec(this.output);
      if (found !== null) return found;
      throw new Error(`"${this.command}" ended (${status}) without ${String(pattern)}:\n${this.output}`);
    });
    return within(`${String(pattern)} from "${this.command}"`, limitMs, Promise.race([seen, ended]));
  }

  /** From the agent: more bytes. */
  push(text: string): void {
    this.output += text;
    this.listener?.();
  }

  /** From the agent: the end. */
  finish(status: number): void {
    this.end(status);
    this.listener?.();
  }
}

const idsMax = 64; // as in agent.c

export class Guest {
  readonly name: ClientName;
  private readonly network: Network;
  private readonly folder: string;
  private readonly image: Image;
  private readonly port: Server;
  private qemu: Daemon | undefined;
  private socket: Socket | undefined;
  private buffer = Buffer.alloc(0);
  private readonly running = new Map<number, GuestProcess>();

  constructor(name: ClientName, network: Network, scratch: string, image: Image) {
    this.name = name;
    this.network = network;
    this.image = image;
    this.folder = join(scratch, name);
    mkdirSync(join(this.folder, 'state/sm'), { recursive: true });
    mkdirSync(join(this.folder, 'state/sm.bak'), { recursive: true });
    this.port = createServer((socket) => this.connected(socket));
    this.port.listen(join(this.folder, 'port'));
  }

  /**
   * Boots it (see machine.ts) and waits until it is one of the clients. Its NSM state is that of its last life. With
   * `statdFirst` its statd has read the state before sm-notify raises it: its locks carry the old one.
   */
  async boot(life: { readonly statdFirst?: boolean } = {}): Promise<void> {
    const { name, network, folder, console, image } = this;
    const { ip4, ip6, mac } = clients[name];
    const booted = await ensureBooted(image, network);
    await createTap(network, name);
    const attached = once(this.port, 'connection');
    const command = machine(image, { name, network, folder, console });
    this.qemu = new Daemon(name, [...command, '-incoming', `exec:cat '${booted}'`], join(folder, 'qemu.log'));
    try {
      await within(`the agent of ${name}`, 30_000, attached);
      const seconds = Math.ceil(Date.now() / 1000);
      const order = life.statdFirst === true ? ['statd'] : [];
      await this.run(['begin', name, mac, ip4, ip6, seconds, ...order, '>/dev/console 2>&1'].join(' '));
    } catch (error) {
      throw new Error(`${this.qemu.tail()}\n${this.lastWords()}`, { cause: error });
    }
  }

  /** As if the power had failed: nothing is said to anybody. */
  async powerCut(): Promise<void> {
    await this.qemu?.stop('SIGKILL');
    this.socket?.destroy();
    this.buffer = Buffer.alloc(0);
    for (const process of this.running.values()) process.finish(-1);
    this.running.clear();
  }

  async close(): Promise<void> {
    await this.powerCut();
    this.port.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Starts a shell command. */
  start(command: string): GuestProcess {
    let id = 0;
    while (this.running.has(id)) id += 1;
    if (id >= idsMax) throw new Error(`too many commands in ${this.name}`);
    const process = new GuestProcess(command, (kind, value) => {
      if (this.running.get(id) !== process) return;
      const text = kind === 'I' ? `I ${id} ${Buffer.byteLength(value)}\n${value}` : `${kind} ${id} ${value}\n`;
      this.socket?.write(text);
    });
    this.running.set(id, process);
    this.socket?.write(`S ${id} ${Buffer.byteLength(command)}\n${command}`);
    return process;
  }

  /** Runs a shell command to its end and gives its output; throws when it fails or takes longer than `limitMs`. */
  async run(command: string, limitMs = 60_000): Promise<string> {
    const process = this.start(command);
    const status = await within(`${this.name}: ${command}`, limitMs, process.ended);
    if (status !== 0) throw new Error(`${this.name}: ${command}: status ${status}\n${process.output}`);
    return process.output;
  }

  /** Mounts `path` of the server at `address` (its IPv6 address too) on `folder`. */
  async mount(address: string, path: string, folder: string): Promise<void> {
    const v6 = address.includes(':');
    const proto = v6 ? 'tcp6' : 'tcp';
    const source = v6 ? `[${address}]:${path}` : `${address}:${path}`;
    await this.run(
      `mkdir -p ${folder} && mount.nfs '${source}' ${folder} -o nfsvers=3,proto=${proto},mountproto=${proto}`,
    );
  }

  /** What the guest's kernel wrote on its console. */
  lastWords(): string {
    try {
      return readFileSync(this.console, 'utf8').split('\n').slice(-20).join('\n');
    } catch {
      return '';
    }
  }

  private get console(): string {
    return join(this.folder, 'console');
  }

  private connected(socket: Socket): void {
    this.socket = socket;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      this.buffer = Buffer.concat([this.buffer, bytes]);
      while (this.message());
    });
  }

  /** Takes one message of the agent out of the buffer; false when there is no whole one. */
  private message(): boolean {
    const end = this.buffer.indexOf(10);
    if (end < 0) return false;
    const [kind, id, value] = this.buffer.toString('latin1', 0, end).split(' ');
    const length = kind === 'O' ? Number(value) : 0;
    if (this.buffer.length < end + 1 + length) return false;
    const body = this.buffer.toString('utf8', end + 1, end + 1 + length);
    this.buffer = this.buffer.subarray(end + 1 + length);
    if (kind === 'O') this.running.get(Number(id))?.push(body);
    if (kind === 'X') {
      this.running.get(Number(id))?.finish(Number(value));
      this.running.delete(Number(id));
    }
    return true;
  }
}
