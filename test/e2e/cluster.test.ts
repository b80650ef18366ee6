/** A group moves between two servers, planned and not, while real clients hold, wait and contend. */
import test, { type ExecutionContext } from 'ava';
import { graces, locks } from './harness/admin.js';
import { Cluster, goneMs, groups, type GroupName, type Life, type Member } from './harness/cluster.js';
import { until } from './harness/events.js';
import { conflictsOf, History } from './harness/history.js';
import {
  begin as beginScene,
  holding,
  newFile,
  Pulse,
  settle as settleScene,
  show,
  type Scene,
} from './harness/takeover-scene.js';
import { freeze } from '../support/nats.js';

let world: Cluster | undefined;
const history = new History();
const cluster = (): Cluster => {
  if (world === undefined) throw new Error('the cluster is not up');
  return world;
};

test.before(async () => {
  world = await Cluster.create();
});
test.after.always(async () => world?.close());
test.afterEach.always((t) => {
  if (!t.passed) t.log(world?.evidence());
});

const begin = (t: ExecutionContext, group: GroupName, owner: Member): Promise<Scene> =>
  beginScene(t, cluster(), history, group, owner);
const settle = (t: ExecutionContext, group: GroupName, scene: Scene, owner: Member): Promise<void> =>
  settleScene(t, cluster(), group, scene, owner);

async function unnoticed(t: ExecutionContext): Promise<void> {
  for (const guest of cluster().guests) t.is(await guest.run('dmesg | grep -i lockd || true'), '');
}

async function move(group: GroupName, from: Member, to: Member, words: readonly string[] = []): Promise<Life> {
  const released = from.node.command(['release', group, ...words]);
  // It waits two seconds for the release, which may take longer on a busy machine.
  const taken = to.node.attempt(['take', group, ...words]);
  await released;
  if ((await taken).code !== 0) await to.node.command(['take', group, ...words]);
  return to.serves(group);
}

/** Waits until the node knows that another owns the group. */
async function follows(member: Member, group: GroupName, owner: Member): Promise<void> {
  await until(`${member.name} stands by`, 60_000, async () => {
    const life = await member.life(group);
    return life?.role === 'following' && life.owner === owner.name;
  });
}

test.serial('the judge sees two that held at the same time what excludes each other, and nothing else', (t) => {
  const one = { owner: 'a', file: 'f', exclusive: true, first: 0, last: 9, from: 1, to: 3 };
  const other = { ...one, owner: 'b', first: 9, last: 20, from: 2, to: 4 };
  t.is(conflictsOf([one, other]).length, 1);
  t.is(conflictsOf([one, { ...other, exclusive: false }]).length, 1);
  for (const harmless of [{ from: 3 }, { first: 10 }, { file: 'g' }, { owner: 'a' }]) {
    t.deepEqual(conflictsOf([one, { ...other, ...harmless }]), []);
  }
  t.deepEqual(
    conflictsOf([
      { ...one, exclusive: false },
      { ...other, exclusive: false },
    ]),
    [],
  );
});

test.serial(
  'planned, the carry way: no lock is lost, none held twice, and who waited is served on the other',
  async (t) => {
    const { a, b } = cluster();
    const scene = await begin(t, 'one', a);
    show(t, await move('one', a, b));
    await settle(t, 'one', scene, b);
    await unnoticed(t);
  },
);

test.serial('moved back, and there again at once: no client hangs', async (t) => {
  const { a, b } = cluster();
  const scene = await begin(t, 'one', b);
  await move('one', b, a);
  show(t, await move('one', a, b));
  await settle(t, 'one', scene, b);
  await unnoticed(t);
});

