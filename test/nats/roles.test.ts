/** The server configurations of ops/nats on a real server: what each role may do, and the ways to log in. */

import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { Events, nkeyAuthenticator, nkeys, type ConnectionOptions } from 'nats';
import { NatsServer } from '../../ops/nats/server.js';
import { nlm } from '../support/in-process.js';
import { credentials } from '../support/nats-jwt.js';
import { natsTest, PlainClient, startBusNode, startNats, until } from '../support/nats.js';
import { temporaryFolder } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

type Role = 'node' | 'operator' | 'auditor' | 'administrator';

const ROLES: readonly Role[] = ['node', 'operator', 'auditor', 'administrator'];

async function usersServer(t: ExecutionContext): Promise<NatsServer> {
  const environment: Record<string, string> = { NLM_STORE: await temporaryFolder(t) };
  for (const role of ROLES) environment[`NLM_${role.toUpperCase()}_PASSWORD`] = `secret-${role}`;
  return startNats(t, { config: 'ops/nats/users.conf', environment });
}

function as(t: ExecutionContext, server: NatsServer, role: Role): Promise<PlainClient> {
  return PlainClient.connect(t, server, { user: role, pass: `secret-${role}` });
}

/** Whether the server takes what this client publishes on the subject. */
async function mayPublish({ connection }: PlainClient, subject: string, payload = ''): Promise<boolean> {
  let refused = false;
  const refusal = (async () => {
    for await (const { type, permissionContext } of connection.status()) {
      if (type === Events.Error && permissionContext?.subject === subject) {
        refused = true;
        return;
      }
    }
  })();
  connection.publish(subject, payload);
  // The refusal comes before the answer to the PING.
  await connection.flush();
  await Promise.race([refusal, new Promise((resolve) => setImmediate(resolve))]);
  return !refused;
}

natsTest('an operator unlocks, an auditor only reads', async (t) => {
  const server = await usersServer(t);
  const nats = { user: 'node', password: 'secret-node' };
  const node = await startBusNode(t, server, 'a', { nats });
  const rpc = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => rpc.close());
  t.is(await rpc.lock({ file: 'x' }), 0);
  const [operator, auditor] = await Promise.all([as(t, server, 'operator'), as(t, server, 'auditor')]);
  t.like(await auditor.one('nlm.files', {}), { error: '', node: 'a' });
  for (const subject of ['nlm.unlock-ip', 'nlm.unlock-fs', 'nlm.unlock-client', 'nlm.unlock-lock']) {
    t.false(await mayPublish(auditor, subject, '{"address":"127.0.0.1"}'), subject);
  }
  t.false(await mayPublish(auditor, 'nlm.group.default.release'));
  t.is(node.admin.groups()[0]?.state?.lockCount, 1);
  t.like(await operator.one('nlm.unlock-ip', { address: '127.0.0.1' }), { error: '', body: { counts: { locks: 1 } } });
});

natsTest('nobody but a node writes the ledger or publishes events; who may read them does', async (t) => {
  const server = await usersServer(t);
  const clients = new Map(await Promise.all(ROLES.map(async (role) => [role, await as(t, server, role)] as const)));
  const { connection } = await as(t, server, 'auditor');
  const read = connection.subscribe('nlm.ledger.default', { max: 1 });
  await connection.flush();
  for (const subject of ['nlm.events.default', 'nlm.ledger.default']) {
    for (const [role, client] of clients) {
      t.is(
        await mayPublish(client, subject, 'entry'),
        role === 'node' || role === 'administrator',
        `${role} ${subject}`,
      );
    }
  }
  for await (const { data } of read) t.is(Buffer.from(data).toString(), 'entry');
});

