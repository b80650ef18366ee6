/** The control files, written and read by shells on the server while two clients hold locks. */
import test, { type ExecutionContext } from 'ava';
import { clients, floating, floating6, otherFloating } from './harness/addresses.js';
import { locks } from './harness/admin.js';
import { until } from './harness/events.js';
import { controlFolder } from './harness/node.js';
import type { Finished } from './harness/process.js';
import { holding, oursOnly, packetsDecode, useWorld } from './harness/suite.js';
import { exportOne, exportTwo } from './harness/server.js';

const world = useWorld();

// client1 comes in through one floating address (suite.ts), client2 through the other; both also over IPv6.
test.before(async () => {
  const { client1, client2 } = world();
  await client1.mount(floating, exportTwo, '/mnt/two');
  await client2.mount(otherFloating, exportOne, '/mnt/other/one');
  await client2.mount(otherFloating, exportTwo, '/mnt/other/two');
  await client1.mount(floating6, exportOne, '/mnt/six');
});

/** A shell on the server, in the folder of the control files. */
function shell(script: string, as: readonly string[] = []): Promise<Finished> {
  const inside = `cd ${controlFolder} && ${script}`;
  return world().server.attempt([...as, 'env', 'LC_ALL=C', 'bash', '-c', inside]);
}

async function read(file: string): Promise<string[][]> {
  const { code, stdout, stderr } = await shell(`cat ${file}`);
  if (code !== 0) throw new Error(`${file}: ${stderr}`);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' '));
}

async function written(t: ExecutionContext, script: string, as: readonly string[] = []): Promise<void> {
  t.like(await shell(script, as), { code: 0, stderr: '' }, script);
}

async function noLocks(): Promise<void> {
  await until('no lock', 10_000, async () => (await locks(world().node)).length === 0);
}

oursOnly('echo ADDRESS > unlock_ip drops what came in there, and calls back who waited for it', async (t) => {
  const { client1, client2 } = world();
  const [name, other] = [world().file(''), world().file('')];
  const a = await holding(client1, `/mnt/one${name}`);
  await a.open(1, `/mnt/two${other}`);
  const b = await holding(client2, `/mnt/other/one${name}`);
  const watcher = await holding(client1, `/mnt/one${name}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await a.do('lock 1 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 20 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  await written(t, `echo ${floating} >unlock_ip`);
  t.is((await b.finish(wait, 'the wait', 20_000)).result, 'OK');
  t.is(await watcher.do('test 0 w 20 10'), 'HELD w 20 10');
  t.deepEqual(new Set((await locks(world().node)).map(({ client }) => client)), new Set(['client2']));
  await written(t, `echo ${floating} >unlock_ip`); // nothing is there any more: no error, as in the kernel
  await Promise.all([a.kill(), b.kill(), watcher.kill()]);
  await noLocks();
});

oursOnly('echo of an IPv6 address drops what came in over IPv6, and nothing else', async (t) => {
  const { client1, client2 } = world();
  const name = world().file('');
  const a = await holding(client1, `/mnt/six${name}`);
  const c = await holding(client1, `/mnt/one${name}`);
  const b = await holding(client2, `/mnt/other/one${name}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await c.do('lock 0 w 20 10'), 'OK');
  const wait = await b.wait('wait 0 w 0 10');
  await written(t, `echo fd77:0:0::0100 >unlock_ip`); // another way to write it
  t.is((await b.finish(wait, 'the wait', 20_000)).result, 'OK');
  t.is(await b.do('test 0 w 20 10'), 'HELD w 20 10');
  await Promise.all([a.kill(), b.kill(), c.kill()]);
  await noLocks();
});

oursOnly('echo PATH > unlock_filesystem drops every lock of the file system, through whatever address', async (t) => {
  const { client1, client2 } = world();
  const [name, other] = [world().file(''), world().file('')];
  const a = await holding(client1, `/mnt/one${name}`);
  const b = await holding(client2, `/mnt/other/one${other}`);
  const watcher = await holding(client2, `/mnt/other/two${other}`);
  await a.open(1, `/mnt/two${other}`);
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  t.is(await a.do('lock 1 w 0 10'), 'OK');
  t.is(await b.do('lock 0 w 20 10'), 'OK');
  await client1.run('mkdir -p "/mnt/one/a b"');
  await written(t, `echo '${exportOne}/a\\040b' >unlock_filesystem`);
  t.is(await watcher.do('test 0 w 0 10'), 'HELD w 0 10');
  t.deepEqual(
    (await locks(world().node)).map(({ client, start, end }) => [client, start, end]),
    [['client1', '0', '9']],
  );
  await Promise.all([a.kill(), b.kill(), watcher.kill()]);
  await noLocks();
});

