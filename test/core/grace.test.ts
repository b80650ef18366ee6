import test from 'ava';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import type { GraceScope, OpenGraceCommand } from '../../src/core/command.js';
import {
  MISSES_MAX,
  RECLAIM_YIELDS_MAX,
  REFUSAL_SOURCES_MAX,
  REFUSAL_SUM_MS,
  REFUSAL_WINDOW_MS,
  REFUSALS_RECORDED_MAX,
} from '../../src/core/limits.js';
import { clients, expectedCount, graces, pendingGrants } from '../../src/core/queries.js';
import { sweep } from '../../src/core/sweep.js';
import { bytes, cancel, lock, order, owner, share, test as testLock, unlock, unshare } from '../support/commands.js';
import { Group } from '../support/decider.js';
import { heldIn, sharedIn } from '../support/rows.js';

const ADDRESS: GraceScope = { type: 'address', address: '10.1.1.1' };
const EVERYTHING: GraceScope = { type: 'all' };

function open(group: Group, change: Partial<OpenGraceCommand> = {}): void {
  const how = { scope: ADDRESS, durationMs: 1000, policy: 'strict', expect: 'held' } as const;
  group.submit({ type: 'open-grace', ...how, order: order(), ...change });
}

function end(group: Group, scope: GraceScope = ADDRESS): void {
  group.submit({ type: 'end-grace', scope, why: 'limit', order: order() });
  group.settle();
}

function table(group: Group): string {
  return heldIn(group.state)
    .map(({ svid, range, expected }) => `${svid}:${range.start.low}-${range.end.low}${expected ? '?' : ''}`)
    .join(' ');
}

/** Ten bytes each. */
const at = (svid: number, start: number) => ({ svid, start, length: 10 });

for (const when of ['before the sweep', 'after it', 'after a replay', 'from a checkpoint'] as const) {
  test(`hazard 15: what was held is expected, in the way of all but its owner, ${when}`, (t) => {
    const group = new Group();
    group.submit(lock(at(1, 0)));
    group.submit(lock({ ...at(2, 20), to: '10.1.1.2' }));
    open(group);
    if (when === 'after it') group.settle();
    else if (when === 'after a replay') group.state = group.replayed();
    else if (when === 'from a checkpoint') group.state = deserialize(serialize(group.state));
    t.is(table(group), '1:0-9? 2:20-29');
    t.is(group.state.lockCount, 1);
    group.settle();
    t.is(expectedCount(group.state, ADDRESS), 1);
    t.like(clients(group.state)[0], { locks: 1, expected: 1 });
    t.is(group.submit(lock({ ...at(3, 0), to: '10.1.1.2' })).type, 'denied');
    t.is(group.submit(testLock({ ...at(3, 0), to: '10.1.1.2' })).type, 'denied');
    t.is(group.submit(lock({ ...at(2, 40), to: '10.1.1.2' })).type, 'granted');
    t.is(group.submit(lock(at(3, 60))).type, 'denied-grace-period');
    t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'granted');
    t.is(expectedCount(group.state, ADDRESS), 0);
    t.is(group.state.lockCount, 3);
  });
}

test('hazard 15: grace ends as soon as the last expected lock is reclaimed, taken again, unlocked or lost in a reboot', (t) => {
  const group = new Group();
  const gone = { client: 'client2', from: '10.0.0.2' };
  group.submit(lock(at(1, 0)));
  group.submit(lock(at(2, 20)));
  group.submit(lock(at(3, 40)));
  group.submit(lock({ ...at(1, 60), ...gone }));
  open(group);
  const steps = [
    () => group.submit(lock({ ...at(1, 0), reclaim: true })).type,
    () => group.submit(lock(at(2, 20))).type,
    () => group.submit(unlock(at(3, 40))).type,
    () => group.submit({ type: 'reboot', client: owner(gone).client, state: 5 }).type,
  ];
  for (const [i, step] of steps.entries()) {
    group.settle();
    t.is(graces(group.state).length, 1, `before step ${i}`);
    t.not(step(), 'denied');
  }
  group.settle();
  t.is(graces(group.state).length, 0);
  t.like(group.eventsOf('grace-ended')[0], { why: 'complete' });
  t.deepEqual(group.eventsOf('reclaim-missed'), []);
  t.is(table(group), '1:0-9 2:20-29');
});

