import test from 'ava';
import { CHECKPOINT_VERSION, deserialize, serialize } from '../../src/core/checkpoint.js';
import { lock } from '../support/commands.js';
import { Group } from '../support/decider.js';

test('a checkpoint that ends early at any byte is damaged, and says so', (t) => {
  const group = new Group();
  group.submit(lock({ length: 5 }));
  group.submit(lock({ svid: 2, block: true }));
  const bytes = serialize(group.state);
  for (let length = 0; length < bytes.length; length += 1) {
    t.throws(() => deserialize(bytes.subarray(0, length)), { name: 'LedgerError' });
  }
  t.is(deserialize(bytes).lockCount, 1);
});

test('a checkpoint of a newer form is not read', (t) => {
  const bytes = serialize(new Group().state).slice();
  bytes[0] = CHECKPOINT_VERSION + 1;
  t.throws(() => deserialize(bytes), { name: 'LedgerError', message: /form \d+; this release reads/ });
});

test('waiters of a loaded checkpoint are looked at again', (t) => {
  const group = new Group();
  group.submit(lock({}));
  group.submit(lock({ svid: 2, block: true }));
  t.is(group.state.freed.size, 0);
  t.is(deserialize(serialize(group.state)).freed.size, 1);
});
