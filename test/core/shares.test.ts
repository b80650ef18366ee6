import test from 'ava';
import { deserialize, serialize } from '../../src/core/checkpoint.js';
import { DEFAULT_RULES } from '../../src/core/limits.js';
import { isSweeping } from '../../src/core/state.js';
import { sweep } from '../../src/core/sweep.js';
import { bytes, call, lock, order, owner, share, unlock, unshare } from '../support/commands.js';
import { Group } from '../support/decider.js';
import { sharedIn } from '../support/rows.js';

const BITS = [0, 1, 2, 3] as const;

function shares(group: Group): string[] {
  return sharedIn(group.state).map((row) => `${row.client.name} ${row.oh} ${row.mode}${row.access}`);
}

test('two owners conflict where one does what the other denies, in all 256 combinations', (t) => {
  for (const mode of BITS) {
    for (const access of BITS) {
      for (const theirMode of BITS) {
        for (const theirAccess of BITS) {
          const group = new Group();
          group.submit(share({ oh: 'other', mode: theirMode, access: theirAccess }));
          const conflict = (access & theirMode) !== 0 || (mode & theirAccess) !== 0;
          t.is(group.submit(share({ mode, access })).type, conflict ? 'denied' : 'granted');
        }
      }
    }
  }
});

test('one owner has several grants, and each UNSHARE takes one of its mode and access back', (t) => {
  const group = new Group();
  group.submit(share());
  group.submit(share());
  group.submit(share({ mode: 0 }));
  t.is(group.submit(unshare()).type, 'granted');
  t.deepEqual(shares(group), ['client1 opener 21', 'client1 opener 01']);
  t.is(group.submit(unshare({ mode: 3 })).type, 'granted');
  t.is(group.state.shareCount, 2);
});

test('hazard 5: a copy of SHARE counts once, and one that was taken back is not answered; after a purge it is decided anew', (t) => {
  const group = new Group();
  const once = share();
  group.submit(once);
  t.is(group.submit(once).type, 'granted');
  t.is(group.state.shareCount, 1);
  group.state = group.replayed();
  t.is(group.submit(once).type, 'granted');
  t.is(group.state.shareCount, 1);
  const back = unshare();
  group.submit(back);
  t.is(group.submit(once).type, 'silence');
  group.submit(share());
  t.is(group.submit(back).type, 'granted');
  t.is(group.state.shareCount, 1);
  const purged = share({ file: 'g' });
  group.submit(purged);
  group.submit({ type: 'purge', selector: { type: 'address', address: '10.1.1.1' }, order: order(), dryRun: false });
  t.is(group.submit(purged).type, 'granted');
  t.is(group.state.shareCount, 1);
});

test('hazard 5: a late copy of an UNSHARE that found nothing takes nothing back either', (t) => {
  const group = new Group();
  group.submit(share({ mode: 0 }));
  const late = unshare();
  t.is(group.submit(late).type, 'granted');
  group.submit(share());
  group.submit(late);
  t.is(group.state.shareCount, 2);
});

test('shares and byte-range locks do not meet', (t) => {
  const group = new Group();
  group.submit(share({ mode: 3, access: 3 }));
  t.is(group.submit(lock({ client: 'client2', from: '10.0.0.2' })).type, 'granted');
});

test('a purge by address, file system or client drops shares and counts them, before and after its sweep', (t) => {
  for (const selector of [
    { type: 'address', address: '10.1.1.1' },
    { type: 'file-system', fileSystem: 'fs1' },
    { type: 'client', name: bytes('client1') },
  ] as const) {
    const group = new Group();
    group.submit(share());
    group.submit(share({ client: 'client2', from: '10.0.0.2', to: '10.1.1.2', fileSystem: 'fs2' }));
    const outcome = group.submit({ type: 'purge', selector, order: order(), dryRun: false });
    t.like(outcome, { type: 'purged', counts: { locks: 0, waiters: 0, shares: 1 } });
    t.true(isSweeping(group.state));
    t.deepEqual(shares(group), ['client2 opener 21']);
    t.is(group.state.shareCount, 1);
    t.is(group.submit(share({ oh: 'other', mode: 3, access: 3 })).type, 'granted');
    const dropped: string[] = [];
    while (!sweep(group.state, 1, (row) => dropped.push(`${row.type} ${row.mode}${row.access}`)));
    t.deepEqual(dropped, ['share 21']);
    t.is(group.state.shareCount, 2);
  }
});

test('a reboot and FREE_ALL drop the shares of their client', (t) => {
  const group = new Group();
  const { client } = owner({});
  group.submit(share());
  group.submit({ type: 'reboot', client, state: 5 });
  t.is(group.state.shareCount, 0);
  group.submit(share());
  group.submit({ type: 'free-all', client });
  t.is(group.state.shareCount, 0);
  t.deepEqual(group.eventsOf('client-freed')[0]?.counts, { locks: 0, waiters: 0, shares: 1 });
});

test('shares of one file are limited, and a file or owner with a share is not forgotten', (t) => {
  const group = new Group();
  const rules = { ...DEFAULT_RULES, sharesPerFileMax: 1, idleFilesMax: 0, idleOwnersMax: 0 };
  group.submit({ type: 'set-rules', rules });
  group.submit(share());
  t.deepEqual(group.submit(share({ oh: 'other', mode: 0, access: 0 })), {
    type: 'denied-no-locks',
    why: 'sharesPerFileMax',
  });
  group.submit(lock({ svid: 7, file: 'g' }));
  group.submit(unlock({ svid: 7, file: 'g' }));
  group.submit({ type: 'forget' });
  t.like(group.eventsOf('names-forgotten')[0], { files: [2], owners: [2] });
});

test('a checkpoint has the shares', (t) => {
  const group = new Group();
  group.submit(share({ call: call() }));
  const loaded = deserialize(serialize(group.state));
  t.is(loaded.shareCount, 1);
  t.deepEqual(serialize(loaded), serialize(group.state));
});