test('hazard 15: FREE_ALL and a purge remove what is expected, and say so in their counts', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  group.submit(share());
  open(group);
  group.submit({ type: 'free-all', client: owner({}).client });
  const counts = { locks: 1, waiters: 0, shares: 1, expected: 1, expectedShares: 1 };
  t.deepEqual(group.eventsOf('client-freed')[0]?.counts, counts);
  group.settle();
  t.is(graces(group.state).length, 0);
  t.is(group.state.lockCount, 0);
  t.is(group.state.shareCount, 0);
});

test('hazard 15: a late copy of a covered reclaim is granted after the grace, without an event', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  open(group);
  const reclaim = lock({ ...at(1, 0), reclaim: true });
  group.submit(reclaim);
  group.settle();
  t.is(graces(group.state).length, 0);
  const before = group.history.length;
  t.is(group.submit(reclaim).type, 'granted');
  t.is(group.submit(lock({ ...at(1, 2), length: 3, reclaim: true })).type, 'granted');
  t.is(group.history.length, before);
});

test('hazard 15: a reclaim of a part clears that part alone; parts together cover a reclaim of the whole', (t) => {
  const group = new Group();
  group.submit(lock({ length: 30 }));
  open(group);
  t.is(group.submit(lock({ start: 10, length: 10, reclaim: true })).type, 'granted');
  t.is(table(group), '1:0-9? 1:10-19 1:20-29?');
  group.state = group.replayed();
  t.is(table(group), '1:0-9? 1:10-19 1:20-29?');
  t.is(group.submit(lock({ length: 30, reclaim: true })).type, 'granted');
  t.is(table(group), '1:0-29');
  group.settle();
  t.is(graces(group.state).length, 0);
});

test('pitfall 36: outside of a grace a reclaim of what is not held is DENIED_GRACE_PERIOD, and an event', (t) => {
  const group = new Group();
  t.is(group.submit(lock({ reclaim: true })).type, 'denied-grace-period');
  t.like(group.eventsOf('reclaim-refused')[0], { why: 'no-grace-period', name: bytes('client1'), svid: 1 });
});

test('strict: a reclaim of more than the ledger expects, or exclusively of what was shared, is refused and an event', (t) => {
  const group = new Group();
  group.submit(lock({ ...at(1, 0), exclusive: false }));
  open(group);
  t.is(group.submit(lock({ length: 11, exclusive: false, reclaim: true })).type, 'denied');
  t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'denied');
  t.is(group.submit(lock({ ...at(2, 0), exclusive: false, reclaim: true })).type, 'denied');
  t.deepEqual(
    group.eventsOf('reclaim-refused').map(({ why, svid }) => `${svid} ${why}`),
    ['1 not-expected', '1 not-expected', '2 not-expected'],
  );
  t.is(group.submit(lock({ ...at(1, 0), exclusive: false, reclaim: true })).type, 'granted');
});

test('lenient: a reclaim is granted where nothing is in its way; a conflict is refused and an event with its holder', (t) => {
  const group = new Group();
  open(group, { scope: EVERYTHING, policy: 'lenient', expect: 'none' });
  group.settle();
  t.is(graces(group.state).length, 1);
  t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'granted');
  t.is(group.submit(lock({ ...at(2, 5), reclaim: true })).type, 'denied');
  t.like(group.eventsOf('reclaim-conflict')[0], { svid: 2, holder: 1, held: 1 });
  t.is(group.submit(lock({ ...at(3, 50), reclaim: false })).type, 'denied-grace-period');
});

