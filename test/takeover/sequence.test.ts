import test, { type ExecutionContext } from 'ava';
import type { HookStep } from '../../src/config/configuration.js';
import type { Way } from '../../src/core/life.js';
import { initialState } from '../../src/core/state.js';
import type { StepReport } from '../../src/takeover/sequence.js';
import { lock, order, unlock } from '../support/commands.js';
import { exportOf, FLOAT, Scene, type TestMember } from './member.js';
import { heldIn } from '../support/rows.js';

const at = (svid: number, start: number, to: string = FLOAT) => ({ svid, start, length: 10, to });

async function scene(t: ExecutionContext, group: Parameters<Scene['node']>[1] = {}) {
  const made = new Scene(t);
  const [a, b] = [made.node('a', group), made.node('b', group)];
  await a.own(order('start-a'));
  made.trail();
  return { made, a, b };
}

const release = (member: TestMember, id = 'r1', unmount = false, way?: Way) =>
  member.takeover.release({ order: order(id), unmount, ...(way === undefined ? {} : { way }) });

const take = (
  member: TestMember,
  id = 't1',
  options: { way?: Way; force?: boolean; dead?: boolean; acceptLoss?: boolean } = {},
) => member.takeover.take({ order: order(id), force: false, acceptLoss: false, ...options });

const names = (steps: readonly StepReport[]) => steps.map(({ step }) => step);
const outcomeOf = (steps: readonly StepReport[], name: string) => steps.find(({ step }) => step === name);

test('hazard 16: release takes the address away before the door closes; take serves before it announces, and then notifies', async (t) => {
  const { made, a, b } = await scene(t);
  t.is(await a.ask(lock(at(1, 0))), 'granted');
  const released = await release(a, 'r1', true);
  t.deepEqual(made.trail(), ['a address-down', 'a close-door', 'a unexport', 'a unmount']);
  t.deepEqual(names(released), [
    'address-down',
    'close-door',
    'unexport',
    'purge-addresses',
    'purge-file-systems',
    'unmount',
  ]);
  t.is(made.events().at(-1)?.type, 'group-released');
  t.is(a.role, 'following');
  const taken = await take(b);
  t.deepEqual(made.trail(), [
    'b claims',
    'b mount',
    'b export',
    'b address-up',
    'b open-door',
    'b serves',
    'b announce',
  ]);
  t.deepEqual(names(taken), [
    'claim',
    'mount',
    'handles',
    'strays',
    'grace',
    'export',
    'address-up',
    'open-door',
    'claim-time',
    'serve',
    'announce',
    'notify',
  ]);
  const kinds = made.events().map(({ type }) => type);
  t.true(kinds.lastIndexOf('grace-opened') < kinds.lastIndexOf('group-serving'));
  t.true(kinds.lastIndexOf('group-serving') < kinds.lastIndexOf('notify-ordered'));
  t.is(made.fold().life.node, 'b');
});

test('every step is an event with its outcome, what the hook said, and how long it took', async (t) => {
  const { made, a, b } = await scene(t);
  await release(a);
  await take(b);
  const steps = made.eventsOf('takeover-step');
  t.like(
    steps.find(({ step }) => step === 'address-down'),
    { takeover: 2, node: 'a', outcome: 'done', detail: 'did address-down' },
  );
  t.like(
    steps.find(({ step }) => step === 'unmount'),
    { outcome: 'skipped', detail: 'the file systems stay mounted' },
  );
  t.true(steps.every(({ milliseconds }) => milliseconds >= 0));
  t.like(made.eventsOf('group-claimed').at(-1), { node: 'b', from: 'a', takeover: 2, way: 'reclaim' });
});

