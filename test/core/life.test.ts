import test from 'ava';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import type { Way } from '../../src/core/life.js';
import { graces, pendingGrants } from '../../src/core/queries.js';
import { sweep } from '../../src/core/sweep.js';
import { cancel, lock, order, share, test as testLock, unlock, unshare } from '../support/commands.js';
import { given, Group, NOW } from '../support/decider.js';
import { heldIn } from '../support/rows.js';

const ORDER = order('c1');
const LATER = order('c2');
const at = (svid: number, start: number) => ({
  svid,
  start,
  length: 10,
  client: `client${svid}`,
  from: `10.0.0.${svid}`,
});

function claim(group: Group, node: string, way: Way = 'carry', id = `claim-${node}`): string {
  return group.submit({ type: 'claim-group', node, way, lossAccepted: false, order: order(id) }).type;
}

function serve(group: Group): void {
  group.submit({ type: 'serve-group', handles: ['/srv: ganesha 77'] });
  group.wake();
}

function owned(node = 'a'): Group {
  const group = new Group();
  claim(group, node);
  serve(group);
  return group;
}

function release(group: Group, way: Way, id = 'release-1'): string {
  return group.submit({ type: 'begin-release', way, order: order(id) }).type;
}

const DONE = { type: 'done', more: false } as const;
const CLAIMED = {
  type: 'group-claimed',
  node: 'a',
  way: 'carry',
  from: '',
  takeover: 1,
  lossAccepted: false,
  order: ORDER,
} as const;
const SERVING = { type: 'group-serving', takeover: 1, handles: [] } as const;
const RELEASING = { type: 'group-releasing', way: 'reclaim', takeover: 2, order: ORDER } as const;
const RELEASED = { type: 'group-released', way: 'reclaim', takeover: 2 } as const;

test('a claim is recorded with the node, the way, the owner before and its number', (t) => {
  const command = { type: 'claim-group', node: 'a', way: 'carry', lossAccepted: false, order: ORDER } as const;
  given([]).when(command).expect(t, [CLAIMED], DONE);
  given([CLAIMED, SERVING])
    .when({ ...command, node: 'b', lossAccepted: true, order: LATER })
    .expect(t, [{ ...CLAIMED, node: 'b', from: 'a', takeover: 2, lossAccepted: true, order: LATER }], DONE);
});

test('the claim after a release ends the takeover that the release began', (t) => {
  given([CLAIMED, SERVING, RELEASING, RELEASED])
    .when({ type: 'claim-group', node: 'b', way: 'reclaim', lossAccepted: false, order: LATER })
    .expect(t, [{ ...CLAIMED, node: 'b', from: 'a', takeover: 2, way: 'reclaim', order: LATER }], DONE);
});

test('a claim is refused where the group has moved on since it was decided', (t) => {
  const claim = { type: 'claim-group', node: 'a', way: 'carry', lossAccepted: false, order: LATER } as const;
  given([CLAIMED, SERVING])
    .when({ ...claim, seen: { takeover: 0, status: 'unclaimed' } })
    .expect(t, [], { type: 'refused', why: 'the group has moved on: it is owned by node a now' });
  given([CLAIMED, SERVING])
    .when({ ...claim, node: 'b', seen: { takeover: 1, status: 'owned' } })
    .expect(t, [{ ...CLAIMED, node: 'b', from: 'a', takeover: 2, order: LATER }], DONE);
  // Nobody owns it any more: what was seen was its release on the way.
  given([CLAIMED, SERVING, RELEASING, RELEASED])
    .when({ ...claim, node: 'b', way: 'reclaim', seen: { takeover: 1, status: 'owned' } })
    .expect(t, [{ ...CLAIMED, node: 'b', from: 'a', takeover: 2, way: 'reclaim', order: LATER }], DONE);
});

test('hazard 14: a late copy of a take does not bring back a group that has moved on; one that goes on is no copy', (t) => {
  const group = new Group();
  t.is(claim(group, 'a'), 'done');
  t.is(claim(group, 'a'), 'done', 'it was claimed and does not serve yet');
  group.submit({ type: 'serve-group', handles: [] });
  claim(group, 'b');
  group.submit({ type: 'serve-group', handles: [] });
  t.is(claim(group, 'a'), 'refused');
  t.is(claim(group, 'a', 'carry', 'claim-a-again'), 'done');
});

