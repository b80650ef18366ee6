/** Programs of the host that the harness starts: run to the end, or kept and ended by their process id. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { once } from 'node:events';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; killed after `limitMs` (code 124). Does not throw for a code other than 0. */
export async function attempt(command: readonly string[], limitMs = 60_000): Promise<Finished> {
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  const read: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  child.stdout.on('data', (bytes: Buffer) => read.stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => read.stderr.push(bytes));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, limitMs);
  const code = await new Promise<number>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('close', (status) => resolve(late ? 124 : (status ?? 128)));
  });
  clearTimeout(timer);
  return { code, stdout: Buffer.concat(read.stdout).toString(), stderr: Buffer.concat(read.stderr).toString() };
}

/** Runs a program to its end and gives its stdout; throws with its stderr when it fails. */
export async function run(command: readonly string[], limitMs = 60_000): Promise<string> {
  const done = await attempt(command, limitMs);
  if (done.code === 0) return done.stdout;
  throw new Error(`${command.join(' ')}: code ${done.code}\n${done.stderr}${done.stdout}`);
}

/** The libraries that a program is linked to; none where it is static. */
export async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await attempt(['ldd', program]);
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].flatMap(([, library]) => library ?? []);
}

const kept = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of kept) child.kill('SIGKILL');
});

/** A program that runs in the background, its output in a file. */
export class Daemon {
  readonly name: string;
  readonly log: string;
  private readonly child: ChildProcess;

  constructor(name: string, command: readonly string[], log: string) {
    this.name = name;
    this.log = log;
    const out = openSync(log, 'a');
    this.child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', out, out] });
    closeSync(out);
    kept.add(this.child);
    this.child.once('exit', () => kept.delete(this.child));
    this.child.once('error', () => kept.delete(this.child));
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.name} could not be started`);
    return this.child.pid;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null && this.child.pid !== undefined;
  }

  /** Sends the signal and waits for the end; SIGKILL after `limitMs`. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', limitMs = 10_000): Promise<void> {
    if (!this.running) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill('SIGKILL'), limitMs);
    await ended;
    clearTimeout(timer);
  }

  /** Throws, with the end of the log, when the program has ended by itself. */
  expectRunning(): void {
    if (!this.running) throw new Error(`${this.name} has ended:\n${this.tail()}`);
  }

  /** The last lines of the log. */
  tail(lines = 40): string {
    return readFileSync(this.log, 'utf8').split('\n').slice(-lines).join('\n');
  }
}
