/** A group moves between two servers, planned and not, while real clients hold, wait and contend. */
import test, { type ExecutionContext } from 'ava';
import { graces, locks, waiters, type Lock } from './harness/admin.js';
import { Cluster, groups, type GroupName, type Life, type Member } from './harness/cluster.js';
import { until } from './harness/events.js';
import type { Guest, GuestProcess } from './harness/guest.js';
import { conflictsOf, History } from './harness/history.js';
import { Holder, type Pending } from './harness/holder.js';

let world: Cluster | undefined;
const history = new History();
let files = 0;

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

async function holding(guest: Guest, name: string, path: string): Promise<Holder> {
  const holder = new Holder(guest, { history: history.owner(`${name} of ${guest.name}`) });
  await holder.open(0, path);
  return holder;
}

/** Takes and gives back a lock without end; the longest that one took is the pause that a client sees. */
class Pulse {
  private readonly holder: Holder;
  private stopping = false;
  private readonly running: Promise<void>;
  readonly results = new Set<string>();
  count = 0;
  longestMs = 0;

  constructor(holder: Holder) {
    this.holder = holder;
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      for (const command of ['lock 0 w 1000 10', 'unlock 0 r 1000 10']) {
        const { result, beginNs, endNs } = await this.holder.finish(this.holder.post(command), command);
        this.results.add(result);
        this.longestMs = Math.max(this.longestMs, Number(endNs - beginNs) / 1e6);
      }
      this.count += 1;
    }
  }
}

interface Scene {
  readonly holds: Holder;
  readonly waits: Holder;
  readonly contends: Holder;
  readonly wait: Pending;
  readonly pulse: Pulse;
  readonly hammers: readonly GuestProcess[];
  readonly counter: string;
  readonly before: readonly Lock[];
}

/** One client holds, the other waits, a third process contends; two more add to a number under a lock all the while. */
async function begin(t: ExecutionContext, group: GroupName, owner: Member): Promise<Scene> {
  const { client1, client2 } = cluster();
  const { mount } = groups[group];
  const [path, counter] = [`${mount}/f${(files += 1)}`, `${mount}/n${files}`];
  const holds = await holding(client1, `holder ${files}`, path);
  const waits = await holding(client2, `waiter ${files}`, path);
  const contends = await holding(client1, `contender ${files}`, path);
  const pulse = await holding(client2, `pulse ${files}`, path);
  t.is(await holds.do('lock 0 w 0 10'), 'OK');
  t.is(await holds.do('lock 0 r 100 50'), 'OK');
  t.is(await waits.do('lock 0 r 120 100'), 'OK');
  const wait = await waits.wait('wait 0 w 0 10');
  const before = (await locks(owner.node)).filter(({ serverAddress }) => serverAddress === groups[group].address);
  t.is(before.length, 3);
  await client1.run(`printf 0000000000000000 >${counter}`);
  const hammers = [client1, client2].map((guest) => guest.start(`hammer ${counter}`));
  for (const hammer of hammers) await hammer.match(/^round \d+$|^failed/m);
  return { holds, waits, contends, wait, pulse: new Pulse(pulse), hammers, counter, before };
}

/** After the move: every lock is where it was, nobody got what another has, and who waited is served by the new owner. */
async function settle(t: ExecutionContext, group: GroupName, scene: Scene, owner: Member): Promise<void> {
  const { client2 } = cluster();
  const { holds, waits, contends, wait, pulse, hammers, counter, before } = scene;
  t.is(await contends.do('lock 0 w 0 1'), 'EAGAIN');
  t.is(await contends.do('lock 0 w 130 1'), 'EAGAIN');
  t.is(await waits.do('test 0 w 0 10'), 'HELD w 0 10');
  t.true(wait.open, 'who waited was served while another held');
  const range = ({ client, start, end, exclusive }: Lock): string => `${client} ${start}-${end} ${exclusive}`;
  const now = (await locks(owner.node)).map(range);
  for (const lock of before) t.true(now.includes(range(lock)), `lost: ${range(lock)}`);
  await until('who waited waits at the new owner', 60_000, async () => {
    return (await waiters(owner.node)).some(({ start, end }) => start === '0' && end === '9');
  });
  t.is(await holds.do('unlock 0 r 0 10'), 'OK');
  t.is((await waits.finish(wait, 'the wait of before the move')).result, 'OK');
  t.is(await contends.do('lock 0 w 0 1'), 'EAGAIN');

  await pulse.stop();
  t.deepEqual([...pulse.results], ['OK']);
  let rounds = 0;
  for (const hammer of hammers) {
    const more = Number([...hammer.output.matchAll(/^round (\d+)$/gm)].at(-1)?.[1]) + 20;
    await hammer.match(new RegExp(`^round ${more}$|^failed.*`, 'm'));
  }
  for (const hammer of hammers) hammer.close();
  for (const hammer of hammers) rounds += Number((await hammer.match(/^done (\d+)$/m))[1]);
  t.is(Number(await client2.run(`cat ${counter}`)), rounds);
  t.log(
    `${group}: ${rounds} rounds of the hammers, ${pulse.count} of the pulse, a new lock took at most ${pulse.longestMs.toFixed(0)} ms`,
  );
  await Promise.all([holds.kill(), waits.kill(), contends.kill()]);
}

/** What the takeover did, a line a step that took time. */
function show(t: ExecutionContext, { steps }: Life): void {
  const long = steps.filter(({ milliseconds }) => milliseconds > 0);
  t.log(long.map(({ node, step, milliseconds }) => `${node} ${step} ${milliseconds} ms`).join(', '));
}

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

test.serial('the power of the owner fails: the other takes by itself, or by force, and nothing is lost', async (t) => {
  const { a, b } = cluster();
  const [one, two] = [await begin(t, 'one', a), await begin(t, 'two', a)];
  const leaders = (['one', 'two'] as const).map((group) => `${group} ${cluster().leaderOf(group)}`);
  const before = performance.now();
  await a.powerCut();
  await b.node.command(['take', 'one', '--force']);
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

test.serial('no two processes ever held what excludes each other, by their own words', (t) => {
  t.deepEqual(conflictsOf(history.held), []);
  t.true(history.held.length > 0);
  t.log(`${history.held.length} locks judged`);
});