test('what was released the reclaim way is not carried: its clients would never reclaim', (t) => {
  const carry = { type: 'claim-group', node: 'b', way: 'carry', lossAccepted: false, order: ORDER } as const;
  for (const events of [
    [CLAIMED, SERVING, RELEASING],
    [CLAIMED, SERVING, RELEASING, RELEASED],
  ]) {
    given(events).when(carry).expect(t, [], {
      type: 'refused',
      why: 'the group was released the reclaim way: its clients have to reclaim, so take it the reclaim way',
    });
  }
});

test('a release begins once, is finished once, and the same commands again change nothing', (t) => {
  const begin = { type: 'begin-release', way: 'reclaim', order: ORDER } as const;
  given([CLAIMED, SERVING]).when(begin).expect(t, [RELEASING], DONE);
  given([CLAIMED, SERVING, RELEASING]).when(begin).expect(t, [], DONE);
  given([CLAIMED, SERVING, RELEASING]).when({ type: 'finish-release' }).expect(t, [RELEASED], DONE);
  given([CLAIMED, SERVING, RELEASING, RELEASED]).when(begin).expect(t, [], DONE);
  given([CLAIMED, SERVING, RELEASING, RELEASED]).when({ type: 'finish-release' }).expect(t, [], DONE);
  given([CLAIMED, SERVING])
    .when({ type: 'finish-release' })
    .expect(t, [], { type: 'refused', why: 'no release has begun' });
  given([CLAIMED, SERVING, RELEASING])
    .when({ ...begin, way: 'carry', order: order('another') })
    .expect(t, [], { type: 'refused', why: 'its release has begun the reclaim way' });
  given([])
    .when(begin)
    .expect(t, [], { type: 'refused', why: 'the group was never claimed: it does not move between nodes' });
});

test('hazard 14: a late copy of a release does not release the group again after it came back', (t) => {
  const back = { ...CLAIMED, from: 'b', takeover: 3, order: order('c3') } as const;
  given([CLAIMED, SERVING, RELEASING, RELEASED, back, { ...SERVING, takeover: 3 }])
    .when({ type: 'begin-release', way: 'reclaim', order: ORDER })
    .expect(t, [], { type: 'refused', why: 'this command id was carried out before, as takeover 2' });
});

test('hazard 12: from the beginning of a release on nothing is granted and nobody woken; giving back works', (t) => {
  const group = owned();
  group.submit(lock(at(1, 0)));
  group.submit(lock({ ...at(2, 0), block: true }));
  group.submit(share(at(1, 0)));
  release(group, 'carry');
  t.is(group.submit(lock(at(3, 50))).type, 'denied-grace-period');
  t.is(group.submit(lock({ ...at(3, 0), block: true })).type, 'denied-grace-period');
  t.is(group.submit(share({ ...at(3, 0), oh: 'other', mode: 0 })).type, 'denied-grace-period');
  t.is(group.submit(testLock(at(3, 0))).type, 'denied');
  t.is(group.submit(unlock(at(1, 0))).type, 'granted');
  t.is(group.submit(unshare(at(1, 0))).type, 'granted');
  group.settle();
  t.is(group.state.lockCount, 0);
  t.is(group.state.waiterCount, 1);
  t.is(group.submit(cancel(at(2, 0))).type, 'granted');
  t.is(group.state.waiterCount, 0);
});

test('hazard 16: a reclaim that meets a release or a claim is not answered: a denial would lose the lock', (t) => {
  const group = owned();
  group.submit(lock(at(1, 0)));
  release(group, 'reclaim');
  t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'silence');
  t.is(group.submit(share({ ...at(1, 0), reclaim: true })).type, 'silence');
  group.submit({ type: 'finish-release' });
  for (const command of [lock(at(2, 0)), unlock(at(1, 0)), testLock(at(2, 0)), cancel(at(2, 0)), unshare()]) {
    t.is(group.submit(command).type, 'silence', command.type);
  }
  claim(group, 'b', 'reclaim');
  t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'silence');
});

test('hazard 12: what a release purges is in the way of all but its owners until the grace of the taker ends', (t) => {
  const group = owned();
  group.submit(lock(at(1, 0)));
  group.submit(lock({ ...at(2, 0), block: true }));
  release(group, 'reclaim');
  const selector = { type: 'address', address: '10.1.1.1' } as const;
  group.submit({ type: 'purge', selector, order: order(), dryRun: false, reclaimable: true });
  group.settle();
  group.submit({ type: 'finish-release' });
  t.is(group.state.waiterCount, 1);
  t.is(claim(group, 'b', 'reclaim'), 'done');
  group.submit({
    type: 'open-grace',
    scope: { type: 'all' },
    durationMs: 1000,
    policy: 'strict',
    expect: 'held',
    order: order(),
  });
  serve(group);
  group.settle();
  t.is(group.submit(lock(at(3, 0))).type, 'denied-grace-period');
  t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'granted');
  group.settle();
  t.is(graces(group.state).length, 0);
  t.is(group.submit(unlock(at(1, 0))).type, 'granted');
  group.settle();
  t.deepEqual(
    heldIn(group.state).map(({ svid }) => svid),
    [2],
  );
});