test('hazard 15: lenient: a reclaim wins over what is only expected of others, in its range alone, and an event says whose it was', (t) => {
  const group = new Group();
  group.submit(lock({ svid: 1, length: 30 }));
  group.submit(lock({ ...at(2, 40), to: '10.1.1.2' }));
  open(group, { scope: EVERYTHING, policy: 'lenient' });
  t.is(group.submit(lock({ svid: 3, start: 10, length: 40, reclaim: true })).type, 'granted');
  t.is(table(group), '1:0-9? 3:10-49');
  t.deepEqual(
    group.eventsOf('expected-yielded').map(({ lock: id, owner: whose, range: { start, end }, exclusive, to }) => {
      return [id, whose, start.low, end.low, exclusive, to];
    }),
    [
      [1, 1, 10, 29, true, 3],
      [2, 2, 40, 49, true, 3],
    ],
  );
  t.is(expectedCount(group.state, EVERYTHING), 1);
  // Whoever comes after it meets what is held, and the ledger says so.
  t.is(group.submit(lock({ svid: 1, length: 30, reclaim: true })).type, 'denied');
  t.like(group.eventsOf('reclaim-conflict')[0], { svid: 1, holder: 3 });
  t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'granted');
  // Its late copy comes when the grace is over.
  end(group, EVERYTHING);
  t.is(group.submit(lock({ svid: 3, start: 10, length: 40, reclaim: true })).type, 'granted');
  t.is(group.submit(lock({ ...at(2, 40), to: '10.1.1.2', reclaim: true })).type, 'denied-grace-period');
  t.is(table(group), '1:0-9 3:10-49');
  t.deepEqual(serialize(group.replayed()), serialize(group.state));
});

test('hazard 15: lenient: nothing yields where one of those in the way is held', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  group.submit(lock(at(2, 20)));
  open(group, { scope: EVERYTHING, policy: 'lenient' });
  group.submit(lock({ ...at(2, 20), reclaim: true }));
  t.is(group.submit(lock({ svid: 3, length: 30, reclaim: true })).type, 'denied');
  t.is(table(group), '1:0-9? 2:20-29');
  t.deepEqual(group.eventsOf('expected-yielded'), []);
  t.is(group.eventsOf('reclaim-conflict').length, 1);
});

test('hazard 12: what a purge before a takeover expects yields to no reclaim of a lenient grace elsewhere', (t) => {
  const group = new Group();
  group.submit(lock({ ...at(1, 0), to: '10.1.1.2' }));
  const selector = { type: 'address', address: '10.1.1.2' } as const;
  group.submit({ type: 'purge', selector, order: order(), dryRun: false, reclaimable: true });
  open(group, { policy: 'lenient' });
  t.is(group.submit(lock({ ...at(2, 0), reclaim: true })).type, 'denied');
  t.is(table(group), '1:0-9?');
});

test('hazard 15: lenient: a waiter that no grace holds back is woken by what yielded, and stays behind who reclaimed', (t) => {
  const group = new Group();
  group.submit(lock({ svid: 1, length: 30 }));
  group.submit(
    lock({ svid: 2, start: 5, length: 2, exclusive: false, block: true, fileSystem: 'fs1', to: '10.1.1.2' }),
  );
  open(group, { policy: 'lenient' });
  t.is(group.submit(lock({ svid: 3, length: 10, exclusive: false, reclaim: true })).type, 'granted');
  group.settle();
  t.is(table(group), '1:10-29? 2:5-6 3:0-9');
});

test('lenient: more expected locks than one entry should hold do not yield: refused, with the conflict', (t) => {
  const group = new Group();
  for (let i = 0; i <= RECLAIM_YIELDS_MAX; i += 1) group.submit(lock({ svid: 1, start: i * 2, length: 1 }));
  open(group, { scope: EVERYTHING, policy: 'lenient' });
  t.is(group.submit(lock({ svid: 2, length: 0, reclaim: true })).type, 'denied');
  t.is(group.submit(lock({ svid: 2, start: 2, length: 0, reclaim: true })).type, 'granted');
  t.is(group.eventsOf('expected-yielded').length, RECLAIM_YIELDS_MAX);
});

test('lenient: a reclaimed share wins over one that is only expected', (t) => {
  const group = new Group();
  group.submit(share({ oh: 'gone' }));
  open(group, { scope: EVERYTHING, policy: 'lenient' });
  t.is(group.submit(share({ oh: 'new', access: 2, reclaim: true })).type, 'granted');
  t.like(group.eventsOf('share-yielded')[0], { share: 1, owner: 1, to: 2 });
  t.is(group.submit(share({ oh: 'gone', reclaim: true })).type, 'denied');
  t.deepEqual(
    sharedIn(group.state).map(({ oh }) => oh),
    [bytes('new')],
  );
});

