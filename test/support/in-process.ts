/** The command line within the test's own process, its output captured: nothing can be started there. */

import { Writable } from 'node:stream';
import { runCommandLine } from '../../src/cli/program.js';

class Capture extends Writable {
  text = '';
  isTTY = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function start(): Promise<never> {
  throw new Error('nothing is started in these tests');
}

export function nlm(...argv: string[]): Promise<Ran> {
  return run(argv, false);
}

/** With these variables in its environment. */
export function nlmIn(environment: Readonly<Record<string, string>>, ...argv: string[]): Promise<Ran> {
  return run(argv, false, environment);
}

/** As somebody sees it who looks on while it runs. */
export function nlmOnTerminal(...argv: string[]): Promise<Ran> {
  return run(argv, true);
}

async function run(argv: readonly string[], isTTY: boolean, more: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const stdout = new Capture();
  const stderr = new Capture();
  stderr.isTTY = isTTY;
  const environment = { HOME: '/dev/null', NO_COLOR: '1', ...more };
  const code = await runCommandLine({ argv, environment, stdout, stderr, release: '0.1.0', start });
  return { code, out: stdout.text, err: stderr.text };
}
