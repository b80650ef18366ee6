import test from 'ava';
import { CheckedFold } from '../../src/audit/evidence/rules/fold.js';
import { serialize } from '../../src/core/checkpoint.js';
import { decodeEvents } from '../../src/core/event-codec.js';
import type { Event, LockGranted } from '../../src/core/event.js';
import { initialState, type NlmFiles } from '../../src/core/state.js';
import { decodeEntry } from '../../src/ledger/entry.js';
import { bytes, lock, order, range, share } from '../support/commands.js';
import { Group } from '../support/decider.js';
import { History } from '../support/history.js';
import { seededRandom } from '../support/random.js';

const SEEDS = Number(process.env['NLM_EVIDENCE_SEEDS'] ?? 12);

function eventsOf(
  history: History,
): { readonly event: Event; readonly position: number; readonly epoch: number; readonly time: number }[] {
  return history.entries.flatMap(({ bytes }) => {
    const { events, position, epoch, time } = decodeEntry(bytes);
    const found: { event: Event; position: number; epoch: number; time: number }[] = [];
    decodeEvents(events, (event) => found.push({ event, position, epoch, time }));
    return found;
  });
}

/** The first event that no decision can have made, with why. */
function firstFault(events: ReturnType<typeof eventsOf>, state: NlmFiles = initialState()): string | undefined {
  const fold = new CheckedFold(state);
  for (const [i, { event, ...at }] of events.entries()) {
    const next = events[i + 1];
    const why = fold.fold(event, at, next?.position === at.position ? next.event : undefined);
    if (why !== undefined) return `${at.position} ${event.type}: ${why}`;
  }
  return undefined;
}

test('a step of an UNLOCK gives back what its owner holds, and a share and a waiter go by their numbers once', (t) => {
  const group = new Group();
  group.submit(lock({ length: 10 }));
  group.submit(lock({ svid: 2, length: 10, block: true }));
  group.submit(share());
  for (const id of [2, 3]) {
    group.submit({ type: 'purge', selector: { type: 'lock', lock: id }, order: order(), dryRun: false });
  }
  const events = group.history.flatMap(({ events: made, time }, i) =>
    made.map((event) => ({ event, position: i + 1, epoch: 1, time })),
  );
  t.is(firstFault(events), undefined);
  const at = { position: 9, epoch: 1, time: group.now };
  const step = { type: 'locks-released', owner: 1, file: 1, range: range(0, 5) } as const;
  t.is(firstFault([...events, { event: step, ...at }]), undefined);
  t.regex(firstFault([...events, { event: { ...step, owner: 2 }, ...at }]) ?? '', /holds nothing there/);
  const again = events.find(({ event }) => event.type === 'share-unlocked')!;
  t.not(firstFault([...events, { ...again, ...at }]), undefined);
});

test('no event of a random history is one that no decision can have made, and the checked fold is the fold', (t) => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const history = new History(seededRandom(seed)).run(300);
    const state = initialState();
    t.is(firstFault(eventsOf(history), state), undefined, `seed ${seed}`);
    t.deepEqual(Buffer.from(serialize(state)), Buffer.from(serialize(history.state)), `seed ${seed}`);
  }
});

const CALL = { port: 1, xid: 99, digest: 1 };
const ORDER = { commandId: 'forged', actor: 'a', door: 'd', reason: 'r' };
const NONE = { locks: 0, waiters: 0, shares: 0 };

/** Client 1 (owner 1) holds `f` (file 1), client 2 (owner 2) holds `g` (file 2) and waits for `f`. */
function held(): Group {
  const group = new Group();
  group.submit(lock({ file: 'f' }));
  group.submit(lock({ client: 'client2', from: '10.0.0.2', file: 'g' }));
  group.submit(lock({ client: 'client2', from: '10.0.0.2', file: 'f', block: true }));
  return group;
}

/** Why no decision can have made the event there, after what else was recorded. */
function whyNot(forged: Event, before: readonly Event[] = []): string {
  const group = held();
  const state = initialState();
  const fold = new CheckedFold(state);
  for (const event of [...group.history.flatMap(({ events }) => events), ...before]) {
    const at = { position: state.position + 1, epoch: 1, time: group.now };
    if (fold.fold(event, at, undefined) !== undefined) throw new Error(`what comes before is forged: ${event.type}`);
  }
  return fold.fold(forged, { position: state.position + 1, epoch: 1, time: group.now }, undefined) ?? 'possible';
}

function granted(owner: number, file: number, more: Partial<LockGranted> = {}): LockGranted {
  return {
    type: 'lock-granted',
    owner,
    file,
    range: range(0, 0),
    exclusive: true,
    reclaim: false,
    monitored: true,
    call: CALL,
    ...more,
  };
}

