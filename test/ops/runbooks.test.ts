/** The runbooks: their commands are ones that the command line has, and those for a node by itself are run on one. */

import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { nlm } from '../support/in-process.js';
import { commandsOf, FOLDER } from '../support/runbook.js';
import { freePorts, NodeProcess } from '../support/node-process.js';
import { temporaryFolder } from '../support/node.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const RUNBOOKS = readdirSync(FOLDER).filter((name) => name.endsWith('.md'));
const FAULT = 1;
const USAGE = 2;
/** What else than 0 is an answer where there is no such lock, and where the host has no rpcbind. */
const ALSO_ANSWERS: Readonly<Record<string, readonly number[]>> = { 'unlock-lock': [5], doctor: [12, 13] };

/** The same for a place where nothing is: no node, no NATS server, no backup; but a configuration, which says nothing. */
function nowhere(args: readonly string[], configuration: string): string[] {
  return args.map((word) =>
    word
      .replace(/^nats:.*/, 'nats://127.0.0.1:1')
      .replace(/^ADDRESS$/, '10.1.1.2')
      .replace(/^\/etc\/.*\.json$/, configuration)
      .replace(/^FOLDER$|^\/backup\/.*/, '/dev/null/backup'),
  );
}

for (const name of RUNBOOKS) {
  test(`${name}: the command line takes each of its commands`, async (t) => {
    const commands = commandsOf(name);
    t.true(commands.length > 0);
    const configuration = join(await temporaryFolder(t), 'configuration.json');
    await writeFile(configuration, '{}');
    for (const args of commands) {
      // It would look at this host for long, and has no options here.
      const { code, err } = await nlm(...(args[0] === 'doctor' ? [...args, '--help'] : nowhere(args, configuration)));
      const line = `nlm-ledger ${args.join(' ')}: ${err}`;
      t.not(code, USAGE, line);
      // What it is composed of is not there in these tests: it came as far as that.
      if (args[0] !== 'start') t.not(code, FAULT, line);
    }
  });

  test(`${name}: every file that it points to is there`, (t) => {
    const text = readFileSync(join(FOLDER, name), 'utf8');
    for (const [, path = ''] of text.matchAll(/\]\(([^)#:]+)\)/g)) t.true(existsSync(join(FOLDER, path)), path);
    t.pass();
  });
}

test('stuck-lock.md, from its first command to its last, on a node with a holder and a waiter', async (t) => {
  const state = await temporaryFolder(t);
  const data = join(state, 'nlm-ledger');
  await mkdir(data);
  const [nlmPort, nsmPort] = await freePorts(2);
  const node = new NodeProcess({ data, nlmPort, nsmPort, nsm: 'own' });
  node.spawn();
  t.teardown(() => node.end('SIGTERM'));
  await node.serving();
  const environment = { PATH: dirname(process.execPath), HOME: state, XDG_STATE_HOME: state };
  const run = (args: readonly string[]) =>
    new Promise<{ code: number; out: string }>((resolve) => {
      execFile(process.execPath, [MAIN, ...args], { env: environment }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, out: stdout + stderr });
      });
    });
  const call = ['call', 'lock', '--file', 'report', '--port', String(nlmPort)];
  t.is((await run([...call, '--caller', 'client1'])).code, 0);
  for (const args of commandsOf('stuck-lock.md')) {
    const { code, out } = await run(args);
    t.true([0, ...(ALSO_ANSWERS[args[0] ?? ''] ?? [])].includes(code), `${args.join(' ')}: ${code}: ${out}`);
  }
  // The runbook has freed what client1 held.
  t.is((await run([...call, '--caller', 'client2'])).code, 0);
});