test('hazard 12: a grace that is open when the reclaim way begins ends nothing on the way', (t) => {
  const group = owned();
  group.submit(lock(at(1, 0)));
  const scope = { type: 'all' } as const;
  group.submit({ type: 'open-grace', scope, durationMs: 1000, policy: 'strict', expect: 'held', order: order() });
  release(group, 'reclaim');
  t.is(group.submit({ type: 'end-grace', scope, why: 'limit', order: order('') }).type, 'not-found');
  group.settle();
  t.true(heldIn(group.state)[0]?.expected);
});

test('nothing is granted between the claim and the service, and what waits is woken by it', (t) => {
  const group = owned();
  group.submit(lock(at(1, 0)));
  group.submit(lock({ ...at(2, 0), block: true }));
  claim(group, 'b');
  t.is(group.submit(lock(at(3, 50))).type, 'denied-grace-period');
  group.submit(unlock(at(1, 0)));
  group.settle();
  t.is(group.state.lockCount, 0);
  serve(group);
  t.deepEqual(
    pendingGrants(group.state, 10).map(({ svid }) => svid),
    [2],
  );
  t.is(group.submit(lock(at(3, 50))).type, 'granted');
});

test('the carry way keeps locks, waiters, and grants that are not acknowledged, for the next owner', (t) => {
  const group = owned();
  group.submit(lock(at(1, 0)));
  group.submit(lock({ ...at(2, 0), block: true }));
  group.submit(unlock(at(1, 0)));
  group.wake();
  group.submit(lock({ ...at(3, 0), block: true }));
  release(group, 'carry');
  group.submit({ type: 'finish-release' });
  claim(group, 'b', 'carry');
  serve(group);
  t.deepEqual(
    pendingGrants(group.state, 10).map(({ svid }) => svid),
    [2],
  );
  t.is(group.state.waiterCount, 1);
});

test('a release that is given up leaves the group with its owner, which grants again once it serves', (t) => {
  const group = owned();
  release(group, 'carry');
  const abandon = { type: 'abandon-release', order: order('abandon-1') } as const;
  t.is(group.submit(abandon).type, 'done');
  t.is(group.submit(lock(at(1, 0))).type, 'denied-grace-period');
  serve(group);
  t.is(group.submit(lock(at(1, 0))).type, 'granted');
  t.is(group.submit(abandon).type, 'done');
  t.is(group.state.life.status, 'owned');
  t.is(group.submit({ ...abandon, order: order() }).type, 'refused');
  t.is(release(group, 'carry', 'release-2'), 'done');
  t.is(group.state.life.takeover, 3);
});

test('the last try of each step is kept with the takeover, and nothing stands behind its end', (t) => {
  const group = owned();
  release(group, 'carry');
  const step = { type: 'record-step', node: 'a', step: 'unexport', detail: 'x'.repeat(5000), milliseconds: 7 } as const;
  group.submit({ ...step, outcome: 'failed' });
  group.submit({ ...step, outcome: 'done' });
  const [last, ...others] = group.state.life.steps;
  t.deepEqual(others, []);
  t.like(last, { step: 'unexport', node: 'a', outcome: 'done', milliseconds: 7, time: NOW });
  t.is(last?.detail.length, 4096);
  group.submit({ type: 'finish-release' });
  t.is(group.submit({ ...step, outcome: 'done' }).type, 'refused');
  claim(group, 'b');
  t.is(group.state.life.steps.length, 1);
  claim(group, 'c');
  t.deepEqual(group.state.life.steps, []);
  t.is(new Group().submit({ ...step, outcome: 'done' }).type, 'refused');
});

test('a replay and a checkpoint give the same life of a group', (t) => {
  const group = owned();
  group.submit(lock(at(1, 0)));
  release(group, 'reclaim');
  const step = { type: 'record-step', node: 'a', step: 'unexport', detail: 'no', milliseconds: 7 } as const;
  group.submit({ ...step, outcome: 'failed' });
  group.submit({ type: 'finish-release' });
  claim(group, 'b', 'reclaim');
  serve(group);
  sweep(group.state, Number.POSITIVE_INFINITY);
  const replayed = group.replayed();
  t.deepEqual(replayed.life, group.state.life);
  t.deepEqual(deserialize(serialize(replayed)).life, group.state.life);
});