test('the carry way keeps what is held and who waits, opens no grace and tells nobody', async (t) => {
  const { made, a, b } = await scene(t, { way: 'carry' });
  await a.ask(lock(at(1, 0)));
  await a.ask(lock({ ...at(2, 0), block: true }));
  const released = await release(a);
  t.is(outcomeOf(released, 'purge-addresses')?.outcome, 'skipped');
  const taken = await take(b);
  t.is(outcomeOf(taken, 'carry')?.detail, '1 locks, 0 shares and 1 waiters are carried over');
  t.is(outcomeOf(taken, 'notify')?.outcome, 'skipped');
  t.deepEqual(made.eventsOf('grace-opened'), []);
  t.is(await b.ask(lock(at(3, 50))), 'granted');
  t.is(await b.ask(unlock(at(1, 0))), 'granted');
  t.deepEqual(
    heldIn(b.state).map(({ svid }) => svid),
    [2, 3],
  );
});

const RELEASE_STEPS: readonly HookStep[] = ['address-down', 'unexport', 'unmount'];
for (const step of RELEASE_STEPS) {
  test(`a release stops where ${step} fails, says so in the ledger, and the same order again goes on from there`, async (t) => {
    const { made, a, b } = await scene(t);
    await a.ask(lock(at(1, 0)));
    made.fail(step, true);
    const error = await t.throwsAsync(release(a, 'r1', true), { message: new RegExp(`stopped at step ${step}`) });
    t.like(error, { code: 'refused', details: { step } });
    const before = made.trail();
    t.is(before.at(-1), `a ${step}`);
    t.is(a.state.life.status, 'releasing');
    t.is(await a.ask(lock(at(2, 50))), 'denied-grace-period');
    made.fail(step, false);
    await release(a, 'r1', true);
    const hooks = [...RELEASE_STEPS];
    const again = hooks.slice(hooks.indexOf(step)).map((hook) => `a ${hook}`);
    again.splice(step === 'address-down' ? 1 : 0, 0, 'a close-door');
    t.deepEqual(made.trail(), again);
    const outcomes = made.eventsOf('takeover-step').filter((event) => event.step === step);
    t.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['failed', 'done'],
    );
    await take(b);
    t.is(await b.ask(lock({ ...at(1, 0), reclaim: true })), 'granted');
  });
}

const TAKE_STEPS: readonly HookStep[] = ['mount', 'export', 'address-up', 'announce'];
for (const step of TAKE_STEPS) {
  test(`a take stops where ${step} fails, says so in the ledger, and the same order again goes on from there`, async (t) => {
    const { made, a, b } = await scene(t);
    await a.ask(lock(at(1, 0)));
    await release(a);
    made.trail();
    made.fail(step, true);
    await t.throwsAsync(take(b), { message: new RegExp(`stopped at step ${step}`) });
    t.is(made.trail().at(-1), `b ${step}`);
    // The one that is announced last is served already.
    t.is(b.state.life.status, step === 'announce' ? 'owned' : 'claimed');
    made.fail(step, false);
    await take(b);
    const all = ['mount', 'export', 'address-up', 'open-door', 'serves', 'announce'];
    const doors = step === 'announce' ? ['open-door', 'serves'] : [];
    t.deepEqual(
      made.trail(),
      [...doors, ...all.slice(all.indexOf(step))].map((what) => `b ${what}`),
    );
    t.is(made.eventsOf('grace-opened').length, 1);
    t.is(made.eventsOf('group-claimed').length, 2);
    t.is(await b.ask(lock({ ...at(1, 0), reclaim: true })), 'granted');
  });
}

test('a door that does not close or open stops the sequence at its step', async (t) => {
  const { made, a, b } = await scene(t);
  a.failing.add('close-door');
  await t.throwsAsync(release(a), { message: /stopped at step close-door: a socket does not close/ });
  t.deepEqual(made.trail(), ['a address-down', 'a close-door']);
  a.failing.clear();
  await release(a);
  b.failing.add('open-door');
  await t.throwsAsync(take(b), { code: 'timeout', message: /stopped at step open-door/ });
  t.false(b.serving);
  b.failing.clear();
  await take(b);
  t.true(b.serving);
});