test.serial('planned, the reclaim way: clients are told, and the last reclaim ends the grace period', async (t) => {
  const { a, b } = cluster();
  const scene = await begin(t, 'one', b);
  show(t, await move('one', b, a, ['--way', 'reclaim']));
  const { reclaims } = await until('the end of the reclaims', 60_000, async () => {
    const life = await a.life('one');
    return life?.reclaims.expected === 0 ? life : undefined;
  });
  t.true(reclaims.reclaimed >= scene.before.length);
  t.is(reclaims.missed, 0);
  t.deepEqual(await graces(a.node), []);
  await settle(t, 'one', scene, a);
});

test.serial('the power of the owner fails: the other takes by itself, or by order, and nothing is lost', async (t) => {
  const { a, b, w } = cluster();
  await gather(a, b);
  // What a lost leader of the stream costs is seen by the two groups' pauses.
  await cluster().leadFrom('one', [b, w]);
  await cluster().leadFrom('two', [a]);
  const [one, two] = [await begin(t, 'one', a), await begin(t, 'two', a)];
  const leaders = (['one', 'two'] as const).map((group) => `${group} ${cluster().leaderOf(group)}`);
  const before = performance.now();
  await a.powerCut();
  await b.node.command(['take', 'one', '--dead']);
  show(t, await b.serves('one'));
  show(t, await b.serves('two'));
  t.log(
    `served by b ${(performance.now() - before).toFixed(0)} ms after; the streams were led by ${leaders.join(', ')}`,
  );
  await settle(t, 'one', one, b);
  await settle(t, 'two', two, b);
  await unnoticed(t);
  await a.powerOn();
  for (const group of ['one', 'two'] as const) await follows(a, group, b);
});

/** `two` may have moved by itself, where the machine was too busy for the owner's words. */
async function gather(member: Member, others: Member): Promise<void> {
  if ((await member.life('two'))?.owner === member.name) return;
  await others.node.command(['release', 'two']);
  await member.serves('two');
}

/** The owner of the group, and the other of the two. */
async function sides(group: GroupName): Promise<readonly [Member, Member]> {
  const { a, b } = cluster();
  return (await a.life(group))?.owner === 'a' ? [a, b] : [b, a];
}

/** The node knows that the group is another's, and has taken its address off its host. */
async function hasWithdrawn(member: Member, group: GroupName, owner: Member): Promise<void> {
  await follows(member, group, owner);
  await until(`the address of ${group} is gone from ${member.name}`, 20_000, async () => !(await member.has(group)));
}

test.serial(
  'the node of the owner is killed and its host lives on: the other serves, and the address goes with the next start',
  async (t) => {
    const [owner, other] = await sides('one');
    await gather(owner, other);
    const [one, two] = [await begin(t, 'one', owner), await begin(t, 'two', owner)];
    await owner.node.kill();
    await other.node.command(['take', 'one', '--dead']);
    show(t, await other.serves('one'));
    show(t, await other.serves('two'));
    for (const group of ['one', 'two'] as const) t.true(await owner.has(group), 'nobody is there to take it away');
    await settle(t, 'one', one, other);
    await settle(t, 'two', two, other);
    t.log(
      `of that, of two, ${goneMs} ms for the connection to NATS that is gone; Linux connects anew 1 s after the first try, and 3 s`,
    );
    await owner.launch();
    for (const group of ['one', 'two'] as const) await hasWithdrawn(owner, group, other);
    await unnoticed(t);
  },
);

test.serial(
  'hazard 8: an owner that was stopped and goes on answers nothing that its successor would not',
  async (t) => {
    const [owner, other] = await sides('two');
    const scene = await begin(t, 'two', owner);
    await freeze(owner.node);
    const stoppedAt = Date.now() / 1000;
    // Its kernel takes the calls, and nobody answers them.
    const asked = scene.contends.post('lock 0 w 5 1');
    const given = scene.holds.post('unlock 0 r 100 50');
    show(t, await other.serves('two'));
    owner.node.signal('SIGCONT');
    await hasWithdrawn(owner, 'two', other);
    t.is((await scene.contends.finish(asked)).result, 'EAGAIN');
    t.is((await scene.holds.finish(given)).result, 'OK');
    const answers = `frame.time_epoch > ${stoppedAt} && ip.src == ${groups.two.address} && nlm && rpc.msgtyp == 1`;
    t.deepEqual(await cluster().packetsOf(owner, `${answers} && nlm.stat == 0`), []);
    const left = { ...scene, before: scene.before.filter(({ start }) => start !== '100') };
    await settle(t, 'two', left, other);
    await unnoticed(t);
  },
);

