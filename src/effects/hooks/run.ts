/**
 * A hook: an executable of the operator that carries out one step outside of this program. It is told everything in
 * its environment, has a time limit, and what it says is kept; 0 is success. It runs in a process group of its own, so
 * that at the limit its children end with it.
 */

import { spawn } from 'node:child_process';
import { LedgerError } from '../../base/errors.js';
import { toolPath } from '../../host/run.js';

export interface Hook {
  /** Absolute. */
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly msMax: number;
}

/** Characters of a hook's output that are kept, its last ones: the end says what went wrong. */
const OUTPUT_MAX = 2048;
/** What a hook left behind in the background may hold its output open: its own end counts. */
const LAST_WORDS_MS = 200;
/** Between SIGTERM and SIGKILL at the limit: a shell script may have something to put away. */
const KILL_MS = 1000;

/**
 * What the hook said, once it ended with 0.
 * @throws LedgerError `timeout`; `refused` where it ended otherwise, with what it said; `path-not-found`, `unsupported`
 * where it could not be started
 */
export function runHook({ path, environment, msMax }: Hook): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, [], {
      cwd: '/',
      detached: true,
      env: { ...process.env, LC_ALL: 'C', PATH: toolPath(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let late = false;
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-OUTPUT_MAX);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timers = [
      setTimeout(() => {
        late = true;
        killGroup(child.pid, 'SIGTERM');
        timers.push(setTimeout(() => killGroup(child.pid, 'SIGKILL'), KILL_MS));
      }, msMax),
    ];
    child.once('error', (cause: NodeJS.ErrnoException) => {
      timers.forEach(clearTimeout);
      reject(notStarted(path, cause));
    });
    const settle = (code: number | null, signal: NodeJS.Signals | null): void => {
      timers.forEach(clearTimeout);
      child.stdout.destroy();
      child.stderr.destroy();
      const said = output.trim();
      if (code === 0 && !late) return resolve(said);
      const how = late ? `did not end within ${msMax} ms` : `ended with ${signal ?? code}`;
      const message = `${path} ${how}${said === '' ? '' : `: ${said}`}`;
      reject(new LedgerError(late ? 'timeout' : 'refused', message, { details: { path, code, signal } }));
    };
    child.once('close', settle);
    child.once('exit', (code, signal) => {
      timers.forEach(clearTimeout);
      timers.push(setTimeout(() => settle(code, signal), LAST_WORDS_MS));
    });
  });
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

function notStarted(path: string, cause: NodeJS.ErrnoException): LedgerError {
  const details = { path, errno: cause.code };
  if (cause.code === 'ENOENT') {
    return new LedgerError('path-not-found', `${path}: there is no such hook, or its interpreter is missing`, {
      details,
      cause,
    });
  }
  if (cause.code === 'EACCES') {
    return new LedgerError('unsupported', `${path}: the hook is not executable for this user; chmod +x it`, {
      details,
      cause,
    });
  }
  return new LedgerError('unsupported', `${path}: the hook cannot be started (${cause.code ?? cause.message})`, {
    details,
    cause,
  });
}
