/** The demo as a new user runs it: told to its end, and interrupted on its way. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { serialNatsTest } from '../support/nats.js';

const DEMO = fileURLToPath(new URL('../../ops/demo/run.js', import.meta.url));

interface Told {
  readonly code: number | null;
  readonly text: string;
  /** What is left of it in its folder of temporary files. */
  readonly files: readonly string[];
  /** Processes that name that folder. */
  readonly processes: readonly string[];
}

/** `interruptAt`: SIGINT, and again, once it has said this. */
async function tell(t: ExecutionContext, args: readonly string[], interruptAt?: string): Promise<Told> {
  const folder = await mkdtemp(join(tmpdir(), 'demo-test-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const child = spawn(process.execPath, [DEMO, ...args], { env: { ...process.env, TMPDIR: folder, NO_COLOR: '1' } });
  t.teardown(() => {
    child.kill('SIGINT');
  });
  let text = '';
  let isInterrupted = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (interruptAt === undefined || isInterrupted || !text.includes(interruptAt)) return;
      isInterrupted = true;
      child.kill('SIGINT');
      child.kill('SIGINT');
    });
  }
  await once(child, 'close');
  return { code: child.exitCode, text, files: readdirSync(folder), processes: processesOf(folder) };
}

function processesOf(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(commandLine)
    .filter((line) => line.includes(folder));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it has ended meanwhile
  }
}

serialNatsTest('the demo tells its story to the end, and leaves nothing behind', async (t) => {
  const { code, text, files, processes } = await tell(t, []);
  t.is(code, 0, text);
  t.regex(text, /All of it as it should be/);
  t.deepEqual({ files, processes }, { files: [], processes: [] });
});

for (const moment of ['1. The cast', 'a owns both groups', '$ nlm-ledger release', '$ kill -9']) {
  serialNatsTest(`interrupted at "${moment}", the demo leaves nothing behind`, async (t) => {
    const { code, text, files, processes } = await tell(t, [], moment);
    t.is(code, 130, text);
    t.deepEqual({ files, processes }, { files: [], processes: [] });
  });
}
