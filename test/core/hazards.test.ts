import test from 'ava';
import { serialize } from '../../src/core/checkpoint.js';
import { u64ToString, U64_MAX } from '../../src/base/u64.js';
import { decide } from '../../src/core/decide.js';
import { evolve } from '../../src/core/evolve.js';
import { DEFAULT_RULES, WAKE_GRANTS_MAX } from '../../src/core/limits.js';
import { pendingGrants } from '../../src/core/queries.js';
import { rangeFromWire } from '../../src/core/range.js';
import { isSweeping } from '../../src/core/state.js';
import { sweep } from '../../src/core/sweep.js';
import { u64FromBigInt } from '../../src/base/u64.js';
import { bytes, call, cancel, lock, order, owner, share, test as testLock, unlock } from '../support/commands.js';
import { Group } from '../support/decider.js';
import { heldIn, waitingIn } from '../support/rows.js';

const LENIENT = { policy: 'lenient', expect: 'none' } as const;

/** svid 1 holds, svid 2 waits and is granted; the number of the lock that is called back. */
function grantedOutOfWait(group: Group, exclusive = true): number {
  group.submit(lock({ length: 10 }));
  group.submit(lock({ svid: 2, length: 10, exclusive, block: true }));
  group.submit(unlock({ length: 10 }));
  group.wake();
  return pendingGrants(group.state, 1)[0]!.lock;
}

function table(group: Group): string[] {
  return heldIn(group.state).map(
    (row) =>
      `${row.svid} ${u64ToString(row.range.start)}-${row.range.end.high === 0 ? row.range.end.low : 'eof'} ${row.exclusive ? 'W' : 'R'}`,
  );
}

test('hazard 1: DENIED undoes a grant only when it answers the only copy ever sent', (t) => {
  const once = new Group();
  once.submit({ type: 'deny-grant', lock: grantedOutOfWait(once), onlyCopy: true });
  t.deepEqual(table(once), []);

  const repeated = new Group();
  repeated.submit({ type: 'deny-grant', lock: grantedOutOfWait(repeated), onlyCopy: false });
  t.deepEqual(table(repeated), ['2 0-9 W']);
  t.is(pendingGrants(repeated.state, 10).length, 0);
});

test('hazard 2: a CANCEL of a grant out of a wait puts back what it replaced, and wakes', (t) => {
  const group = new Group();
  group.submit(lock({ length: 10, exclusive: false }));
  group.submit(lock({ svid: 2, length: 10, exclusive: false }));
  t.is(group.submit(lock({ svid: 2, length: 10, block: true })).type, 'blocked');
  group.submit(unlock({ length: 10 }));
  group.wake();
  t.deepEqual(table(group), ['2 0-9 W']);
  group.submit(lock({ svid: 3, length: 10, exclusive: false, block: true }));
  group.submit(cancel({ svid: 2, length: 10 }));
  group.wake();
  t.deepEqual(table(group), ['2 0-9 R', '3 0-9 R']);
});

test('hazard 2: a CANCEL that crossed the answer to the callback undoes the grant all the same', (t) => {
  const group = new Group();
  group.submit({ type: 'acknowledge-grant', lock: grantedOutOfWait(group) });
  t.is(pendingGrants(group.state, 10).length, 0);
  group.submit(cancel({ svid: 2, length: 10 }));
  t.deepEqual(table(group), []);

  const denied = new Group();
  denied.submit({ type: 'deny-grant', lock: grantedOutOfWait(denied), onlyCopy: false });
  denied.submit(cancel({ svid: 2, length: 10 }));
  t.deepEqual(table(denied), []);
});

test('hazard 2: after a later LOCK of the owner there, a CANCEL undoes nothing', (t) => {
  const group = new Group();
  grantedOutOfWait(group);
  t.is(group.submit(lock({ svid: 2, length: 10, block: true })).type, 'granted');
  group.submit(cancel({ svid: 2, length: 10 }));
  t.deepEqual(table(group), ['2 0-9 W']);
});

test('hazard 3: one file through two handles is one lock, and each keeps its bytes for the callback', (t) => {
  const group = new Group();
  group.submit(lock({ handle: 'export-1' }));
  t.is(group.submit(lock({ svid: 2, handle: 'export-2', block: true })).type, 'blocked');
  group.submit(unlock({ handle: 'export-1' }));
  group.wake();
  t.is(pendingGrants(group.state, 1)[0]!.file.handle, bytes('export-2'));
});

