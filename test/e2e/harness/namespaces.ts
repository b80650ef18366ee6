/**
 * The test network, in network namespaces whose names start with nlmt-<our process id>: one with a bridge, the guests'
 * taps and the captures, one for the server. Nothing is made in the root namespace.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attempt, run } from './process.js';

export interface Network {
  /** The namespace of the bridge br0. */
  readonly bridge: string;
  /** The namespace of the server; its interface is eth0. */
  readonly server: string;
  /** The server's port of the bridge. */
  readonly port: string;
}

/** The words in front of a command that is to run in the namespace. */
export function inNamespace(name: string): string[] {
  return ['nsenter', `--net=/run/netns/${name}`, '--'];
}

/** Ends whatever still runs in the namespace, and the namespace. Runs to its end without giving up control. */
function removeNamespace(name: string): void {
  try {
    for (const pid of execFileSync('ip', ['netns', 'pids', name]).toString().split('\n')) {
      if (pid !== '' && Number(pid) !== process.pid) process.kill(Number(pid), 'SIGKILL');
    }
  } catch {
    // a process that ended meanwhile, or no such namespace
  }
  try {
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
  } catch {
    // it is gone already
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The process whose id stands in the name that the pattern matches, if it is no longer there. */
function ofTheDead(name: string, pattern: RegExp): boolean {
  const pid = pattern.exec(name)?.[1];
  return pid !== undefined && !alive(Number(pid));
}

/** Removes the namespaces and folders of runs that were killed before they could. */
function sweep(): void {
  let names: string[] = [];
  try {
    names = readdirSync('/run/netns');
  } catch {
    // no namespace was ever made here
  }
  for (const name of names) {
    if (ofTheDead(name, /^nlmt-(\d+)-/)) removeNamespace(name);
  }
  for (const name of readdirSync(tmpdir())) {
    if (ofTheDead(name, /^nlm-ledger-e2e-(\d+)$/)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** Makes the namespace of the bridge, and that of the first server. */
export async function createNetwork(): Promise<Network> {
  sweep();
  const name = `nlmt-${process.pid}-net`;
  process.once('exit', () => removeNamespace(name));
  await run(['ip', 'netns', 'add', name]);
  const bridge = ['ip', '-n', name];
  await run([...bridge, 'link', 'set', 'lo', 'up']);
  const options = ['stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0'];
  await run([...bridge, 'link', 'add', 'br0', 'type', 'bridge', ...options]);
  await run([...bridge, 'link', 'set', 'br0', 'up']);
  return addServer(name, 'a', 'srv');
}

/** A namespace for one more server, and the veth between it and the bridge. */
export async function addServer(bridge: string, letter: string, port = `srv-${letter}`): Promise<Network> {
  const network = { bridge, server: `nlmt-${process.pid}-${letter}`, port };
  process.once('exit', () => removeNamespace(network.server));
  await run(['ip', 'netns', 'add', network.server]);
  const ip = ['ip', '-n', bridge];
  await run([...ip, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', network.server]);
  await run([...ip, 'link', 'set', port, 'master', 'br0', 'up']);
  await run(['ip', '-n', network.server, 'link', 'set', 'lo', 'up']);
  await run(['ip', '-n', network.server, 'link', 'set', 'eth0', 'up']);
  // As ops/nats/README.md has it.
  await run([...inNamespace(network.server), 'sysctl', '-qw', 'net.ipv4.tcp_retries2=5']);
  return network;
}

/** Takes the server off the bridge, as when its power fails, or brings it back. */
export async function setLink(network: Network, state: 'up' | 'down'): Promise<void> {
  await run(['ip', '-n', network.bridge, 'link', 'set', network.port, state]);
}

/** A tap of the bridge for a guest, made anew. */
export async function createTap(network: Network, tap: string): Promise<void> {
  const bridge = ['ip', '-n', network.bridge];
  await removeTap(network, tap);
  await run([...bridge, 'tuntap', 'add', 'dev', tap, 'mode', 'tap']);
  await run([...bridge, 'link', 'set', tap, 'master', 'br0', 'up']);
}

export async function removeTap(network: Network, tap: string): Promise<void> {
  await attempt(['ip', '-n', network.bridge, 'link', 'del', tap]);
}

function plain(address: string): string {
  return address.includes(':') ? `${address}/64` : `${address}/24`;
}

/** Gives the server an address, and tells the neighbours. */
export async function addAddress(network: Network, address: string): Promise<void> {
  const nodad = address.includes(':') ? ['nodad'] : [];
  await run(['ip', '-n', network.server, 'addr', 'add', plain(address), 'dev', 'eth0', ...nodad]);
  if (!address.includes(':')) {
    await attempt([...inNamespace(network.server), 'arping', '-q', '-U', '-c', '1', '-w', '1', '-I', 'eth0', address]);
  }
}

export async function removeAddress(network: Network, address: string): Promise<void> {
  await run(['ip', '-n', network.server, 'addr', 'del', plain(address), 'dev', 'eth0']);
}
