import type { ExecutionContext } from 'ava';
import { openNextGeneration } from '../../src/ledger/jetstream/generation.js';
import type { NatsServer } from '../../ops/nats/server.js';
import { nlmIn, type Ran } from '../support/in-process.js';
import { serialNatsTest, PlainClient, startBusNode, startNats, until } from '../support/nats.js';
import { temporaryFolder, type TestNode } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

const FLOAT = '127.0.0.78';
const PASSWORDS = ['node', 'operator', 'auditor', 'administrator'];

interface Scene {
  readonly server: NatsServer;
  readonly node: TestNode;
  /** As an auditor: his commands read streams, and no folder. */
  readonly onNats: (...argv: string[]) => Promise<Ran>;
  readonly onFolder: (...argv: string[]) => Promise<Ran>;
}

/** A node with a group on a server with roles; two owners want one file, and a purge lets the second in. */
async function scene(t: ExecutionContext): Promise<Scene> {
  const environment: Record<string, string> = { NLM_STORE: await temporaryFolder(t) };
  for (const role of PASSWORDS) environment[`NLM_${role.toUpperCase()}_PASSWORD`] = `secret-${role}`;
  const server = await startNats(t, { config: 'ops/nats/users.conf', environment });
  const node = await startBusNode(t, server, 'a', {
    nats: { user: 'node', password: 'secret-node' },
    file: {
      exports: [{ path: '/srv/web', handle: { format: 'prefix', prefix: '66696c65' } }],
      groups: [{ name: 'web', addresses: [FLOAT], exports: ['/srv/web'], nodes: ['a'] }],
    },
  });
  await until(() => node.admin.takeovers()[0]?.port.state?.life.status === 'owned', 'a owns the group');
  const login = { NATS_PASSWORD: 'secret-auditor' };
  const where = ['--nats', server.url, '--nats-user', 'auditor', '--group', 'web'];
  return {
    server,
    node,
    onNats: (...argv) => nlmIn(login, 'audit', ...argv, ...where),
    onFolder: (...argv) => nlmIn({}, 'audit', ...argv, '--data', node.data, '--group', 'web'),
  };
}

/** Says the command id of its purge. */
async function story(t: ExecutionContext, node: TestNode): Promise<string> {
  const door = node.admin.node().listeners.find(({ address }) => address === FLOAT);
  const client = await RpcClient.tcp(FLOAT, door?.nlmPort ?? 0);
  t.is(await client.lock({ svid: 1, length: 10n }), 0);
  t.is(await client.lock({ svid: 2, oh: '2@other', length: 10n }), 1);
  const commandId = `move-${Math.random()}`;
  const order = { commandId, actor: 'test', door: 'test', reason: 'to b' };
  const selector = { type: 'address', address: FLOAT } as const;
  await node.admin.submit('web', { type: 'purge', selector, order, dryRun: false });
  t.is(await client.lock({ svid: 2, oh: '2@other', length: 10n }), 0);
  t.is(await client.unlock({ svid: 2, oh: '2@other', length: 10n }), 0);
  client.close();
  return commandId;
}

const QUESTIONS = [
  ['at', 'head'],
  ['history', '--address', FLOAT],
  ['history', '--lost'],
  ['diff', '1', 'head'],
  ['contention'],
  ['takeover'],
  ['export'],
];

serialNatsTest(
  "an auditor without a node reads the streams: each question has the answer that the node's folder gives",
  async (t) => {
    const { node, onNats, onFolder } = await scene(t);
    await story(t, node);
    for (const question of QUESTIONS) {
      const [there, here] = [await onNats(...question, '--json'), await onFolder(...question, '--json')];
      t.is(there.code, 0, `${question.join(' ')}: ${there.err}`);
      t.is(there.out, here.out, question.join(' '));
    }
    const first = JSON.parse((await onNats('at', '1', '--json')).out) as { time: string };
    const byTime = await onNats('at', first.time, '--json');
    t.is(byTime.out, (await onFolder('at', first.time, '--json')).out);
  },
);

serialNatsTest(
  'a purge on the streams is found by its command id and by its position: what it dropped, and who was let in',
  async (t) => {
    const { node, onNats, onFolder } = await scene(t);
    const commandId = await story(t, node);
    const there = await onNats('purge', commandId, '--json');
    t.is(there.code, 0, there.err);
    const purge = JSON.parse(there.out) as { position: number; rows: unknown[]; after: unknown[] };
    t.like(purge, { aim: `unlock-ip ${FLOAT}`, order: { commandId, reason: 'to b' }, counts: { locks: 1 } });
    t.like(purge.rows, { length: 1, 0: { kind: 'lock', svid: 1, serverAddress: FLOAT } });
    t.like(purge.after, { length: 1, 0: { what: 'let-in', svid: 2 } });
    const position = String(purge.position);
    for (const which of [commandId, position]) {
      for (const form of [[], ['--json']]) {
        const [streams, folder] = [await onNats('purge', which, ...form), await onFolder('purge', which, ...form)];
        t.is(streams.code, 0, streams.err);
        t.is(streams.out, folder.out);
      }
    }
    const unknown = await onNats('purge', 'move-none');
    t.is(unknown.code, 5);
    t.regex(unknown.err, /no purge has the command id "move-none"/);
    const other = await onNats('purge', '1');
    t.is(other.code, 5);
    t.regex(other.err, /position 1 of web holds no purge, but group-claimed/);
  },
);

serialNatsTest(
  'generations follow each other; where the first is deleted, what stood before is nowhere, and that is said',
  async (t) => {
    const { server, node, onNats, onFolder } = await scene(t);
    await story(t, node);
    const { connection } = await PlainClient.connect(t, server, {
      user: 'administrator',
      pass: 'secret-administrator',
    });
    await openNextGeneration(connection, 'web');
    await story(t, node);
    const [there, here] = [await onNats('export'), await onFolder('export')];
    t.is(there.code, 0, there.err);
    t.is(there.out, here.out);
    const jetstream = await connection.jetstreamManager();
    await jetstream.streams.delete('NLM_web_1');
    const early = await onNats('at', 'head');
    t.is(early.code, 5);
    t.regex(early.err, /begins at position \d+, and no checkpoint says how it stood before/);
  },
);

serialNatsTest(
  'a group that is not there, a folder beside a server, and a server that is away are told apart',
  async (t) => {
    const { server, onFolder } = await scene(t);
    const login = ['--nats', server.url, '--nats-user', 'auditor'];
    const none = await nlmIn({ NATS_PASSWORD: 'secret-auditor' }, 'audit', 'at', 'head', '--group', 'x', ...login);
    t.is(none.code, 5);
    t.regex(none.err, /no stream on this NATS server has entries of a group x/);
    t.is((await onFolder('at', 'head', ...login)).code, 2);
    const away = await nlmIn({}, 'audit', 'at', 'head', '--nats', 'nats://127.0.0.1:1');
    t.not(away.code, 0);
    t.regex(away.err, /NATS server 127\.0\.0\.1:1/);
  },
);