test('hazard 4: a waiter never blocks a grant, and TEST agrees with LOCK', (t) => {
  const group = new Group();
  group.submit(lock({ length: 10, exclusive: false }));
  group.submit(lock({ svid: 2, length: 20, block: true }));
  t.is(group.submit(testLock({ svid: 3, length: 20, exclusive: false })).type, 'granted');
  t.is(group.submit(lock({ svid: 3, length: 20, exclusive: false })).type, 'granted');
});

test('hazard 5: a late copy of UNLOCK does not free a newer lock, also after a replay', (t) => {
  const group = new Group();
  const once = unlock({ length: 10 });
  group.submit(lock({ length: 10 }));
  group.submit(once);
  group.submit(lock({ length: 10 }));
  t.is(group.submit(once).type, 'granted');
  t.deepEqual(table(group), ['1 0-9 W']);
  group.state = group.replayed();
  t.is(group.submit(once).type, 'granted');
  t.deepEqual(table(group), ['1 0-9 W']);
});

test('hazard 5: a copy of LOCK is granted only while that very lock stands', (t) => {
  const group = new Group();
  const once = lock({ length: 10 });
  group.submit(once);
  t.is(group.submit(once).type, 'granted');
  group.submit({ type: 'purge', selector: { type: 'address', address: '10.1.1.1' }, order: order(), dryRun: false });
  sweep(group.state, 100);
  group.submit(lock({ svid: 2, length: 10 }));
  t.is(group.submit(once).type, 'denied');
});

test('hazard 6: the copy of an UNLOCK that was decided needs no event of its own', (t) => {
  const group = new Group();
  const once = unlock({ length: 10 });
  group.submit(lock({ length: 10 }));
  group.submit(once);
  const copy = decide(group.state, once, { now: group.now, mayGrant: true });
  t.deepEqual(copy, { events: [], outcome: { type: 'granted' } });
});

test('hazard 7: NSM states compare as serial numbers; an older LOCK is silent, an older notice refused and recorded', (t) => {
  const group = new Group();
  const { client } = owner({});
  group.submit(lock({ length: 10, state: 0x7fff_ffff }));
  t.is(group.submit(lock({ start: 50, length: 1, state: 0x7fff_fffd })).type, 'silence');
  t.is(group.submit({ type: 'reboot', client, state: 3 }).type, 'refused');
  t.is(group.history.at(-1)!.events[0]!.type, 'call-refused');
  t.is(group.submit({ type: 'reboot', client, state: 0x8000_0001 | 0 }).type, 'rebooted');
  t.deepEqual(table(group), []);
  t.is(group.submit({ type: 'reboot', client, state: 0x8000_0001 | 0 }).type, 'done');
});

test('hazard 7: an older state counts over a connection that is newer than the notice, and teaches nothing', (t) => {
  const group = new Group();
  group.submit(lock({ length: 10, state: 5 }));
  t.is(group.submit(lock({ start: 50, length: 10, state: 3 })).type, 'silence');
  t.is(group.submit(lock({ start: 50, length: 10, state: 3, presentLife: true })).type, 'granted');
  t.is(group.state.clients[1]!.state, 5);
});

test('hazard 7: a LOCK with a newer state drops what the older incarnation held', (t) => {
  const group = new Group();
  group.submit(lock({ svid: 1, length: 10, state: 3 }));
  t.is(group.submit(lock({ svid: 2, length: 10, state: 5 })).type, 'granted');
  t.deepEqual(table(group), ['2 0-9 W']);
  t.is(group.state.clients[1]!.state, 5);
});

test('hazard 7: a reclaim inherits the known state', (t) => {
  const group = new Group();
  group.submit(lock({ length: 10, state: 5 }));
  group.submit({ type: 'open-grace', scope: { type: 'all' }, durationMs: 1000, ...LENIENT, order: order() });
  t.is(group.submit(lock({ start: 20, length: 10, reclaim: true, state: 0 })).type, 'granted');
  t.is(group.state.clients[1]!.state, 5);
});

test('hazard 10: an entry of an older epoch changes nothing but a count', (t) => {
  const group = new Group();
  evolve(group.state, { type: 'node-started', node: 'b', release: '1', notes: [] }, { position: 1, epoch: 5, time: 1 });
  evolve(
    group.state,
    { type: 'client-met', client: 1, name: bytes('x'), address: '10.0.0.9' },
    { position: 2, epoch: 4, time: 1 },
  );
  t.is(group.state.violations, 1);
  t.is(group.state.clientCount, 0);
});

