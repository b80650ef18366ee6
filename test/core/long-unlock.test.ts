/** What one owner holds, by the thousand, in one file: nobody else pays for how it is given back. */

import test from 'ava';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import type { Command } from '../../src/core/command.js';
import { decide } from '../../src/core/decide.js';
import { LOCK_REPLACES_MAX, UNLOCK_STEP_MAX, WAITERS_PER_OWNER_MAX } from '../../src/core/limits.js';
import { lock, unlock } from '../support/commands.js';
import { Group, NOW } from '../support/decider.js';
import { heldIn } from '../support/rows.js';

const MANY = UNLOCK_STEP_MAX * 2 + 10;

/** One byte in two. */
function holding(count: number): Group {
  const group = new Group();
  for (let i = 0; i < count; i += 1) group.submit(lock({ start: i * 2, length: 1 }));
  return group;
}

function counted(group: Group): number {
  return group.state.lockCount;
}

test('an UNLOCK of very many locks is done in steps of a bounded number, and answered after the last', (t) => {
  const group = holding(MANY);
  const left: number[] = [];
  let command: Command | undefined = unlock({ length: 0 });
  for (; command !== undefined;) {
    const { events, outcome, rest }: ReturnType<typeof decide> = decide(group.state, command, {
      now: NOW,
      mayGrant: true,
    });
    group.record(events);
    left.push(counted(group));
    t.is(outcome.type, rest === undefined ? 'granted' : 'again');
    command = rest;
  }
  t.deepEqual(left, [MANY - UNLOCK_STEP_MAX, MANY - 2 * UNLOCK_STEP_MAX, 0]);
  t.is(group.eventsOf('lock-released').length, 1);
  t.deepEqual(serialize(group.replayed()), serialize(group.state));
});

test('what its owner locks anew behind the step is not given back by the rest; a copy of the UNLOCK later gives back nothing', (t) => {
  const group = holding(MANY);
  const command = unlock({ length: 0 });
  const first = decide(group.state, command, { now: NOW, mayGrant: true });
  group.record(first.events);
  t.is(group.submit(lock({ start: 0, length: 1 })).type, 'granted');
  t.is(group.submit(first.rest!).type, 'granted');
  t.is(group.submit(command).type, 'granted');
  t.deepEqual(
    heldIn(group.state).map(({ range }) => range.start.low),
    [0],
  );
});

test('a crash between two steps loses nothing: the UNLOCK is asked again, and does the rest', (t) => {
  const group = holding(MANY);
  const command = unlock({ length: 0 });
  group.record(decide(group.state, command, { now: NOW, mayGrant: true }).events);
  group.state = deserialize(serialize(group.replayed()));
  t.is(counted(group), MANY - UNLOCK_STEP_MAX);
  t.is(group.submit(command).type, 'granted');
  t.is(counted(group), 0);
});

test('such an UNLOCK ends the waits within its range with the first step, and wakes who waits for it', (t) => {
  const group = holding(MANY);
  group.submit(lock({ svid: 2, start: MANY * 2, length: 1 }));
  group.submit(lock({ start: MANY * 2, length: 1, block: true }));
  group.submit(lock({ svid: 3, length: 1, block: true }));
  t.is(group.state.waiterCount, 2);
  t.is(group.submit(unlock({ length: 0 })).type, 'granted');
  t.is(group.state.waiterCount, 1);
  group.settle();
  t.is(group.state.waiterCount, 0);
  t.is(counted(group), 2);
});

test('a LOCK that would replace more of its owner than goes in one turn is refused, also out of a wait; a smaller one is not', (t) => {
  const group = holding(LOCK_REPLACES_MAX + 1);
  t.like(group.submit(lock({ length: 0 })), { type: 'denied-no-locks' });
  t.is(counted(group), LOCK_REPLACES_MAX + 1);
  const end = (LOCK_REPLACES_MAX + 1) * 2;
  group.submit(lock({ svid: 2, start: end, length: 1 }));
  t.is(group.submit(lock({ start: 2, length: 0, block: true })).type, 'blocked');
  group.submit(lock({ start: end + 10, length: 1 }));
  group.submit(unlock({ svid: 2, start: end, length: 1 }));
  group.wake();
  t.is(group.state.waiterCount, 0);
  t.is(group.eventsOf('waiter-granted').length, 0);
  t.is(group.submit(unlock({ start: end + 10, length: 1 })).type, 'granted');
  t.is(group.submit(lock({ start: 2, length: 0 })).type, 'granted');
  t.is(counted(group), 2);
});

test('one owner waits in a bounded number of places', (t) => {
  const group = new Group();
  group.submit(lock({ svid: 2, length: 0 }));
  for (let i = 0; i < WAITERS_PER_OWNER_MAX; i += 1)
    t.is(group.submit(lock({ start: i * 2, length: 1, block: true })).type, 'blocked');
  t.like(group.submit(lock({ start: WAITERS_PER_OWNER_MAX * 2, length: 1, block: true })), { type: 'denied-no-locks' });
  t.is(group.submit(lock({ svid: 3, length: 1, block: true })).type, 'blocked');
});
