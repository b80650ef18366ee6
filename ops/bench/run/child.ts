/** Processes that the bench starts, and ends by their own id: the built node on a folder of the bench's, and others. */

import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, closeSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Calls, syntheticHandles } from '../load/calls.js';
import { Generator } from '../load/generator.js';
import { nulls, type Work } from '../load/work.js';

export const HOST = '127.0.0.1';
/** The second server address: the locks that are held, and purged, come in here. 127/8 is always on the host. */
export const OTHER_HOST = '127.0.0.2';
const TRY_AGAIN_MS = 2;
const START_MS_MAX = 180_000;
const STOP_MS_MAX = 20_000;

export interface Child {
  readonly pid: number;
  readonly port: number;
  /** Milliseconds from the start of the process to its first right answer. */
  readonly startMs: number;
  /** Ends it with a signal, and resolves once it is gone. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface NodeChild extends Child {
  readonly data: string;
  readonly socket: string;
}

/** What a server must answer before it counts as serving. */
export interface Probe {
  readonly host: string;
  readonly work: () => Work;
  readonly calls: Calls;
}

const ALIVE: Probe = { host: HOST, work: once, calls: new Calls({ handles: syntheticHandles(1), callers: 1 }) };

/** Starts the built node on `data`, which is of this bench alone. */
export async function startNode(
  data: string,
  ports: readonly [number, number],
  probe: Probe = ALIVE,
  options: readonly string[] = [],
): Promise<NodeChild> {
  const [port, nsmPort] = ports;
  const socket = join(data, 'bench.socket');
  const listen = ['--listen', HOST, '--listen', OTHER_HOST, '--nlm-port', `${port}`, '--nsm-port', `${nsmPort}`];
  const off = ['--portmap', 'off', '--control', 'off', '--log-level', 'warn'];
  const script = ['start', '--data', data, '--socket', socket, ...listen, ...off, ...options];
  const child = await startScript('../../../src/main.js', script, { port, log: join(data, 'bench.log'), probe });
  return { ...child, data, socket };
}

export function startIdle(port: number, log: string): Promise<Child> {
  return startScript('./idle.js', [`${port}`], { port, log, probe: ALIVE });
}

/** A port of NLM and one of NSM that nobody listens on at the moment. */
export async function freePorts(): Promise<[number, number]> {
  return [await freePort(), await freePort()];
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, HOST, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Resolves once `child` has ended; a signal goes first where one is named. */
export async function ended(child: ChildProcess, signal?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  if (signal !== undefined) child.kill(signal);
  const last = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await exit;
  clearTimeout(last);
}

interface Script {
  readonly port: number;
  readonly log: string;
  readonly probe: Probe;
}

async function startScript(path: string, args: readonly string[], { port, log, probe }: Script): Promise<Child> {
  const output = openSync(log, 'a');
  const began = performance.now();
  const script = fileURLToPath(new URL(path, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', output, output] });
  closeSync(output);
  const stop = (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => ended(child, signal);
  try {
    await answering(child, port, probe, log);
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
  return { pid: child.pid ?? 0, port, startMs: performance.now() - began, stop };
}

async function answering(child: ChildProcess, port: number, { host, work, calls }: Probe, log: string): Promise<void> {
  const server = { host, port, transport: 'tcp' } as const;
  const until = performance.now() + START_MS_MAX;
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${readFileSync(log, 'utf8').slice(-1000)}`);
    const generator = await Generator.connect({ server, calls, connections: 1, depth: 1 }).catch(() => undefined);
    if (generator !== undefined) {
      const { wrong, firstWrong } = await generator.run({ work: work() }).finally(() => generator.close());
      if (wrong > 0) throw new Error(`the first answer was wrong: ${firstWrong}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
  }
  throw new Error(`no answer on port ${port} within ${START_MS_MAX} ms`);
}

function once(): Work {
  let left = 1;
  const all = nulls();
  return { ...all, begin: (slot) => left-- > 0 && all.begin(slot) };
}