test('hazard 13: a purge is a mark at once, and nobody overtakes the waiters until they are awake', (t) => {
  const group = new Group();
  group.submit(lock({ to: '10.1.1.1' }));
  group.submit(lock({ svid: 2, to: '10.1.1.2', block: true }));
  const purge = {
    type: 'purge',
    selector: { type: 'address', address: '10.1.1.1' },
    order: order(),
    dryRun: false,
  } as const;
  const outcome = group.submit(purge);
  t.like(outcome, { type: 'purged', counts: { locks: 1, waiters: 0, shares: 0 }, repeated: false });
  t.true(isSweeping(group.state));
  t.deepEqual(table(group), []);
  t.is(group.submit(lock({ svid: 3, to: '10.1.1.2' })).type, 'denied');
  t.is(group.submit(testLock({ svid: 3, to: '10.1.1.2' })).type, 'denied');
  const dropped: string[] = [];
  while (!sweep(group.state, 1, (row) => dropped.push(`${row.type} ${row.svid}`)));
  t.deepEqual(dropped, ['lock 1']);
  t.is(group.submit(lock({ svid: 3, to: '10.1.1.2' })).type, 'denied');
  group.wake();
  t.deepEqual(table(group), ['2 0-eof W']);
  t.like(group.submit(purge), { type: 'purged', counts: { locks: 1 }, repeated: true });
});

test('hazard 13: wakes come in bounded steps, and a replay between them loses none', (t) => {
  const group = new Group();
  group.submit(lock({}));
  const waiting = WAKE_GRANTS_MAX * 2 + 10;
  for (let svid = 2; svid < waiting + 2; svid += 1) group.submit(lock({ svid, exclusive: false, block: true }));
  group.submit(unlock({}));
  t.deepEqual(group.submit({ type: 'wake' }), { type: 'done', more: true });
  t.is(group.state.lockCount, WAKE_GRANTS_MAX);
  group.state = group.replayed();
  group.submit({ type: 'start', node: 'a', release: '1', notes: [] });
  group.wake();
  t.is(group.state.lockCount, waiting);
  t.is(group.state.waiterCount, 0);
});

test('hazard 19: a replay reads no limit but those of the events', (t) => {
  const group = new Group();
  group.submit({ type: 'set-rules', rules: { ...DEFAULT_RULES, locksPerClientMax: 1 } });
  group.submit(lock({ length: 1 }));
  t.deepEqual(group.submit(lock({ start: 5, length: 1 })), { type: 'denied-no-locks', why: 'locksPerClientMax' });
  t.is(group.replayed().rules.locksPerClientMax, 1);
});

test('hazard 25: two owners that wait for each other are a deadlock; past the bound of the search the answer is BLOCKED', (t) => {
  for (const [deadlockStepsMax, expected] of [
    [1000, 'deadlock'],
    [0, 'blocked'],
  ] as const) {
    const group = new Group();
    group.submit({ type: 'set-rules', rules: { ...DEFAULT_RULES, deadlockStepsMax } });
    group.submit(lock({ svid: 1, file: 'a' }));
    group.submit(lock({ svid: 2, file: 'b' }));
    group.submit(lock({ svid: 1, file: 'b', block: true }));
    t.is(group.submit(lock({ svid: 2, file: 'a', block: true })).type, expected);
  }
});

test('a new lock in a grace period is refused, a reclaim is not; outside of one it is the other way round', (t) => {
  const group = new Group();
  const scope = { type: 'address', address: '10.1.1.1' } as const;
  t.is(group.submit(lock({ reclaim: true })).type, 'denied-grace-period');
  group.submit({ type: 'open-grace', scope, durationMs: 1000, ...LENIENT, order: order() });
  t.is(group.submit(lock({ length: 5 })).type, 'denied-grace-period');
  t.is(group.submit(lock({ svid: 2, to: '10.1.1.2', start: 90, length: 5 })).type, 'granted');
  t.is(group.submit(lock({ length: 5, reclaim: true })).type, 'granted');
  group.submit({ type: 'end-grace', scope, why: 'command', order: order() });
  t.is(group.submit(lock({ length: 5, reclaim: true })).type, 'granted');
});

test('while the ledger takes only releases, grants and wakes wait and UNLOCK does not', (t) => {
  const group = new Group();
  group.submit(lock({}));
  group.submit(lock({ svid: 2, block: true }));
  group.mayGrant = false;
  t.is(group.submit(unlock({})).type, 'granted');
  t.is(group.submit(lock({ svid: 3, file: 'g' })).type, 'denied-no-locks');
  group.wake();
  t.is(group.state.lockCount, 0);
  group.mayGrant = true;
  group.wake();
  t.is(group.state.lockCount, 1);
});

