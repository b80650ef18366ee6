import test from 'ava';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import { cancel, lock, order, unlock } from '../support/commands.js';
import { Group } from '../support/decider.js';
import { heldIn } from '../support/rows.js';

function modes(group: Group): string {
  return heldIn(group.state)
    .map((row) => `${row.svid}${row.exclusive ? 'W' : 'R'}`)
    .join(' ');
}

test('hazard 5: a late copy of a LOCK that its owner unlocked since takes nothing and is not answered', (t) => {
  const group = new Group();
  const once = lock({ length: 10 });
  group.submit(once);
  group.submit(unlock({ length: 10 }));
  t.is(group.submit(once).type, 'silence');
  group.state = group.replayed();
  t.is(group.submit(once).type, 'silence');
  group.state = deserialize(serialize(group.state));
  t.is(group.submit(once).type, 'silence');
  t.is(modes(group), '');
  t.is(group.submit(lock({ length: 10 })).type, 'granted');
});

test('hazard 5: a late copy of a shared LOCK does not take an upgrade back', (t) => {
  const group = new Group();
  const once = lock({ exclusive: false });
  group.submit(once);
  group.submit(lock({}));
  t.is(group.submit(once).type, 'silence');
  t.is(modes(group), '1W');
});

test('hazard 5: a late copy of a blocking LOCK that was cancelled takes nothing', (t) => {
  const group = new Group();
  group.submit(lock({}));
  const once = lock({ svid: 2, block: true });
  group.submit(once);
  t.is(group.submit(once).type, 'blocked');
  group.submit(cancel({ svid: 2 }));
  group.submit(unlock({}));
  t.is(group.submit(once).type, 'silence');
  t.is(modes(group), '');
});

test('hazard 5: what an operator took away is had again by a copy of the LOCK', (t) => {
  const group = new Group();
  const once = lock({});
  group.submit(once);
  const { lock: id } = heldIn(group.state)[0]!;
  for (const selector of [
    { type: 'lock', lock: id },
    { type: 'client', address: '10.0.0.1' },
    { type: 'file-system', fileSystem: 'fs1' },
  ] as const) {
    group.submit({ type: 'purge', selector, order: order(), dryRun: false });
    t.is(modes(group), '');
    t.is(group.submit(once).type, 'granted');
  }
});

test('hazard 5: a late copy of an UNLOCK or CANCEL that found nothing finds nothing later', (t) => {
  const group = new Group();
  group.submit(lock({ svid: 9, file: 'known' }));
  const late = unlock({});
  t.is(group.submit(late).type, 'granted');
  group.submit(lock({}));
  t.is(group.submit(late).type, 'granted');
  t.is(modes(group), '9W 1W');
  const lateCancel = cancel({ svid: 2 });
  group.submit(lateCancel);
  group.submit(lock({ svid: 2, block: true }));
  group.submit(lateCancel);
  t.is(group.state.waiterCount, 1);
});

test('hazard 5: an old copy is decided anew once its call is forgotten by age', (t) => {
  const group = new Group();
  const once = lock({});
  group.submit(once);
  group.submit(unlock({}));
  group.now += group.state.rules.replyAgeMsMax + 1;
  t.is(group.submit(once).type, 'granted');
});