test('a release that stopped is taken back by a take on its owner: carry where nothing was purged, else reclaim', async (t) => {
  for (const [step, way] of [
    ['address-down', 'carry'],
    ['unmount', 'reclaim'],
  ] as const) {
    const { made, a } = await scene(t);
    await a.ask(lock(at(1, 0)));
    await a.ask(lock(at(9, 0, '10.9.9.9')));
    made.fail(step, true);
    await t.throwsAsync(release(a, 'r1', true));
    made.trail();
    const back = await take(a);
    t.deepEqual(made.trail(), ['a mount', 'a export', 'a address-up', 'a open-door', 'a serves', 'a announce']);
    t.is(outcomeOf(back, 'strays')?.outcome, 'skipped');
    t.is(outcomeOf(back, 'grace') === undefined, way === 'carry');
    t.like(a.state.life, { status: 'owned', node: 'a', way });
    t.is(await a.ask(lock({ ...at(1, 0), reclaim: true })), 'granted');
    t.is(heldIn(a.state).length, 1);
  }
});

test('carry is refused where the handles of the two nodes differ; the reclaim way goes on from there', async (t) => {
  const made = new Scene(t);
  const a = made.node('a', { way: 'carry' });
  const b = made.node('b', { way: 'carry', exports: [exportOf(78)] });
  await take(a, 't0');
  await a.ask(lock(at(1, 0)));
  await release(a);
  made.trail();
  const error = await t.throwsAsync(take(b), { message: /stopped at step handles.*--way reclaim/ });
  t.regex(error?.message ?? '', /there: \/srv\/web: ganesha export 77 fsid abc; here: \/srv\/web: ganesha export 78/);
  t.is(b.state.life.status, 'claimed');
  const taken = await take(b, 't2', { way: 'reclaim' });
  t.deepEqual(names(taken).slice(0, 5), ['claim', 'mount', 'handles', 'strays', 'grace']);
  t.is(await b.ask(lock({ ...at(1, 0), reclaim: true })), 'granted');
});

test('locks that came in through other addresses are dropped and told: their clients stay behind', async (t) => {
  for (const way of ['carry', 'reclaim'] as const) {
    const { a, b } = await scene(t, { way });
    await a.ask(lock(at(1, 0)));
    await a.ask(lock(at(2, 50, '10.9.9.9')));
    await a.ask(lock({ ...at(3, 50, '10.9.9.9'), block: true }));
    await release(a, 'r1', way === 'reclaim');
    const taken = await take(b);
    t.is(
      outcomeOf(taken, 'strays')?.detail,
      'dropped of clients that stay behind: 10.9.9.9: 1 locks, 0 shares, 1 waiters',
      way,
    );
    t.deepEqual(
      heldIn(b.state).map(({ svid }) => svid),
      [1],
    );
  }
});

test.serial(
  'hazard 8: who takes from an owner that did not release waits until it cannot answer any more',
  async (t) => {
    const { a, b } = await scene(t, { way: 'carry', hooks: {} });
    await t.throwsAsync(take(b), { code: 'refused', message: /has not released it.*--force/ });
    const began = performance.now();
    b.othersSeenAt = began + 1000;
    const taken = await take(b, 't1', { force: true });
    t.true(performance.now() - began >= 2200);
    t.regex(outcomeOf(taken, 'claim-time')?.detail ?? '', /ms were left/);
    t.is(await a.ask(lock(at(1, 0))), 'withheld');
    t.is(a.role, 'following');
  },
);

test('hazard 8: nobody waits for an owner whose node is known to be dead', async (t) => {
  const { b } = await scene(t, { way: 'carry' });
  b.othersSeenAt = performance.now() + 60_000;
  const taken = await take(b, 't1', { dead: true });
  t.like(outcomeOf(taken, 'claim-time'), { outcome: 'skipped', detail: 'the owner before is known to be dead' });
});

