/** The command line within the test's own process, its output captured: nothing can be started there. */

import { Writable } from 'node:stream';
import { runCommandLine } from '../../src/cli/program.js';

class Capture extends Writable {
  text = '';

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

async function compose(): Promise<never> {
  throw new Error('nothing is started in these tests');
}

export async function nlm(...argv: string[]): Promise<Ran> {
  const stdout = new Capture();
  const stderr = new Capture();
  const environment = { HOME: '/nonexistent' };
  const code = await runCommandLine({ argv, environment, stdout, stderr, release: '0.1.0', compose });
  return { code, out: stdout.text, err: stderr.text };
}
