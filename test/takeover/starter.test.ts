import test, { type ExecutionContext } from 'ava';
import type { ServiceGroup } from '../../src/config/configuration.js';
import { Bus } from '../../src/bus/bus.js';
import { tellAlive } from '../../src/takeover/alive.js';
import { Starter } from '../../src/takeover/starter.js';
import { lock, order } from '../support/commands.js';
import { natsTest, startNats, until } from '../support/nats.js';
import { FLOAT, Scene, type TestMember } from './member.js';

const SILENCE_MS = 1500;
const GONE_MS = 500;
const NEVER_MS = 3_600_000;

interface Play {
  readonly made: Scene;
  readonly a: TestMember;
  readonly b: TestMember;
  readonly c: TestMember;
  readonly starters: readonly Starter[];
  /** Whether a node hears the others. */
  readonly hears: Set<string>;
}

async function play(t: ExecutionContext, mode: ServiceGroup['take'], silenceMs = SILENCE_MS): Promise<Play> {
  const made = new Scene(t);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => made.node(name, { way: 'carry', hooks: {} })) as [
    TestMember,
    TestMember,
    TestMember,
  ];
  await a.own(order('start-a'));
  const hears = new Set(['a', 'b', 'c']);
  const starters = [a, b, c].map(
    ({ takeover }) =>
      new Starter({ takeover, mode, silenceMs, goneMs: GONE_MS, hears: () => hears.has(takeover.group.node) }),
  );
  t.teardown(async () => {
    for (const starter of starters) await starter.close();
  });
  return { made, a, b, c, starters, hears };
}

const release = (member: TestMember) => member.takeover.release({ order: order('r1'), unmount: false });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('on-release: the first standby of the list takes what its owner released, and the others leave it to it', async (t) => {
  const { made, a, b, c } = await play(t, 'on-release');
  await a.ask(lock({ to: FLOAT }));
  await release(a);
  await until(() => b.serving, 'b serves');
  await pause(1500);
  t.is(made.eventsOf('group-claimed').length, 2);
  t.like(made.eventsOf('group-claimed')[1], {
    node: 'b',
    order: { actor: 'node:b', door: 'starter', reason: 'node a released the group' },
  });
  t.false(c.serving);
  t.is(b.state.lockCount, 1);
});

test('on-release: where the first standby does not take it, the next one does', async (t) => {
  const { made, a, c, starters } = await play(t, 'on-release');
  await starters[1]!.close();
  await release(a);
  await until(() => c.serving, 'c serves');
  t.is(made.fold().life.node, 'c');
});

test('by-command: nobody takes anything by itself', async (t) => {
  const { made, a } = await play(t, 'by-command');
  await release(a);
  await pause(1500);
  t.is(made.eventsOf('group-claimed').length, 1);
});

test('on-release: an owner that is only silent keeps its group', async (t) => {
  const { made } = await play(t, 'on-release');
  await pause(SILENCE_MS * 3);
  t.is(made.eventsOf('group-claimed').length, 1);
});

test('on-silence: a standby takes the group of an owner that says nothing, and not while it hears it', async (t) => {
  const { made, b, starters } = await play(t, 'on-silence');
  const words = setInterval(() => starters.forEach((starter) => starter.heard()), 50);
  t.teardown(() => clearInterval(words));
  await pause(SILENCE_MS * 3);
  t.is(made.eventsOf('group-claimed').length, 1);
  clearInterval(words);
  await until(() => b.serving, 'b serves');
  t.regex(made.eventsOf('group-claimed')[1]?.order.reason ?? '', /^node a has been silent for \d+ ms$/);
});

test('on-silence: a node that hears nobody at all takes nothing, and counts anew when it hears again', async (t) => {
  const { made, b, hears } = await play(t, 'on-silence');
  hears.clear();
  await pause(SILENCE_MS * 3);
  t.is(made.eventsOf('group-claimed').length, 1);
  hears.add('b');
  const began = performance.now();
  await until(() => b.serving, 'b serves');
  t.true(performance.now() - began >= SILENCE_MS - 250);
});

test('on-silence: an owner that NATS knows no more is gone, once it has answered before and nothing is heard of it since', async (t) => {
  const { made, b, starters } = await play(t, 'on-silence', NEVER_MS);
  const [, starter] = starters;
  const misses = async (): Promise<void> => {
    starter!.missed();
    await pause(GONE_MS * 2);
  };
  await misses();
  t.is(made.eventsOf('group-claimed').length, 1, 'it never answered');
  starter!.answered();
  await pause(GONE_MS * 2);
  starter!.missed();
  starter!.heard();
  await pause(GONE_MS * 2);
  t.is(made.eventsOf('group-claimed').length, 1, 'it was heard');
  await misses();
  await until(() => b.serving, 'b serves');
  t.regex(made.eventsOf('group-claimed')[1]?.order.reason ?? '', /^node a has had no connection to NATS for \d+ ms$/);
});

test('what a starter began and what stopped on the way it tries again', async (t) => {
  const { made, a, b } = await play(t, 'on-release');
  b.failing.add('open-door');
  await release(a);
  await until(() => made.eventsOf('takeover-step').some(({ outcome }) => outcome === 'failed'), 'the door fails');
  b.failing.clear();
  await until(() => b.serving, 'b serves');
  t.is(made.eventsOf('group-claimed').length, 2);
});

natsTest('an idle owner says on the bus that it is alive, and only its own word counts', async (t) => {
  const server = await startNats(t);
  const made = new Scene(t);
  const heard = { a: 0, b: 0 };
  const nodes = { a: made.node('a', { hooks: {} }), b: made.node('b', { hooks: {} }) };
  await nodes.a.own(order('start-a'));
  for (const name of ['a', 'b'] as const) {
    const bus = new Bus({ servers: [server.url], name }, { onUp: () => undefined, onDown: () => undefined });
    const { takeover } = nodes[name];
    const starter = { heard: () => void (heard[name] += 1), answered: () => undefined, missed: () => undefined };
    tellAlive(bus, [{ takeover, starter, silenceMs: 500 }]);
    await bus.start(5000);
    t.teardown(() => bus.close());
  }
  await until(() => heard.b > 2, 'b hears a');
  t.is(heard.a, 0);
});

natsTest(
  'a standby is told by NATS that the owner answers, and as soon as its connection is gone, that nobody does',
  async (t) => {
    const server = await startNats(t);
    const made = new Scene(t);
    const told: string[] = [];
    const nodes = { a: made.node('a', { hooks: {} }), b: made.node('b', { hooks: {} }) };
    await nodes.a.own(order('start-a'));
    const buses: Bus[] = [];
    for (const name of ['a', 'b'] as const) {
      const bus = new Bus({ servers: [server.url], name }, { onUp: () => undefined, onDown: () => undefined });
      const tell = (what: string) => () => void told.push(`${name} ${what}`);
      const starter = { heard: () => undefined, answered: tell('answered'), missed: tell('missed') };
      tellAlive(bus, [{ takeover: nodes[name].takeover, starter, silenceMs: NEVER_MS, goneMs: GONE_MS }]);
      await bus.start(5000);
      t.teardown(() => bus.close());
      buses.push(bus);
    }
    await until(() => told.includes('b answered'), 'a answers');
    t.deepEqual([...new Set(told)], ['b answered']);
    await buses[0]!.close();
    await until(() => told.includes('b missed'), 'a is missed');
    t.true(
      told.every((what) => what.startsWith('b ')),
      'the owner asks nobody',
    );
  },
);