test('a forced take at a node that has only begun to follow gets level with the log first: it takes what there is', async (t) => {
  const { b } = await scene(t, { way: 'carry', hooks: {} });
  b.behind = initialState();
  await take(b, 't1', { force: true });
  t.like(b.state.life, { node: 'b', from: 'a', status: 'owned' });
});

test('a standby that takes for silence takes from nobody who claimed meanwhile', async (t) => {
  const { b, made } = await scene(t, { way: 'carry', hooks: {} });
  const c = made.node('c', { way: 'carry', hooks: {} });
  const seen = b.state.life;
  await take(c, 't1', { force: true });
  const late = b.takeover.take({ order: order('t2'), force: true, acceptLoss: false, seen });
  await t.throwsAsync(late, { code: 'refused', message: /moved on: it is owned by node c/ });
  t.is(made.fold().life.node, 'c');
});

test('the hook that announces is told who called an owner that is gone, and of nobody where it released', async (t) => {
  const { made, a, b } = await scene(t, { way: 'carry' });
  const from = (port: number) => ({ port, xid: port, digest: 1 });
  for (const port of [801, 802]) await a.ask(lock({ ...at(port, port * 100), call: from(port) }));
  await a.ask(lock({ ...at(9, 9), client: 'client2', from: '10.0.0.2', call: from(900) }));
  await a.ask(unlock({ ...at(801, 80_100), call: from(801) }));
  await take(b, 't1', { dead: true });
  const told = () => made.eventsOf('takeover-step').findLast(({ step }) => step === 'announce')?.detail;
  const lines = told()?.split(/ and |\n/) ?? [];
  t.is(lines[0], 'did announce for 4045');
  t.deepEqual(lines.slice(1).toSorted(), ['10.0.0.1 801', '10.0.0.1 802', '10.0.0.2 900']);
  t.is(await a.ask(lock(at(1, 700))), 'withheld');
  await release(b, 'r2');
  await take(a, 't2');
  t.is(told(), 'did announce');
});

test('hazard 8: nobody waits where the owner released, or was silent for long', async (t) => {
  const { a, b } = await scene(t, { way: 'carry' });
  await release(a);
  t.is(outcomeOf(await take(b), 'claim-time')?.outcome, 'skipped');
  a.othersSeenAt = performance.now() - 5000;
  t.is(outcomeOf(await take(a, 't2', { force: true }), 'claim-time')?.detail, 'it was over');
});

test('hazard 12: no waiter is granted between release and service, and what was purged waits for its owner', async (t) => {
  const { made, a, b } = await scene(t);
  await a.ask(lock(at(1, 0)));
  await a.ask(lock({ ...at(2, 0), block: true }));
  made.fail('mount', true);
  await release(a);
  await t.throwsAsync(take(b));
  t.deepEqual(made.eventsOf('waiter-granted'), []);
  made.fail('mount', false);
  await take(b);
  t.is(await b.ask(lock({ ...at(1, 0), reclaim: true })), 'granted');
  t.is(await b.ask(unlock(at(1, 0))), 'granted');
  t.is(made.eventsOf('waiter-granted').length, 1);
});