natsTest('only the administrator deletes, purges or updates a stream (hazard 20)', async (t) => {
  const server = await usersServer(t);
  const node = await as(t, server, 'node');
  const stream = { name: 'NLM_default_1', subjects: ['nlm.ledger.default'], max_msgs: -1 };
  const made = await node.connection.request('$JS.API.STREAM.CREATE.NLM_default_1', JSON.stringify(stream));
  t.is(made.json<{ error?: object }>().error, undefined);
  await node.connection.request('nlm.ledger.default', 'entry');
  for (const role of ['node', 'operator', 'auditor'] as const) {
    const client = await as(t, server, role);
    for (const verb of ['DELETE', 'PURGE', 'UPDATE', 'SNAPSHOT', 'RESTORE', 'MSG.DELETE']) {
      t.false(await mayPublish(client, `$JS.API.STREAM.${verb}.NLM_default_1`, '{"seq":1}'), `${role} ${verb}`);
    }
    t.false(await mayPublish(client, '$JS.API.STREAM.LEADER.STEPDOWN.NLM_default_1'), role);
  }
  const info = async (): Promise<{ state: { messages: number } }> =>
    (await node.connection.request('$JS.API.STREAM.INFO.NLM_default_1')).json();
  t.is((await info()).state.messages, 1);
  const administrator = await as(t, server, 'administrator');
  const purged = await administrator.connection.request('$JS.API.STREAM.PURGE.NLM_default_1');
  t.like(purged.json(), { success: true });
  t.is((await info()).state.messages, 0);
});