const GRACE: Event = {
  type: 'grace-opened',
  scope: { type: 'all' },
  until: 2_000_000_000_000,
  policy: 'strict',
  expect: 'none',
  order: ORDER,
};
const PURGED: Event = { type: 'address-unlocked', address: '10.9.9.9', counts: NONE, order: ORDER };

const FORGED: readonly (readonly [rule: string, why: RegExp, forged: Event, before?: readonly Event[]])[] = [
  ['two holders', /two holders/, granted(2, 1)],
  ['the same lock granted twice', /it was so already/, granted(1, 1)],
  ['a grant that names the handle of its file as another one', /with other facts/, granted(1, 1, { range: range(5, 5), exclusive: false, handle: bytes('handle-f') })],
  ['a grant in a grace period', /granted in a grace period/, granted(1, 2, { range: range(5, 5) }), [{ type: 'lock-released', owner: 2, file: 2, range: range(0, 0), call: { ...CALL, xid: 7 } }, GRACE]],
  ['a reclaim outside of a grace period', /reclaimed outside of one/, granted(1, 2, { reclaim: true }), [{ type: 'lock-released', owner: 2, file: 2, range: range(0, 0), call: { ...CALL, xid: 7 } }]],
  ['a waiter that is granted while another holds', /two holders/, { type: 'waiter-granted', waiter: 3 }],
  ['a waiter that is not there', /is not there/, { type: 'waiter-granted', waiter: 77 }],
  ['a grant to an owner that nobody met', /owner 9 was never met/, granted(9, 1)],
  ['a release of what is not held', /nothing was to be recorded/, { type: 'lock-released', owner: 2, file: 1, range: range(1000, 1), call: CALL }],
  ['a purge that counts what was not there', /it counts 5 locks, 0 waiters, 0 shares, and there were 2 locks, 1 waiters/, { ...PURGED, address: '10.1.1.1', counts: { ...NONE, locks: 5 } }],
  ['a purge under an id that was carried out', /carried out at position/, PURGED, [PURGED]],
  ['the end of a grace that nobody opened', /answer "not-found"/, { type: 'grace-ended', scope: { type: 'all' }, why: 'command', order: ORDER }],
  ['a missed reclaim outside of the end of a grace', /no grace has ended/, { type: 'reclaim-missed', lock: 1, owner: 1, file: 1, range: range(0, 0), exclusive: true }],
  ['a reboot that counts what was not there', /it counts 0 locks.*there were 1 locks/, { type: 'client-rebooted', client: 1, state: 3, counts: NONE }],
  ['a client that is met twice', /has a number already/, { type: 'client-met', client: 3, name: bytes('client1'), address: '10.0.0.1' }],
  ['an owner in place of another', /another one already/, { type: 'owner-met', owner: 1, client: 1, serverAddress: '10.1.1.1', svid: 5, oh: bytes('x') }],
  ['names that are forgotten while they hold', /holds something/, { type: 'names-forgotten', files: [], owners: [1], clients: [] }],
  ['an acknowledgement of what waits for none', /waits for no acknowledgement/, { type: 'grant-acknowledged', lock: 1, by: 'answer' }],
  ['a group that is served without a claim', /cannot be served/, { type: 'group-serving', takeover: 1, handles: [] }],
]; // prettier-ignore

for (const [rule, why, forged, before] of FORGED) {
  test(`an event that no decision can have made is told: ${rule}`, (t) => {
    t.regex(whyNot(forged, before), why);
  });
}

test('the same events are possible where the rules allow them', (t) => {
  const released: Event = { type: 'lock-released', owner: 1, file: 1, range: range(0, 0), call: CALL };
  t.is(whyNot(released), 'possible');
  t.is(whyNot({ type: 'waiter-granted', waiter: 3 }, [released]), 'possible');
  t.is(whyNot({ ...PURGED, address: '10.1.1.1', counts: { locks: 2, waiters: 1, shares: 0 } }), 'possible');
  t.is(whyNot(granted(1, 1, { exclusive: false })), 'possible', 'a downgrade');
});

test('hazard 10: an append of an owner whose claim is over is passed over by the fold', (t) => {
  const state = initialState();
  const fold = new CheckedFold(state);
  fold.fold(
    { type: 'node-started', node: 'b', release: '1', notes: [] },
    { position: 1, epoch: 2, time: 1 },
    undefined,
  );
  t.is(fold.fold(granted(1, 1), { position: 2, epoch: 1, time: 2 }, undefined), undefined);
  t.is(state.violations, 1);
  t.is(state.lockCount, 0);
});