test('what was reclaimed and missed is told once the grace has ended', async (t) => {
  const { made, a, b } = await scene(t);
  await a.ask(lock(at(1, 0)));
  await a.ask(lock(at(2, 20)));
  await release(a);
  await take(b);
  t.is(await b.ask(lock({ ...at(1, 0), reclaim: true })), 'granted');
  t.is(await b.ask({ type: 'end-grace', scope: { type: 'all' }, why: 'command', order: order() }), 'done');
  const told = () => made.eventsOf('takeover-step').find(({ step }) => step === 'reclaims');
  for (let i = 0; i < 100 && told() === undefined; i += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(told()?.detail, '1 reclaimed, 1 missed: each is an event, reclaim-missed');
});

test('the same order again joins what is under way, another one is refused until it ends', async (t) => {
  const { a, b } = await scene(t);
  const first = release(a);
  const again = release(a);
  await t.throwsAsync(release(a, 'r2'), { code: 'busy' });
  await t.throwsAsync(take(a, 't9'), { code: 'busy' });
  t.is(await first, await again);
  t.deepEqual(await release(a), []);
  await take(b);
  t.deepEqual(await take(b), []);
  t.deepEqual(await take(b, 'another'), []);
});

test('hazard 14: a late copy of a release does nothing to the group that came back', async (t) => {
  const { a, b } = await scene(t, { way: 'carry' });
  await release(a);
  await take(b);
  await release(b, 'r2');
  await take(a, 't2');
  await t.throwsAsync(release(a, 'r1'), { code: 'refused', message: /carried out before, as takeover 2/ });
  t.is(a.state.life.status, 'owned');
  await t.throwsAsync(release(b, 'r3'), { code: 'refused', message: /node b does not own group web: node a does/ });
});

test('hazard 11: a loss is accepted the reclaim way alone, whose grace is lenient and tells every client that was known', async (t) => {
  const { made, a, b } = await scene(t);
  await a.ask(lock(at(1, 0)));
  await a.ask(unlock(at(1, 0)));
  await t.throwsAsync(take(b, 't1', { force: true, acceptLoss: true, way: 'carry' }), { code: 'refused' });
  b.othersSeenAt = performance.now() - 5000;
  await take(b, 't1', { force: true, acceptLoss: true });
  t.like(made.eventsOf('grace-opened')[0], { policy: 'lenient' });
  t.like(made.eventsOf('notify-ordered')[0], { serverAddress: FLOAT, known: true });
  t.is(await b.ask(lock({ ...at(1, 0), reclaim: true })), 'granted');
});

test('a node without a part in the group does not take it', async (t) => {
  const { made, a } = await scene(t);
  await release(a);
  await t.throwsAsync(take(made.node('x')), { code: 'refused', message: /has no part in group web/ });
});

for (const way of ['carry', 'reclaim'] as const) {
  test(`a release (${way}) that a crash of its owner interrupted goes on with an order: the same one, or a new one`, async (t) => {
    for (const again of ['r1', 'r2']) {
      const { made, a, b } = await scene(t);
      await a.ask(lock(at(1, 0)));
      made.fail('unexport', true);
      await t.throwsAsync(a.takeover.release({ order: order('r1'), way, unmount: false }));
      // The process ends: its group is not owned any more, and nobody else has it.
      await a.surrender();
      made.fail('unexport', false);
      t.like(a.state.life, { status: 'releasing', node: 'a' });
      t.is(a.role, 'following');
      made.trail();
      await a.takeover.release({ order: order(again), unmount: false });
      t.deepEqual(
        made.trail().filter((line) => line.endsWith('claims') || line.endsWith('unexport')),
        ['a claims', 'a unexport'],
      );
      t.like(a.state.life, { status: 'released', node: 'a', way });
      // A copy of it does nothing.
      t.deepEqual(await a.takeover.release({ order: order(again), unmount: false }), []);
      await b.takeover.take({ order: order(`t-${again}`), force: false, acceptLoss: false });
      t.is(
        await b.ask(way === 'carry' ? lock({ ...at(2, 0), block: false }) : lock({ ...at(1, 0), reclaim: true })),
        way === 'carry' ? 'denied' : 'granted',
      );
    }
  });
}

test('a release that a crash interrupted is taken back by a take on its node, and a late copy of its order does nothing', async (t) => {
  const { made, a } = await scene(t);
  made.fail('unexport', true);
  await t.throwsAsync(a.takeover.release({ order: order('r1'), way: 'carry', unmount: false }));
  await a.surrender();
  made.fail('unexport', false);
  await a.takeover.take({ order: order('t1'), force: false, acceptLoss: false });
  t.is(a.state.life.status, 'owned');
  await t.throwsAsync(a.takeover.release({ order: order('r1'), unmount: false }), { message: /carried out before/ });
  t.is(a.state.life.status, 'owned');
});
