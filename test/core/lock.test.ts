import test from 'ava';
import type { Event } from '../../src/core/event.js';
import { bytes, call, lock, range, test as testLock } from '../support/commands.js';
import { given, Group } from '../support/decider.js';

const CALL = call();
const MET: readonly Event[] = [
  { type: 'client-met', client: 1, name: bytes('client1'), address: '10.0.0.1' },
  { type: 'owner-met', owner: 1, client: 1, serverAddress: '10.1.1.1', svid: 1, oh: bytes('1@client1') },
  { type: 'file-met', file: 1, fileSystem: 'fs1', key: bytes('f'), handle: bytes('handle-f') },
];
const HELD: Event = {
  type: 'lock-granted',
  owner: 1,
  file: 1,
  range: range(0, 10),
  exclusive: true,
  reclaim: false,
  monitored: true,
  call: CALL,
};

test('the first lock introduces its client, owner and file, and is granted', (t) => {
  given([])
    .when(lock({ length: 10, call: CALL }))
    .expect(t, [...MET, HELD], { type: 'granted' });
});

test('a lock that its owner holds already is granted without an event', (t) => {
  given([...MET, HELD])
    .when(lock({ start: 2, length: 3 }))
    .expect(t, [], { type: 'granted' });
});

test('a lock of another owner on an overlapping range is denied and names its holder', (t) => {
  given([...MET, HELD])
    .when(lock({ svid: 2, start: 9, length: 5, exclusive: false }))
    .expect(t, [], {
      type: 'denied',
      holder: { exclusive: true, svid: 1, oh: bytes('1@client1'), range: range(0, 10) },
    });
});

test('a blocking lock in conflict waits', (t) => {
  const group = new Group();
  group.submit(lock());
  t.deepEqual(group.submit(lock({ svid: 2, block: true })), { type: 'blocked' });
  t.is(group.state.waiterCount, 1);
  t.is(group.submit(testLock({ svid: 3 })).type, 'denied');
});