test('NM_LOCK never waits, and a repeated blocking LOCK is the same waiter', (t) => {
  const group = new Group();
  group.submit(lock({}));
  t.is(group.submit(lock({ svid: 2, block: true, monitored: false })).type, 'denied');
  t.is(group.submit(lock({ svid: 2, block: true })).type, 'blocked');
  t.is(group.submit(lock({ svid: 2, block: true })).type, 'blocked');
  t.is(waitingIn(group.state).length, 1);
});

test('FREE_ALL frees its client alone; of a stranger it is refused and recorded', (t) => {
  const group = new Group();
  group.submit(lock({ length: 1 }));
  group.submit(lock({ client: 'client2', from: '10.0.0.2', start: 5, length: 1 }));
  t.is(group.submit({ type: 'free-all', client: { name: bytes('client1'), address: '10.0.0.2' } }).type, 'refused');
  t.is(group.submit({ type: 'free-all', client: owner({}).client }).type, 'done');
  t.deepEqual(table(group), ['1 5-5 W']);
});

test('names that nothing refers to are forgotten beyond the limits, and their ids used again', (t) => {
  const group = new Group();
  group.submit({ type: 'set-rules', rules: { ...DEFAULT_RULES, idleFilesMax: 1, idleOwnersMax: 1 } });
  for (let i = 0; i < 4; i += 1) {
    group.submit(lock({ svid: i, file: `f${i}` }));
    group.submit(unlock({ svid: i, file: `f${i}`, call: call() }));
  }
  group.submit({ type: 'forget' });
  t.deepEqual(group.history.at(-1)!.events, [
    { type: 'names-forgotten', files: [1, 2, 3], owners: [1, 2, 3], clients: [] },
  ]);
  group.submit(lock({ svid: 9, file: 'f9' }));
  t.like(group.history.at(-1)!.events.at(-1), { type: 'lock-granted', owner: 3, file: 3 });
});

test('a single lock goes by its id; an unknown one is not found; a trial changes nothing', (t) => {
  const group = new Group();
  group.submit(lock({ length: 1 }));
  const { lock: id } = heldIn(group.state)[0]!;
  const purge = (number: number, dryRun: boolean) =>
    group.submit({ type: 'purge', selector: { type: 'lock', lock: number }, order: order(), dryRun });
  t.is(purge(id + 7, false).type, 'not-found');
  t.like(purge(id, true), { type: 'purged', counts: { locks: 1 } });
  t.is(group.state.lockCount, 1);
  t.like(purge(id, false), { type: 'purged', counts: { locks: 1 } });
  t.is(group.state.lockCount, 0);
});

test('a single share, and a single waiter, go by their numbers, once, and a copy of the LOCK is decided anew', (t) => {
  const group = new Group();
  group.submit(lock({ length: 1 }));
  const waiting = lock({ svid: 2, length: 1, block: true });
  group.submit(waiting);
  group.submit(share());
  const once = order();
  const purge = (number: number, by = order()) =>
    group.submit({ type: 'purge', selector: { type: 'lock', lock: number }, order: by, dryRun: false });
  t.like(purge(2, once), { type: 'purged', counts: { locks: 0, waiters: 1, shares: 0 }, repeated: false });
  t.like(purge(2, once), { type: 'purged', counts: { locks: 0, waiters: 1, shares: 0 }, repeated: true });
  t.is(group.state.waiterCount, 0);
  t.is(group.submit(waiting).type, 'blocked');
  t.like(purge(3), { type: 'purged', counts: { locks: 0, waiters: 0, shares: 1 } });
  t.is(group.state.shareCount, 0);
  t.is(purge(3).type, 'not-found');
  t.is(purge(2).type, 'not-found');
  t.deepEqual(serialize(group.replayed()), serialize(group.state));
});

const EOF = 2n ** 64n - 1n;
for (const [offset, length, end] of [
  [0n, 0n, EOF],
  [2n ** 53n - 1n, 1n, 2n ** 53n - 1n],
  [2n ** 53n + 1n, 1n, 2n ** 53n + 1n],
  [2n ** 63n - 1n, 1n, 2n ** 63n - 1n],
  [2n ** 63n - 1n, 0n, EOF],
  [5n, EOF, EOF],
  [2n ** 63n - 1n, 2n ** 63n + 1n, EOF],
  [2n ** 63n, 1n, undefined],
  [2n ** 63n - 1n, 2n ** 63n + 2n, undefined],
] as const) {
  test(`offset ${offset} and length ${length} are ${end === undefined ? 'FBIG' : `a range to ${end}`}`, (t) => {
    const found = rangeFromWire(u64FromBigInt(offset), u64FromBigInt(length));
    t.deepEqual(found?.end, end === undefined ? undefined : end === EOF ? U64_MAX : u64FromBigInt(end));
  });
}