test.serial(
  'an owner cut off from NATS and not from its clients grants nothing; what is taken from it by silence it gives away',
  async (t) => {
    const [owner, other] = await sides('one');
    await gather(owner, other);
    const scenes = [await begin(t, 'one', owner), await begin(t, 'two', owner)] as const;
    await owner.cutOff();
    show(t, await other.serves('two'));
    const asked = scenes[0].contends.post('lock 0 w 500 10');
    await until('the lock is asked for', 30_000, async () => {
      return (await cluster().packetsOf(owner, 'nlm.procedure_v4 == 2 && nlm.lock.l_offset64 == 500')).length > 0;
    });
    t.true(asked.open, 'granted while its ledger was away');
    await owner.rejoin();
    t.is((await scenes[0].contends.finish(asked)).result, 'OK');
    await hasWithdrawn(owner, 'two', other);
    await settle(t, 'one', scenes[0], owner);
    await settle(t, 'two', scenes[1], other);
    await unnoticed(t);
  },
);

test.serial(
  'an owner cut off from its clients and not from NATS is released as ever; who stands by for that takes by itself',
  async (t) => {
    const [owner, other] = await sides('one');
    // A restart may take longer than an owner of `two` may be gone.
    await gather(owner, other);
    await other.node.stop();
    await other.launch('on-release');
    await follows(other, 'one', owner);
    const scene = await begin(t, 'one', owner);
    await owner.cutOffClients();
    await owner.node.command(['release', 'one']);
    show(t, await other.serves('one'));
    await settle(t, 'one', scene, other);
    await owner.rejoin();
    await unnoticed(t);
  },
);

test.serial(
  'released, and taken by the other by itself, while a client reboots: its locks are free, those of the others stay',
  async (t) => {
    const { client1, client2 } = cluster();
    const [owner, other] = await sides('two');
    const path = newFile('two');
    const [stays, goes] = [
      await holding(history, client1, 'stays', path),
      await holding(history, client2, 'goes', path),
    ];
    t.is(await stays.do('lock 0 w 0 10'), 'OK');
    t.is(await goes.do('lock 0 w 100 10'), 'OK');
    const pulse = new Pulse(await holding(history, client1, 'pulse', path));
    goes.gone();
    await client2.powerCut();
    await owner.node.command(['release', 'two']);
    show(t, await other.serves('two'));
    // It is not up again yet.
    t.is(await stays.do('lock 0 w 100 10'), 'EAGAIN');
    await client2.boot();
    t.is(await stays.do('wait 0 w 100 10'), 'OK');
    t.is((await locks(other.node)).filter(({ client }) => client === 'client2').length, 0);
    for (const { address, path: exported, mount } of Object.values(groups))
      await client2.mount(address, exported, mount);
    const returns = await holding(history, client2, 'returns', path);
    t.is(await returns.do('lock 0 w 0 10'), 'EAGAIN');
    await pulse.stop();
    t.deepEqual([...pulse.results], ['OK']);
    t.log(`two: a new lock took at most ${pulse.longestMs.toFixed(0)} ms`);
    await Promise.all([stays.kill(), returns.kill()]);
  },
);

test.serial('no two processes ever held what excludes each other, by their own words', (t) => {
  t.deepEqual(conflictsOf(history.held), []);
  t.true(history.held.length > 0);
  t.log(`${history.held.length} locks judged`);
});
