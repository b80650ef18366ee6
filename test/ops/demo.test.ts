/** The demo as a new user runs it: told to its end, and interrupted on its way. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { serialNatsTest } from '../support/nats.js';

const DEMO = fileURLToPath(new URL('../../ops/demo/run.js', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));

interface Told {
  readonly code: number | null;
  readonly text: string;
  /** Of its temporary files. */
  readonly folder: string;
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
  return { code: child.exitCode, text, folder, files: readdirSync(folder), processes: processesOf(folder) };
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

/** The commands of README.md that ask a kept ledger of the demo, in their order. */
function auditorsCommands(): string[] {
  const [, section = ''] = readFileSync('README.md', 'utf8').split('## Who broke this lock?');
  const [walk = ''] = section.split('| command | answers |');
  return Array.from(walk.matchAll(/^ {4}npx nlm-ledger (.*?)(?: +#.*)?$/gm), ([, command = '']) => command);
}

serialNatsTest('--keep leaves the ledgers, and README.md says how to find and prove who broke a lock', async (t) => {
  const { code, text, folder, files, processes } = await tell(t, ['--keep']);
  t.is(code, 0, text);
  t.deepEqual({ count: files.length, processes }, { count: 1, processes: [] });
  const demo = join(folder, files[0] ?? '');
  const run = async (command: string): Promise<string> => {
    const line = command.replaceAll('$DEMO', demo);
    return (await promisify(execFile)(process.execPath, [MAIN, ...line.split(' ')], { cwd: folder })).stdout;
  };
  const [history = '', makeKey = '', ...others] = auditorsCommands();
  t.is(others.length, 3);
  const lost = await run(history);
  const [, position = ''] = /LOST .* ordered by .* at position (\d+), command move-1, "to server b"/.exec(lost) ?? [];
  const key = (await run(makeKey)).trim();
  let said = '';
  for (const command of others) said = await run(command.replace('prove 21', `prove ${position}`).replace('N...', key));
  t.regex(said, new RegExp(`^proved: the entry at position ${position} is one of the \\d+ of nlm-ledger/home`));
  t.regex(said, /"type":"address-unlocked".*"commandId":"move-1"/);
});

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