natsTest('the configurations of one of three servers, and of a witness, are taken by the server', async (t) => {
  const environment: Record<string, string> = { NLM_NAME: 'nats-1', NLM_STORE: await temporaryFolder(t) };
  for (const role of ROLES) environment[`NLM_${role.toUpperCase()}_PASSWORD`] = `secret-${role}`;
  environment['NLM_ROUTES'] = '["nats://nats-1:6222", "nats://nats-2:6222", "nats://nats-3:6222"]';
  for (const name of ['three-nodes.conf', 'witness.conf']) {
    const { stderr } = await promisify(execFile)('nats-server', ['-t', '-c', `ops/nats/${name}`], {
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin`, ...environment },
    });
    t.true(stderr.includes(`${name} is valid`), stderr);
  }
});

natsTest('a node that may not subscribe says so in its status', async (t) => {
  const server = await usersServer(t);
  const node = await startBusNode(t, server, 'a', { nats: { user: 'auditor', password: 'secret-auditor' } });
  await until(() => node.notes().some((note) => note.startsWith('NATS:')), 'the note');
  t.regex(node.notes().join('\n'), /NATS: (the server does not let this node|orders are not taken)/);
});

natsTest('a wrong password is told as a refusal, and tried again', async (t) => {
  const server = await usersServer(t);
  const node = await startBusNode(t, server, 'a', { nats: { user: 'node', password: 'wrong' }, waits: false });
  await until(() => node.notes().some((note) => note.includes('refuses this user')), 'the note');
  t.regex(node.notes().join('\n'), /NATS is away.*refuses this user: 'Authorization Violation'/);
  for (const user of [[], ['--nats-user', 'operator']]) {
    const ran = await nlm('status', '--nats', server.url, ...user);
    t.is(ran.code, 4);
    t.regex(ran.err, /refuses this user/);
  }
});

natsTest('nkeys: the server knows public halves alone', async (t) => {
  const folder = await temporaryFolder(t);
  const environment: Record<string, string> = { NLM_STORE: folder };
  const seeds = new Map<Role, Uint8Array>();
  for (const role of ROLES) {
    const pair = nkeys.createUser();
    seeds.set(role, pair.getSeed());
    environment[`NLM_${role.toUpperCase()}_NKEY`] = pair.getPublicKey();
    await writeFile(join(folder, role), pair.getSeed());
  }
  const server = await startNats(t, { config: 'ops/nats/nkeys.conf', environment });
  const node = await startBusNode(t, server, 'a', { nats: { nkeySeed: join(folder, 'node') } });
  t.is(node.admin.node().counters['natsConnected'], 1);
  const options: ConnectionOptions = { authenticator: nkeyAuthenticator(seeds.get('auditor') ?? new Uint8Array()) };
  t.false(await mayPublish(await PlainClient.connect(t, server, options), 'nlm.unlock-ip'));
  const order = ['unlock-ip', '10.1.1.2', '--nats', server.url, '--nkey'];
  t.is((await nlm(...order, join(folder, 'operator'))).code, 0);
  const refused = await nlm(...order, join(folder, 'auditor'));
  t.is(refused.code, 4);
  t.regex(refused.err, /does not let this user publish on nlm\.unlock-ip/);
  t.is((await nlm(...order, join(folder, 'nobody'))).code, 2);
});

/** A certificate authority, and certificates for `localhost` and for a client. */
async function certificates(folder: string): Promise<void> {
  const run = (...args: string[]): Promise<unknown> => promisify(execFile)('openssl', args, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await run('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca');
  for (const [name, alternative] of [
    ['server', 'DNS:localhost,IP:127.0.0.1'],
    ['client', 'DNS:client'],
    ['other', 'DNS:elsewhere'],
  ] as const) {
    await run('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    await writeFile(join(folder, `${name}.ext`), `subjectAltName=${alternative}\n`);
    const signing = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`];
    await run('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, ...signing);
  }
}

async function tlsServer(t: ExecutionContext, folder: string, name: string): Promise<NatsServer> {
  const config = join(folder, `${name}.conf`);
  await writeFile(config, `include '${relative(folder, 'ops/nats/tls.conf')}'\n`);
  const path = (file: string): string => join(folder, file);
  const environment = {
    NLM_TLS_CERT: path(`${name}.pem`),
    NLM_TLS_KEY: path(`${name}.key`),
    NLM_TLS_CA: path('ca.pem'),
  };
  return startNats(t, { config, environment });
}

natsTest(
  'TLS: node and command line log in with certificates, by name and by address; another server is refused',
  async (t) => {
    const folder = await temporaryFolder(t);
    await certificates(folder);
    const path = (file: string): string => join(folder, file);
    const tls = { ca: path('ca.pem'), cert: path('client.pem'), key: path('client.key') };
    const files = ['--tls-ca', tls.ca, '--tls-cert', tls.cert, '--tls-key', tls.key];
    const server = await tlsServer(t, folder, 'server');
    for (const host of ['localhost', '127.0.0.1']) {
      const url = `tls://${host}:${server.port}`;
      const node = await startBusNode(t, { url }, `at-${host}`, { nats: { tls } });
      t.is(node.admin.node().counters['natsConnected'], 1, node.notes().join('\n'));
      t.is((await nlm('status', '--nats', url, ...files)).code, 0);
      await node.close();
    }
    const stranger = await nlm('status', '--nats', `localhost:${server.port}`, '--tls-ca', tls.ca);
    t.is(stranger.code, 3, 'the server asks for a certificate');

    const other = await tlsServer(t, folder, 'other');
    for (const host of ['localhost', '127.0.0.1']) {
      const ran = await nlm('status', '--nats', `${host}:${other.port}`, ...files);
      t.is(ran.code, 3);
      t.regex(ran.err, /certificate's altnames/);
    }
    const plain = await startNats(t);
    const ran = await nlm('status', '--nats', `tls://127.0.0.1:${plain.port}`);
    t.is(ran.code, 3);
    t.regex(ran.err, /offers no TLS/);
  },
);

natsTest('credentials files: a server that trusts an operator knows its users by their JWTs', async (t) => {
  const folder = await temporaryFolder(t);
  const { config, node, operator } = credentials();
  await writeFile(join(folder, 'nats.conf'), config);
  await writeFile(join(folder, 'node.creds'), node);
  await writeFile(join(folder, 'operator.creds'), operator);
  const server = await startNats(t, { config: join(folder, 'nats.conf') });
  const bus = await startBusNode(t, server, 'a', { nats: { credentials: join(folder, 'node.creds') } });
  t.is(bus.admin.node().counters['natsConnected'], 1, bus.notes().join('\n'));
  const ran = await nlm('unlock-ip', '10.1.1.2', '--nats', server.url, '--creds', join(folder, 'operator.creds'));
  t.is(ran.code, 0, ran.err);
  t.is((await nlm('status', '--nats', server.url)).code, 4);
});
