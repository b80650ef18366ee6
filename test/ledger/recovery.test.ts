import test from 'ava';
import { decideRecovery, ROWS, type Facts } from '../../src/ledger/file/recovery.js';

const VALUES: { readonly [K in keyof Facts]: readonly Facts[K][] } = {
  folder: ['free', 'in-use'],
  disk: ['writable', 'full', 'read-only', 'failing'],
  segments: ['none', 'linked', 'missing', 'other-group', 'newer-version'],
  header: ['valid', 'torn', 'bad'],
  tail: ['clean', 'bad-above-mark', 'bad-at-or-below-mark'],
  chain: ['connected', 'gap', 'mismatch', 'unreadable', 'newer-version'],
};

function everyCombination(): Facts[] {
  let all: Partial<Facts>[] = [{}];
  for (const [name, values] of Object.entries(VALUES)) {
    all = all.flatMap((facts) => values.map((value) => ({ ...facts, [name]: value })));
  }
  // Every field was given a value above.
  return all as Facts[];
}

test('every combination of facts is decided, and every row of the table decides one', (t) => {
  const used = new Set<unknown>();
  for (const facts of everyCombination()) {
    const row = ROWS.find(({ when }) => when(facts));
    t.truthy(row);
    used.add(row);
    t.deepEqual(decideRecovery(facts), row?.decision);
  }
  t.is(used.size, ROWS.length);
});

test('nothing is written where the folder is in use, the disk cannot be written, or a newer release wrote it', (t) => {
  for (const facts of everyCombination()) {
    const barred =
      facts.folder === 'in-use' ||
      facts.disk === 'failing' ||
      facts.disk === 'read-only' ||
      facts.segments === 'newer-version' ||
      facts.chain === 'newer-version';
    if (barred) t.is(decideRecovery(facts).type, 'stop', JSON.stringify(facts));
  }
});

test('damage at or below a durable mark, a hole or a broken chain always stops the start (hazard 17)', (t) => {
  for (const facts of everyCombination()) {
    if (facts.segments === 'none') continue;
    const damaged =
      facts.tail === 'bad-at-or-below-mark' ||
      facts.segments === 'missing' ||
      facts.header === 'bad' ||
      facts.chain === 'gap' ||
      facts.chain === 'mismatch' ||
      facts.chain === 'unreadable';
    const { type } = decideRecovery(facts);
    if (damaged && facts.header !== 'torn') t.is(type, 'stop', JSON.stringify(facts));
  }
});

test('only a torn tail above the mark is cut, and only where its copy has room', (t) => {
  for (const facts of everyCombination()) {
    if (decideRecovery(facts).type !== 'cut-tail') continue;
    t.is(facts.tail, 'bad-above-mark');
    t.is(facts.disk, 'writable');
    t.is(facts.chain, 'connected');
  }
});

test('each refusal says what to do', (t) => {
  for (const { decision } of ROWS) {
    if (decision.type !== 'stop') continue;
    t.regex(decision.message, /Ask|Look|Start|Free|restore|check the disk|put /);
  }
});
