/**
 * Which addresses are on this host, and when they come and go. The kernel tells no bound socket that its address
 * left, and Node has no netlink: `ip monitor` where there is one, and a poll in any case, since a monitor can die.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { isLoopbackAddress, type Address } from '../base/address.js';
import { listAddresses } from './interfaces.js';
import { toolPath } from './run.js';

export interface AddressChange {
  readonly added: readonly Address[];
  readonly removed: readonly Address[];
}

/**
 * The poll beside a living `ip monitor`, and without one. A poll begins a process, and the larger this one's memory is, the
 * longer all clients wait for that.
 */
const POLL_MONITORED_MS = 10_000;
const POLL_ALONE_MS = 1000;
/** It does not say when it has begun to listen: until it is so old it is no monitor yet. */
const MONITOR_YOUNG_MS = 3000;
const MONITOR_RESTART_MS = 10_000;
/**
 * Where util-linux has a word for it, the monitor ends with a node that is killed. It asks for that itself, so the node
 * ($0) may have gone before: its parent is another one then.
 */
const MONITOR = `monitor='ip -o monitor address link'
if setpriv --pdeathsig TERM true 2>/dev/null; then
  exec setpriv --pdeathsig TERM sh -c "[ \\$PPID = $0 ] && exec $monitor"
else exec $monitor; fi`;

/** The addresses of this host, followed until `close`. */
export class AddressWatch {
  readonly #onChange: (change: AddressChange) => void;
  #current: ReadonlySet<Address>;
  #monitor: ChildProcess | undefined;
  #monitorBeganAt = 0;
  #poll: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #listing: Promise<void> | undefined;
  #again = false;
  #closed = false;

  /** Use `watchAddresses`. */
  constructor(current: ReadonlySet<Address>, onChange: (change: AddressChange) => void) {
    this.#current = current;
    this.#onChange = onChange;
    this.#startMonitor();
    this.#schedulePoll();
  }

  /** Whether a socket can be bound to the address now: 127/8 and ::1 always. */
  has(address: Address): boolean {
    return isLoopbackAddress(address) || this.#current.has(address);
  }

  current(): ReadonlySet<Address> {
    return this.#current;
  }

  /** Lists again now; resolves when a listing that began after the call has been reported. */
  async refresh(): Promise<void> {
    this.#again = true;
    while (this.#again || this.#listing !== undefined) {
      this.#listing ??= this.#list();
      await this.#listing;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#poll);
    clearTimeout(this.#restart);
    this.#monitor?.kill();
    await this.#listing;
  }

  async #list(): Promise<void> {
    this.#again = false;
    const now = await listAddresses();
    this.#listing = undefined;
    if (this.#closed) return;
    const before = this.#current;
    const added = [...now].filter((address) => !before.has(address));
    const removed = [...before].filter((address) => !now.has(address));
    this.#current = now;
    if (added.length > 0 || removed.length > 0) this.#onChange({ added, removed });
  }

  #schedulePoll(): void {
    if (this.#closed) return;
    this.#poll = setTimeout(
      () => void this.refresh().finally(() => this.#schedulePoll()),
      this.#isMonitored() ? POLL_MONITORED_MS : POLL_ALONE_MS,
    );
    this.#poll.unref();
  }

  #isMonitored(): boolean {
    return this.#monitor !== undefined && performance.now() - this.#monitorBeganAt > MONITOR_YOUNG_MS;
  }

  #startMonitor(): void {
    if (this.#closed) return;
    this.#monitorBeganAt = performance.now();
    const monitor = spawn('sh', ['-c', MONITOR, String(process.pid)], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, PATH: toolPath() },
    });
    this.#monitor = monitor;
    monitor.unref();
    // Any line means that something changed; what it was, the list says.
    monitor.stdout.on('data', () => void this.refresh());
    const gone = (): void => {
      if (this.#monitor !== monitor) return;
      this.#monitor = undefined;
      if (this.#closed) return;
      this.#restart = setTimeout(() => this.#startMonitor(), MONITOR_RESTART_MS);
      this.#restart.unref();
    };
    monitor.once('error', gone);
    monitor.once('close', gone);
  }
}

/** Resolves with the first list read. `onChange` is called with every later change, one at a time. */
export async function watchAddresses(onChange: (change: AddressChange) => void): Promise<AddressWatch> {
  return new AddressWatch(await listAddresses(), onChange);
}
