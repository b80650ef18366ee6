import test from 'ava';
import { foldChecked } from '../../src/audit/evidence/rules.js';
import { serialize } from '../../src/core/checkpoint.js';
import { decodeEvents } from '../../src/core/event-codec.js';
import type { Event } from '../../src/core/event.js';
import { initialState, type NlmFiles } from '../../src/core/state.js';
import { decodeEntry } from '../../src/ledger/entry.js';
import { lock, order, range, share } from '../support/commands.js';
import { Group } from '../support/decider.js';
import { History } from '../support/history.js';
import { seededRandom } from '../support/random.js';

const SEEDS = Number(process.env['NLM_EVIDENCE_SEEDS'] ?? 40);

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
  for (const [i, { event, ...at }] of events.entries()) {
    const next = events[i + 1];
    const why = foldChecked(state, event, at, next?.position === at.position ? next.event : undefined);
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
