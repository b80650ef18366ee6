import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Bus } from '../../src/bus/bus.js';
import { openNatsDoor } from '../../src/doors/nats/door.js';
import { openSocketDoor } from '../../src/doors/socket/door.js';
import { lock, order } from '../support/commands.js';
import { nlm, nlmOnTerminal } from '../support/in-process.js';
import { natsTest, PlainClient, startNats } from '../support/nats.js';
import { FLOAT, Scene } from './member.js';
import { SharingNode } from './sharing-node.js';

const LOG = { error: () => undefined, warn: () => undefined };

async function cluster(t: ExecutionContext, names: readonly string[] = ['a', 'b']) {
  const made = new Scene(t);
  const members = names.map((name) => made.node(name, { nodes: names }));
  await members[0]!.own(order('start-a'));
  await members[0]!.ask(lock({ to: FLOAT }));
  const sockets: string[] = [];
  for (const [index, name] of names.entries()) {
    const path = join(made.folder, `${name}.sock`);
    const door = await openSocketDoor({ path, admin: new SharingNode(name, members[index]!), log: LOG });
    t.teardown(() => door.close());
    sockets.push(path);
  }
  return { made, members, sockets };
}

test('release and take at their nodes: the end is told with every step, and groups shows who owns what', async (t) => {
  const { sockets } = await cluster(t);
  const [a, b] = sockets as [string, string];
  const released = await nlm('release', 'web', '--reason', 'maintenance', '--socket', a);
  t.is(released.code, 0, released.err);
  t.regex(released.out, /^group web: released by a, epoch 1/);
  t.regex(released.out, /^a {2}address-down +done +\d+ ms {2}did address-down$/m);
  t.regex(released.out, /^a {2}purge-addresses +done +\d+ ms {2}10\.1\.1\.2: 1 locks, 0 shares to be reclaimed$/m);
  const taken = await nlm('take', 'web', '--socket', b);
  t.is(taken.code, 0, taken.err);
  t.regex(taken.out, /^group web: owned by b, epoch 2, position \d+; this node is owning, 0 entries behind$/m);
  t.regex(taken.out, /^ {2}takeover 2 from a, the reclaim way, \d\.\d s ago; 0 reclaimed, 0 missed, 1 expected yet$/m);
  const groups = await nlm('groups', '--socket', a);
  t.regex(groups.out, /^group web: owned by b, epoch 2, .*this node is following/m);
  const json = JSON.parse((await nlm('take', 'web', '--json', '--socket', b)).out) as { status: string };
  t.is(json.status, 'owned');
});

test('on a terminal each step is shown as it ends', async (t) => {
  const { sockets } = await cluster(t);
  const { code, out, err } = await nlmOnTerminal('release', 'web', '--socket', sockets[0]!);
  t.is(code, 0);
  t.regex(err, /^a {2}address-down +done/);
  t.regex(err, /unmount +skipped/);
  t.is(out.split('\n').length, 3);
});

test('a step that fails ends the command with what failed and what to do, by its exit code', async (t) => {
  const { made, sockets } = await cluster(t);
  made.fail('unexport', true);
  const { code, err } = await nlm('release', 'web', '--socket', sockets[0]!);
  t.is(code, 4);
  t.regex(
    err,
    /group web stopped at step unexport: .*hook ended with 1: did unexport; mend it and give the same order/,
  );
  const groups = await nlm('groups', '--socket', sockets[1]!);
  t.regex(groups.out, /being released by a/);
  t.regex(groups.out, /stopped at unexport/);
});

test('orders that are not for this node, and groups that it does not share, have their exit codes', async (t) => {
  const [, b] = (await cluster(t)).sockets;
  t.is((await nlm('release', 'web', '--socket', b!)).code, 4);
  t.is((await nlm('take', 'web', '--socket', b!)).code, 4);
  t.is((await nlm('take', 'other', '--socket', b!)).code, 5);
  t.is((await nlm('take', 'web', '--way', 'sideways', '--socket', b!)).code, 2);
});

natsTest('from any node: the one that is meant answers, the others do not spoil it', async (t) => {
  const server = await startNats(t);
  const { members } = await cluster(t, ['a', 'b', 'c']);
  for (const [index, node] of ['a', 'b', 'c'].entries()) {
    const bus = new Bus({ servers: [server.url], name: node }, { onUp: () => undefined, onDown: () => undefined });
    const admin = new SharingNode(node, members[index]!);
    const facts = { node, release: '0.1.0', eventsFormat: 'json', log: LOG, note: () => undefined } as const;
    const door = openNatsDoor({ bus, admin, ...facts });
    await bus.start(5000);
    t.teardown(async () => {
      await door.close();
      await bus.close();
    });
  }
  const cli = ['--nats', server.url];
  const released = await nlm('release', 'web', '--id', 'r1', ...cli);
  t.is(released.code, 0, released.out);
  t.regex(released.out, /^node a:\n {2}group web: released by a/);
  t.notRegex(released.out, /node [bc]:/);
  const ambiguous = await nlm('take', 'web', ...cli);
  t.is(ambiguous.code, 4);
  t.regex(ambiguous.out, /name the node that takes it: b, c/);
  const taken = await nlmOnTerminal('take', 'web', '--node', 'c', ...cli);
  t.is(taken.code, 0, taken.out);
  t.regex(taken.out, /group web: owned by c/);
  t.regex(taken.err, /^c {2}serve +done/m);
  const client = await PlainClient.connect(t, server);
  const answers = await client.ask('nlm.group.web.status', '', 3);
  t.deepEqual(
    answers.map(({ node, body }) => [node, (body['groups'] as { owner: string }[])[0]?.owner]),
    [
      ['a', 'c'],
      ['b', 'c'],
      ['c', 'c'],
    ],
  );
  const other = await client.one('nlm.group.web.status', { group: 'other' });
  t.like(other, { error: '400', body: { code: 'bad-request' } });
});