oursOnly('what is wrong is answered with the errno of the kernel, and drops nothing', async (t) => {
  const { client1 } = world();
  const a = await holding(client1, world().file());
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  await client1.run('touch /mnt/one/plain');
  const refused = [
    [`printf %s ${floating} >unlock_ip`, 'Invalid argument'],
    [`echo ${floating} and more >unlock_ip`, 'Invalid argument'],
    ['echo junk >unlock_ip', 'Invalid argument'],
    ['echo 10.77.0 >unlock_ip', 'Invalid argument'],
    ['echo 10.77.0.0/24 >unlock_ip', 'Invalid argument'],
    ['echo >unlock_ip', 'Invalid argument'],
    [`printf %s ${exportOne} >unlock_filesystem`, 'Invalid argument'],
    [`echo ${exportOne} ${exportTwo} >unlock_filesystem`, 'Invalid argument'],
    [`echo ${exportOne}/nothing >unlock_filesystem`, 'No such file or directory'],
    [`echo ${exportOne}/plain/below >unlock_filesystem`, 'Not a directory'],
    ['echo x >nlm_files', 'Permission denied'],
    ['echo x >other', ''],
  ] as const;
  for (const [script, complaint] of refused) {
    const { code, stderr } = await shell(script);
    t.not(code, 0, script);
    t.true(stderr.trimEnd().endsWith(complaint), `${script}: ${stderr}`);
  }
  t.is((await locks(world().node)).length, 1);
  await a.kill();
});

oursOnly('nlm_files shows who holds and who waits, groups and grace how things stand', async (t) => {
  const { client1, client2 } = world();
  const name = world().file('');
  const a = await holding(client1, `/mnt/one${name}`);
  const b = await holding(client2, `/mnt/other/one${name}`);
  t.is(await a.do('lock 0 w 5 10'), 'OK');
  const wait = await b.wait('wait 0 r 0 0');
  const [titles = [], ...rows] = await read('nlm_files');
  const shown = rows.map((row) => Object.fromEntries(row.map((value, index) => [titles[index + 1] ?? '', value])));
  t.is(shown.length, 2);
  t.like(shown[0], { kind: 'lock', mode: 'write', start: '5', end: '14', client: 'client1' });
  t.like(shown[0], { client_address: clients.client1.ip4, server_address: floating });
  t.like(shown[1], { kind: 'waiter', mode: 'read', start: '0', end: 'eof', client: 'client2' });
  t.like(shown[1], { client_address: clients.client2.ip4, server_address: otherFloating });
  const [columns = [], group = []] = await read('groups');
  t.is(group[columns.indexOf('locks') - 1], '1');
  t.is(group[columns.indexOf('waiters') - 1], '1');
  t.deepEqual(await read('grace'), [['none']]);
  await a.kill();
  t.is((await b.finish(wait)).result, 'OK');
  await b.kill();
  await noLocks();
});

oursOnly('the ledger names the uid that wrote', async (t) => {
  const { client1, node } = world();
  const a = await holding(client1, world().file());
  const someone = ['setpriv', '--reuid=4711', '--clear-groups', '--inh-caps=+dac_override'];
  someone.push('--ambient-caps=+dac_override');
  t.is(await a.do('lock 0 w 0 10'), 'OK');
  await written(t, `echo ${floating} >unlock_ip`, someone);
  t.is(await a.do('lock 0 w 20 10'), 'OK');
  await written(t, `echo ${exportOne} >unlock_filesystem`);
  const [byAddress, byFileSystem] = (await node.ledger(['dump']))
    .split('\n')
    .filter((line) => line.includes('control file'))
    .slice(-2);
  t.regex(byAddress ?? '', /uid:4711/);
  t.regex(byAddress ?? '', /control file unlock_ip/);
  t.regex(byFileSystem ?? '', /uid:0/);
  t.regex(byFileSystem ?? '', /control file unlock_filesystem/);
  const refused = await shell(`echo ${floating} >unlock_ip`, ['setpriv', '--reuid=4711', '--clear-groups']);
  t.regex(refused.stderr, /Permission denied/);
  await a.kill();
});

/** Mounts on the folder, as the server's kernel has them. */
async function mounts(): Promise<number> {
  const table = await world().server.run(['cat', '/proc/mounts']);
  return table.split('\n').filter((line) => line.split(' ')[1] === controlFolder).length;
}

oursOnly(
  'the mount of a killed node is cleared by the next start, although it is in use; a stop leaves none',
  async (t) => {
    const { client1, node, server } = world();
    const a = await holding(client1, world().file());
    t.is(await a.do('lock 0 w 0 10'), 'OK');
    const busy = server.daemon(
      'reader',
      server.words([
        'bash',
        '-c',
        `cd ${controlFolder} && exec 3<nlm_files && read -u 3 && touch /run/reads && sleep 600`,
      ]),
    );
    await until(
      'the reader reads',
      10_000,
      async () => (await server.attempt(['test', '-e', '/run/reads'])).code === 0,
    );
    t.is(await mounts(), 1);
    await node.kill();
    t.is(await mounts(), 1);
    t.regex((await shell('cat nlm_files')).stderr, /Transport endpoint is not connected/);
    await node.start();
    t.is(await mounts(), 1);
    await written(t, `echo ${floating} >unlock_ip`);
    t.is((await locks(node)).length, 0);
    await busy.stop('SIGKILL');
    await node.stop();
    t.is(await mounts(), 0);
    t.is(await server.run(['ls', '-A', controlFolder]), '');
    await node.start();
    t.is(await mounts(), 1);
    t.deepEqual(await read('grace'), [['none']]);
    await a.kill();
  },
);

packetsDecode(world);
