import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import { openControlFiles, type ControlFiles } from '../../src/doors/files/door.js';
import { FakeAdmin } from './fake-admin.js';

const LOCKS = Number(process.env['CONTROL_FILES_LOCKS'] ?? 100_000);
const SERVE = fileURLToPath(new URL('./serve.js', import.meta.url));
const SILENT = { error: () => undefined, warn: () => undefined };

/** Why the mount cannot be tried here; where it must be possible the test fails instead. */
async function whyNot(): Promise<string | undefined> {
  const must = process.env['CI'] === 'true' && process.getuid?.() === 0 && existsSync('/dev/fuse');
  const folder = await mkdtemp(join(tmpdir(), 'control-'));
  try {
    const files = await openControlFiles({ directory: join(folder, 'm'), admin: new FakeAdmin().call, log: SILENT });
    await files.close();
    return undefined;
  } catch (error) {
    if (must || !(error instanceof LedgerError) || error.code !== 'unsupported') throw error;
    return error.message;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function live(title: string, body: (t: ExecutionContext, directory: string) => Promise<void>): void {
  test.serial(title, async (t) => {
    const reason = await whyNot();
    if (reason !== undefined) {
      t.log(`not tried: ${reason}`);
      t.pass();
      return;
    }
    const folder = await mkdtemp(join(tmpdir(), 'control-'));
    t.teardown(() => rm(folder, { recursive: true, force: true }));
    await body(t, join(folder, 'm'));
  });
}

async function serving(t: ExecutionContext, directory: string, admin: FakeAdmin): Promise<ControlFiles> {
  const files = await openControlFiles({ directory, admin: admin.call, log: SILENT });
  t.teardown(() => files.close());
  return files;
}

interface Shell {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A shell in the folder of the control files, for at most 20 seconds. */
function sh(directory: string, script: string, as: { uid?: number } = {}): Promise<Shell> {
  return new Promise((resolve) => {
    const command = `cd ${directory} && ${script}`;
    const options = { timeout: 20_000, maxBuffer: 1e9, env: { ...process.env, LC_ALL: 'C' }, ...as };
    const child = execFile('bash', ['-c', command], options, (error, out, err) =>
      resolve({ code: error === null ? 0 : (child.exitCode ?? -1), out, err }),
    );
  });
}

class Server {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(t: ExecutionContext, directory: string, locks = 0) {
    this.child = spawn(process.execPath, [SERVE, directory, String(locks)], { stdio: ['pipe', 'pipe', 'ignore'] });
    const { stdout } = this.child;
    if (stdout === null) throw new Error('no output');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    t.teardown(async () => {
      await this.end('SIGKILL');
      await new Promise((resolve) => execFile('umount', ['-i', '-l', directory], resolve));
    });
  }

  async line(): Promise<string | undefined> {
    const next = await this.#lines.next();
    return next.done === true ? undefined : next.value;
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const ended = once(this.child, 'exit');
    if (signal !== undefined) this.child.kill(signal);
    await ended;
    return this.child.exitCode;
  }
}

async function mountsAt(directory: string): Promise<number> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(` ${directory} `))
    .length;
}

live('echo ADDRESS > unlock_ip orders unlock-ip, by the uid that wrote', async (t, directory) => {
  const admin = new FakeAdmin();
  await serving(t, directory, admin);
  t.deepEqual(await sh(directory, 'echo 10.1.1.2 > unlock_ip'), { code: 0, out: '', err: '' });
  t.is(
    (await sh(directory, 'echo 2001:db8::1 > unlock_ip && echo fe80::1%lo > unlock_ip && echo fe80::2%1 >> unlock_ip'))
      .err,
    '',
  );
  const [first, ...others] = admin.orders;
  t.like(first, { procedure: 'unlock-ip', actor: 'uid:0', door: 'files', request: { address: '10.1.1.2' } });
  t.deepEqual(
    others.map(({ request }) => request['address']),
    ['2001:db8::1', 'fe80::1%lo', 'fe80::2%lo'],
  );
  t.is(new Set(admin.orders.map(({ commandId }) => commandId)).size, 4);
});

live('what is no order is refused with the kernel’s errno, and reaches nobody', async (t, directory) => {
  const admin = new FakeAdmin();
  await serving(t, directory, admin);
  const refusals: [string, RegExp][] = [
    ['printf 10.1.1.2 > unlock_ip', /Invalid argument/],
    ['echo 10.1.1.2 10.1.1.3 > unlock_ip', /Invalid argument/],
    ['env printf "10.1.1.2\\n10.1.1.3\\n" > unlock_ip', /Invalid argument/],
    ['echo 010.1.1.2 > unlock_ip', /Invalid argument/],
    ['echo fe80::1 > unlock_ip', /Invalid argument/],
    ['echo > unlock_ip', /Invalid argument/],
    ['cat unlock_ip', /Invalid argument/],
    ['head -c 5000 /dev/zero > unlock_ip', /File too large/],
    ['echo srv > unlock_filesystem', /Invalid argument/],
    [`echo ${directory}/../m/groups > unlock_filesystem`, /Invalid argument/],
    ['echo /missing > unlock_filesystem', /No such file or directory/],
    ['echo /file/below > unlock_filesystem', /Not a directory/],
    ['echo /away > unlock_filesystem', /Input\/output error/],
    ['echo > groups', /Permission denied/],
    ['touch new', /Permission denied/],
    ['rm groups', /Operation not permitted/],
  ];
  for (const [script, expected] of refusals) {
    const { code, err } = await sh(directory, script);
    t.not(code, 0, script);
    t.regex(err, expected, script);
  }
  t.deepEqual(admin.orders, []);
  t.regex((await sh(directory, '{ echo 10.1.1.2 && echo 10.1.1.3; } > unlock_ip')).err, /resource busy/);
  t.is(admin.orders.length, 1, 'an open file takes one order');
  t.regex((await sh(directory, 'echo 10.9.9.1 > unlock_ip')).err, /Input\/output error/, 'the ledger is away');
});

live('a path may be escaped, and need not be exported', async (t, directory) => {
  const admin = new FakeAdmin();
  await serving(t, directory, admin);
  t.is((await sh(directory, `echo '/srv/a\\040b' > unlock_filesystem && echo /srv/ü > unlock_filesystem`)).err, '');
  t.deepEqual(
    admin.orders.map(({ request }) => [request['path'], request['force']]),
    [
      ['/srv/a b', true],
      ['/srv/ü', true],
    ],
  );
});

live('everybody may read the listings, and only root may order', async (t, directory) => {
  await serving(t, directory, new FakeAdmin());
  await sh('/', `chmod 755 ${join(directory, '..')}`);
  const as = { uid: 65534 };
  t.is((await sh(directory, 'cat grace', as)).out, 'none\n');
  t.regex((await sh(directory, 'echo 10.1.1.2 > unlock_ip', as)).err, /Permission denied/);
});

live('a shell may read line by line, and head takes the first', async (t, directory) => {
  await serving(t, directory, new FakeAdmin(600));
  t.deepEqual(await sh(directory, 'head -n 2 nlm_files | wc -l'), { code: 0, out: '2\n', err: '' });
  const script =
    '{ n=0; while read -r kind group lock rest; do n=$((n+1)); /bin/true; done; echo $n $lock; } < nlm_files; tail -n 1 nlm_files | cut -d" " -f3';
  t.is((await sh(directory, script)).out, '601\n599\n');
});

live('a long listing is streamed: what the node holds does not grow with it', async (t, directory) => {
  const server = new Server(t, directory, LOCKS);
  t.is(await server.line(), 'ready');
  await sh(directory, 'head -n 20000 nlm_files | wc -l');
  server.say('memory');
  const before = Number(await server.line());
  const started = process.hrtime.bigint();
  t.is((await sh(directory, 'cat nlm_files | wc -l')).out, `${LOCKS + 1}\n`);
  t.log(`${LOCKS} locks in ${Number((process.hrtime.bigint() - started) / 1_000_000n)} ms`);
  server.say('memory');
  const grownKiB = Number(await server.line()) - before;
  t.log(`${grownKiB} KiB more at the peak`);
  t.true(grownKiB < 64 * 1024);
  server.say('close');
  t.is(await server.line(), 'closed');
  t.is(await server.end(), 0);
});

live('two slow readers hold up neither an order nor each other', async (t, directory) => {
  const admin = new FakeAdmin(50_000);
  await serving(t, directory, admin);
  await sh(directory, 'mkfifo ../go');
  const slow = sh(directory, 'exec 3< nlm_files; head -c 1000 <&3 | wc -c; read -r _ < ../go; cat <&3 | wc -l');
  const reads = sh(directory, 'cat nlm_files | wc -l');
  for (let i = 0; i < 5; i++) t.is((await sh(directory, 'echo 10.1.1.2 > unlock_ip')).code, 0);
  t.is((await reads).out, '50001\n');
  await sh(directory, 'echo > ../go');
  t.regex((await slow).out, /^1000\n499\d\d\n$/);
  t.is(admin.orders.length, 5);
});

live('an order that waits for the ledger holds up nobody, and is answered when it is done', async (t, directory) => {
  const admin = new FakeAdmin();
  await serving(t, directory, admin);
  const arrived = admin.nextOrder();
  const waiting = sh(directory, 'echo 10.9.9.9 > unlock_ip');
  await arrived;
  t.is((await sh(directory, 'cat grace; echo 10.1.1.2 > unlock_ip; ls | wc -l')).out, 'none\n5\n');
  admin.release();
  t.is((await waiting).code, 0);
});

live('a caller that is killed while its order waits ends within a second or two', async (t, directory) => {
  const admin = new FakeAdmin();
  await serving(t, directory, admin);
  const arrived = admin.nextOrder();
  const writer = spawn('bash', ['-c', `echo 10.9.9.9 > ${directory}/unlock_ip`], { cwd: '/' });
  t.teardown(() => writer.kill('SIGKILL'));
  await arrived;
  writer.kill('SIGKILL');
  const [, signal] = (await once(writer, 'exit')) as [number | null, string | null];
  t.is(signal, 'SIGKILL');
  admin.release();
});

live('hazard 22: a stop takes the files away although somebody has them open', async (t, directory) => {
  const files = await serving(t, directory, new FakeAdmin(50_000));
  const holder = spawn('bash', [
    '-c',
    `exec 3< ${directory}/nlm_files; head -c 10 <&3 > /dev/null; echo open; read -r _; cat <&3 2>&1`,
  ]);
  t.teardown(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  t.is(await mountsAt(directory), 1);
  await files.close();
  t.is(await mountsAt(directory), 0);
  let said = '';
  holder.stdout.on('data', (text: Buffer) => (said += text.toString()));
  holder.stdin.write('\n');
  await once(holder, 'close');
  t.regex(said, /not connected/);
});

live('a stop answers the order that is under way first', async (t, directory) => {
  const admin = new FakeAdmin();
  const files = await serving(t, directory, admin);
  const arrived = admin.nextOrder();
  const waiting = sh(directory, 'echo 10.9.9.9 > unlock_ip');
  await arrived;
  const closed = files.close();
  admin.release();
  t.is((await waiting).code, 0);
  await closed;
});

live('hazard 22: a node that was killed leaves a mount, and the next start clears it', async (t, directory) => {
  const first = new Server(t, directory);
  t.is(await first.line(), 'ready');
  await first.end('SIGKILL');
  t.is(await mountsAt(directory), 1);
  t.regex((await sh('/', `cat ${directory}/grace`)).err, /not connected/);
  const admin = new FakeAdmin();
  await serving(t, directory, admin);
  t.is(await mountsAt(directory), 1);
  t.is((await sh(directory, 'echo 10.1.1.2 > unlock_ip')).code, 0);
});

live('where another node serves, a start is refused as busy and harms nothing', async (t, directory) => {
  await serving(t, directory, new FakeAdmin());
  const second = new Server(t, directory);
  t.is(await second.line(), 'busy');
  t.is((await sh(directory, 'cat grace')).out, 'none\n');
});

live('a process that exits or throws does not hang on its reading thread', async (t, directory) => {
  for (const [how, code] of [
    ['exit', 7],
    ['throw', 1],
  ] as const) {
    const server = new Server(t, directory);
    t.is(await server.line(), 'ready');
    server.say(how);
    t.is(await server.end(), code);
    t.is(await mountsAt(directory), 0);
  }
});

live('files that somebody else unmounts are off, and the node goes on', async (t, directory) => {
  const warnings = new EventEmitter();
  const log = {
    error: () => undefined,
    warn: (_details: object, message: string) => warnings.emit('warning', message),
  };
  const files = await openControlFiles({ directory, admin: new FakeAdmin().call, log });
  const warned = once(warnings, 'warning');
  await sh('/', `umount ${directory}`);
  t.regex(String((await warned)[0]), /somebody else/);
  await files.close();
  t.is(await mountsAt(directory), 0);
});

live('a folder with something in it is refused, since it would be hidden', async (t, directory) => {
  await mkdir(directory);
  await writeFile(join(directory, 'socket'), '');
  const error = await t.throwsAsync(openControlFiles({ directory, admin: new FakeAdmin().call, log: SILENT }), {
    instanceOf: LedgerError,
  });
  t.is(error?.code, 'bad-configuration');
  t.is(await mountsAt(directory), 0);
});