test('refusals of one client are told one by one up to a limit, then counted, and no count is lost', (t) => {
  const group = new Group();
  const other = { client: 'client2', from: '10.0.0.2' };
  const refused = (times: number) => {
    for (let i = 0; i < times; i += 1) t.is(group.submit(lock({ reclaim: true })).type, 'denied-grace-period');
  };
  refused(REFUSALS_RECORDED_MAX + 3);
  group.submit(lock({ ...other, reclaim: true }));
  t.is(group.eventsOf('reclaim-refused').length, REFUSALS_RECORDED_MAX + 1);
  group.submit({ type: 'sum-refusals', all: false });
  t.deepEqual(group.eventsOf('refusals-counted'), []);
  const since = group.now;
  group.now += REFUSAL_SUM_MS;
  group.submit({ type: 'sum-refusals', all: false });
  group.submit({ type: 'sum-refusals', all: true });
  const counted = { type: 'refusals-counted', what: 'reclaim-refused', address: '10.0.0.1', since } as const;
  t.deepEqual(group.eventsOf('refusals-counted'), [{ ...counted, count: 3 }]);
  // A restart gives no new share within the hour; the next hour does.
  group.state = group.replayed();
  refused(1);
  group.submit({ type: 'sum-refusals', all: true });
  t.like(group.eventsOf('refusals-counted')[1], { count: 1 });
  group.now += REFUSAL_WINDOW_MS;
  refused(2);
  t.is(group.eventsOf('reclaim-refused').length, REFUSALS_RECORDED_MAX + 3);
});

test('refusals of more clients than are kept apart are counted together', (t) => {
  const group = new Group();
  for (let i = 0; i < REFUSAL_SOURCES_MAX + REFUSALS_RECORDED_MAX + 5; i += 1) {
    group.submit({ type: 'free-all', client: { name: bytes('x'), address: `10.1.${i >> 8}.${i & 255}` } });
  }
  group.submit({ type: 'sum-refusals', all: true });
  t.is(group.eventsOf('call-refused').length, REFUSAL_SOURCES_MAX + REFUSALS_RECORDED_MAX);
  t.like(group.eventsOf('refusals-counted')[0], { what: 'call-refused', address: '', count: 5 });
});

test('lenient: the last expected reclaim does not end it, since the ledger may not know of all', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  group.submit(lock(at(2, 50)));
  open(group, { scope: EVERYTHING, policy: 'lenient', expect: 'held' });
  group.submit(lock({ ...at(1, 0), reclaim: true }));
  group.submit(unlock(at(2, 50)));
  group.settle();
  t.is(graces(group.state).length, 1);
  t.is(group.submit(lock({ ...at(3, 100), reclaim: true })).type, 'granted');
});

test('a lenient grace over a strict one makes the reclaim lenient: the ledger is known not to know all', (t) => {
  const group = new Group();
  open(group, { scope: EVERYTHING, policy: 'lenient', expect: 'none' });
  open(group);
  t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'granted');
});

test('pitfall 45: what was not reclaimed at the end is an event a lock, is free, and wakes who waits', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  group.submit(lock({ ...at(2, 0), to: '10.1.1.2', block: true }));
  group.submit(share());
  open(group);
  end(group);
  t.like(group.eventsOf('reclaim-missed')[0], { lock: 1, owner: 1, file: 1, exclusive: true });
  t.like(group.eventsOf('share-missed')[0], { mode: 2, access: 1 });
  t.is(group.eventsOf('reclaims-settled').length, 1);
  t.is(table(group), '2:0-9');
  t.deepEqual(sharedIn(group.state), []);
  t.is(expectedCount(group.state, EVERYTHING), 0);
  t.is(group.submit(lock({ ...at(1, 20), reclaim: true })).type, 'denied-grace-period');
});

test('misses come in bounded steps, stand in the way until they are told, and a replay between them loses none', (t) => {
  const group = new Group();
  const count = MISSES_MAX * 2 + 5;
  for (let i = 0; i < count; i += 1) group.submit(lock({ start: i * 2, length: 1 }));
  open(group);
  group.submit({ type: 'end-grace', scope: ADDRESS, why: 'limit', order: order() });
  group.state = group.replayed();
  sweep(group.state, Number.POSITIVE_INFINITY);
  t.deepEqual(group.submit({ type: 'miss' }), { type: 'done', more: true });
  t.is(group.eventsOf('reclaim-missed').length, MISSES_MAX);
  t.is(group.submit(lock({ svid: 2, start: (count - 1) * 2, length: 1 })).type, 'denied');
  group.state = deserialize(serialize(group.replayed()));
  group.settle();
  t.is(group.eventsOf('reclaim-missed').length, count);
  t.is(table(group), '');
});

