import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openSocketDoor } from '../../src/doors/socket/door.js';
import { FakeNode } from '../support/fake-node.js';
import { nlm as run, type Ran } from '../support/in-process.js';

async function openNode(t: ExecutionContext): Promise<{ node: FakeNode; nlm: (...argv: string[]) => Promise<Ran> }> {
  const folder = await mkdtemp(join(tmpdir(), 'nlm-cli-'));
  const path = join(folder, 'socket');
  const node = new FakeNode();
  const log = { error: () => undefined, warn: () => undefined };
  const door = await openSocketDoor({ path, admin: node, log });
  t.teardown(async () => {
    await door.close();
    await rm(folder, { recursive: true });
  });
  return { node, nlm: (...argv) => run(...argv, '--socket', path) };
}

test('help names every command, and the exit codes', async (t) => {
  const { code, out } = await run('--help');
  t.is(code, 0);
  const commands = [
    'start',
    'status',
    'groups',
    'unlock-ip',
    'unlock-fs',
    'unlock-client',
    'unlock-lock',
    'locks',
    'waiters',
    'watch',
    'trace',
    'call',
  ];
  for (const command of commands) t.regex(out, new RegExp(`^  ${command} `, 'm'));
  t.regex(out, /Exit codes:/);
});

test('a command that is loaded alone is the one that the help of all describes', async (t) => {
  const { out } = await run('--help');
  const commands = [...out.matchAll(/^  ([a-z][a-z-]*)(?: \[options\]| <[a-z]+>| \[[a-z]+\])* {2}/gm)].map(
    ([, name]) => name!,
  );
  t.true(commands.length >= 20, commands.join(' '));
  for (const name of commands.filter((command) => command !== 'help')) {
    const alone = await run(name, '--help');
    t.is(alone.code, 0, name);
    t.is(alone.out, (await run('help', name)).out, name);
  }
});

for (const command of ['start', 'unlock-ip', 'unlock-fs', 'unlock-client', 'unlock-lock', 'locks', 'call']) {
  test(`help of ${command} has an example`, async (t) => {
    const { code, out } = await run(command, '--help');
    t.is(code, 0);
    t.regex(out, new RegExp(`nlm-ledger ${command}`));
  });
}

const misused: readonly (readonly string[])[] = [
  ['no-such-command'],
  ['unlock-ip'],
  ['locks', '--limit', '0'],
  ['locks', '--no-such-option'],
  ['unlock-lock', 'x'],
  ['start', '--nlm-port', '70000'],
  ['start', '--portmap', 'maybe'],
  ['call', 'fly'],
  ['call', 'lock'],
  ['call', 'lock', '--file', 'a', '--fh', '00'],
  ['call', 'lock', '--file', 'a', '--offset', '-1'],
  ['call', 'lock', '--file', 'a', '--length', '18446744073709551616'],
  ['call', 'notify'],
];

for (const argv of misused) {
  test(`${argv.join(' ')} is a usage error`, async (t) => {
    const { code, out, err } = await run(...argv);
    t.is(code, 2);
    t.is(out, '');
    t.not(err, '');
    t.notRegex(err, /^\s+at /m, 'no stack');
  });
}

test('without a node the exit code is 3, and the message says what to do', async (t) => {
  const { code, err } = await run('status', '--socket', '/nonexistent/socket');
  t.is(code, 3);
  t.regex(err, /no node answers/);
  t.regex(err, /nlm-ledger start/);
});

test('status exits with what the node is', async (t) => {
  const { node, nlm } = await openNode(t);
  const codes = { serving: 0, grace: 10, degraded: 11, down: 3 } as const;
  for (const status of ['serving', 'grace', 'degraded', 'down'] as const) {
    node.status = status;
    const { code, out } = await nlm('status');
    t.is(code, codes[status]);
    t.true(out.startsWith(`${status}: node a`));
  }
});

test('unlock-ip says what it dropped, and in JSON gives the reply', async (t) => {
  const { node, nlm } = await openNode(t);
  await node.lock();
  await node.lock({ handle: '0002', serverAddress: '10.1.1.3' });
  const dry = await nlm('unlock-ip', '10.1.1.2', '--dry-run');
  t.is(dry.code, 0);
  t.regex(dry.out, /^dry run: would drop 1 lock and 0 waiters on 1 file/);
  const done = await nlm('unlock-ip', '10.1.1.2', '--id', 'm-1', '--reason', 'move');
  t.regex(done.out, /^dropped 1 lock .* command m-1$/m);
  t.regex(done.out, /still pinned: \/srv\/data by 1 lock and 0 waiters, through 10\.1\.1\.3/);
  const again = await nlm('unlock-ip', '10.1.1.2', '--id', 'm-1', '--json');
  t.like(JSON.parse(again.out), { repeated: true, counts: { locks: 1 } });
});

test('--all lists what the first page of a purge leaves out', async (t) => {
  const { node, nlm } = await openNode(t);
  for (let i = 0; i < 1100; i += 1) await node.lock({ handle: i.toString(16).padStart(4, '0') });
  const { out } = await nlm('unlock-fs', '/srv/data', '--all', '--json');
  t.is(JSON.parse(out).rows.length, 1100);
});

test('a list that ends early says so', async (t) => {
  const { node, nlm } = await openNode(t);
  for (let i = 0; i < 5; i += 1) await node.lock({ handle: i.toString(16).padStart(4, '0') });
  const some = await nlm('locks', '--limit', '2');
  t.is(some.out.trim().split('\n').length, 3);
  t.regex(some.err, /--all/);
  const all = await nlm('locks', '--all', '--json');
  t.is(JSON.parse(all.out).rows.length, 5);
});

test('what the node refuses has its exit code, and in JSON its code', async (t) => {
  const { nlm } = await openNode(t);
  t.is((await nlm('unlock-ip', '010.1.1.2')).code, 2);
  t.is((await nlm('unlock-fs', '/etc')).code, 5);
  t.is((await nlm('unlock-lock', '99')).code, 5);
  const refused = await nlm('unlock-ip', '10.1.1.2', '--node', 'b', '--json');
  t.is(refused.code, 4);
  t.is(JSON.parse(refused.out).error.code, 'refused');
});

test('off a terminal there are no colours', async (t) => {
  const { node, nlm } = await openNode(t);
  await node.lock();
  await node.lock({ clientAddress: '10.1.0.8', block: true });
  const { out } = await nlm('waiters');
  t.false(out.includes('\u001b'));
  t.regex(out, /client1@10\.1\.0\.8 .* lock \d+ of client1@10\.1\.0\.7/);
});

test('the built command runs: help to stdout, errors to stderr', async (t) => {
  const help = spawn(process.execPath, ['dist/src/main.js', '--version'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [version] = await Promise.all([once(help.stdout, 'data'), once(help, 'exit')]);
  t.regex(String(version[0]), /^\d+\.\d+\.\d+/);
  const child = spawn(process.execPath, ['dist/src/main.js', 'unlock-ip'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const [message, [code]] = await Promise.all([once(child.stderr, 'data'), once(child, 'exit')]);
  t.regex(String(message[0]), /missing required argument/);
  t.is(code, 2);
});