test('a lock in two graces is missed when the later one ends', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  open(group);
  open(group, { scope: { type: 'file-system', fileSystem: 'fs1' } });
  end(group);
  t.is(table(group), '1:0-9?');
  end(group, { type: 'file-system', fileSystem: 'fs1' });
  t.is(table(group), '');
});

test('hazard 12: a reclaimable purge frees nothing and wakes nobody; only the grace that follows does, when it ends', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  group.submit(lock({ ...at(2, 0), to: '10.1.1.2', block: true }));
  const purge = { type: 'purge', selector: ADDRESS, order: order(), dryRun: false, reclaimable: true } as const;
  t.like(group.submit(purge), { type: 'purged', counts: { locks: 1, waiters: 0, shares: 0 }, repeated: false });
  t.like(group.submit(purge), { type: 'purged', repeated: true });
  group.settle();
  t.is(table(group), '1:0-9?');
  open(group, { expect: 'none' });
  t.is(group.submit(lock({ ...at(1, 0), reclaim: true })).type, 'granted');
  group.settle();
  t.is(table(group), '1:0-9');
  const selector = { type: 'client', address: '10.0.0.1' } as const;
  t.is(group.submit({ ...purge, selector, order: order() }).type, 'refused');
});

test('hazard 15: a grant that was not acknowledged waits again, first in the queue, and its late acknowledgement counts', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  group.submit(lock({ ...at(2, 0), block: true }));
  group.submit(lock({ ...at(3, 0), block: true }));
  group.submit(unlock(at(1, 0)));
  group.wake();
  const granted = pendingGrants(group.state, 10)[0]!.lock;
  open(group, { durationMs: 1000, policy: 'lenient' });
  t.is(table(group), '');
  t.is(group.state.waiterCount, 2);
  const copy = deserialize(serialize(group.replayed()));
  group.submit({ type: 'acknowledge-grant', lock: granted });
  t.is(table(group), '2:0-9');
  group.state = copy;
  end(group);
  t.is(table(group), '2:0-9');
});

test('in grace TEST, UNLOCK and CANCEL work, and UNSHARE too', (t) => {
  const group = new Group();
  group.submit(lock(at(1, 0)));
  group.submit(lock({ ...at(2, 0), block: true }));
  group.submit(share());
  open(group);
  t.is(group.submit(testLock(at(3, 0))).type, 'denied');
  t.is(group.submit(cancel(at(2, 0))).type, 'granted');
  t.is(group.state.waiterCount, 0);
  t.is(group.submit(unlock(at(1, 0))).type, 'granted');
  t.is(group.submit(unshare()).type, 'granted');
  group.settle();
  t.is(graces(group.state).length, 0);
});

test('shares are reclaimed like locks: covered at any time, new ones refused in grace, missed ones told', (t) => {
  const group = new Group();
  group.submit(share());
  group.submit(share({ oh: 'late', mode: 0 }));
  open(group);
  group.settle();
  t.is(group.submit(share({ oh: 'new', mode: 0 })).type, 'denied-grace-period');
  t.is(group.submit(share({ oh: 'new', mode: 0, reclaim: true })).type, 'denied');
  const reclaim = share({ reclaim: true });
  t.is(group.submit(reclaim).type, 'granted');
  t.is(group.submit(reclaim).type, 'granted');
  t.is(group.state.shareCount, 1);
  end(group);
  t.deepEqual(
    sharedIn(group.state).map(({ oh, reclaimed, expected }) => [oh, reclaimed, expected]),
    [[bytes('opener'), true, false]],
  );
  t.is(group.submit(share({ reclaim: true })).type, 'granted');
  t.is(group.submit(share({ oh: 'new', mode: 0, reclaim: true })).type, 'denied-grace-period');
});

test('pitfall 46: our own state at an address is odd and always grows, also where the clock went back', (t) => {
  const group = new Group();
  const advance = () => group.submit({ type: 'advance-server-state', serverAddress: '10.1.1.1' });
  t.deepEqual(advance(), { type: 'server-state', state: 1_700_000_001 });
  group.now -= 1_000_000;
  t.deepEqual(advance(), { type: 'server-state', state: 1_700_000_003 });
  t.is(deserialize(serialize(group.replayed())).serverStates.get('10.1.1.1'), 1_700_000_003);
});
