import test from 'ava';
import type { Filter } from '../../src/audit/filter.js';
import { stateAt, watchFold } from '../../src/audit/fold.js';
import { HistoryObserver } from '../../src/audit/history.js';
import { isLoss, type HistoryRow } from '../../src/audit/history-row.js';
import { auditPurge, findPurge, type AfterRow, type PurgedRow, type PurgeHead } from '../../src/audit/purge.js';
import type { EntrySource } from '../../src/audit/source.js';
import { historyLine } from '../../src/cli/render/audit-history.js';
import { TextPurge } from '../../src/cli/render/audit-purge.js';
import { timeTextIn } from '../../src/cli/render/time.js';
import { bytes } from '../support/commands.js';
import { sourceOf } from '../support/entry-source.js';
import { History } from '../support/history.js';
import { seededRandom } from '../support/random.js';
import { story } from '../support/story.js';

const plain = (_style: unknown, text: string): string => text;
const utc = timeTextIn(false);

async function historyOf(source: EntrySource, filter: Filter = {}, from = 1): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  const observer = new HistoryObserver(source.group, filter, (row) => rows.push(row));
  const { position: to } = await source.head();
  await watchFold(source, await stateAt(source, from - 1), { from, to }, observer);
  return rows;
}

test('the history of a file says who held it, who waited behind whom, and who broke the lock', async (t) => {
  const source = await sourceOf(story());
  const file = 'mail 68616e646c652d696e626f78';
  const alice = 'alice@10.0.0.1 svid 7 (7@alice) through 10.1.1.2';
  const bob = 'bob@10.0.0.2 svid 8 (8@bob) through 10.1.1.3';
  const rows = await historyOf(source, { handle: bytes('handle-inbox') });
  t.deepEqual(
    rows.map((row) => historyLine(row, utc, plain)),
    [
      `2030-03-17T17:46:40.000Z default 1 ${alice} granted exclusive whole file of ${file} (lock 1)`,
      `2030-03-17T17:46:41.000Z default 2 ${bob} waits for exclusive whole file of ${file} (lock 2; behind lock 1 of alice@10.0.0.1 svid 7)`,
      `2030-03-17T17:47:42.000Z default 3 ${alice} LOST exclusive whole file of ${file} (lock 1; held for 1 min 2 s; by unlock-ip 10.1.1.2, ordered by uid:1000 through socket at position 3, command move-17, "to server b")`,
      `2030-03-17T17:47:42.000Z default 4 ${bob} granted after a wait exclusive whole file of ${file} (lock 3; after 1 min 1 s; behind lock 1 of alice@10.0.0.1 svid 7)`,
      `2030-03-17T17:47:44.000Z default 5 ${bob} released whole file of ${file} (held for 2.0 s)`,
      `2030-03-17T17:47:47.000Z default 6 ${alice} granted exclusive whole file of ${file} (lock 4)`,
      `2030-03-17T17:47:51.000Z default 7 ${alice} LOST exclusive whole file of ${file} (lock 4; held for 4.0 s; the client rebooted, NSM state 5)`,
    ],
  );
  t.deepEqual(
    rows.filter(isLoss).map(({ position }) => position),
    [3, 7],
  );
});

test('of an address the purge itself is told, of a client what it lost, of another nothing', async (t) => {
  const source = await sourceOf(story());
  const whats = async (filter: Filter): Promise<string[]> => (await historyOf(source, filter)).map(({ what }) => what);
  t.deepEqual(await whats({ address: '10.1.1.2' }), ['granted', 'purged', 'dropped', 'granted', 'dropped']);
  t.deepEqual(await whats({ client: bytes('alice') }), ['granted', 'dropped', 'granted', 'rebooted', 'dropped']);
  t.deepEqual(await whats({ client: bytes('alice'), clientAddress: '10.0.0.1' }), [
    'granted', 'dropped', 'granted', 'rebooted', 'dropped',
  ]); // prettier-ignore
  t.deepEqual(await whats({ svid: 8 }), ['waits', 'granted-after-wait', 'released']);
  t.deepEqual(await whats({ oh: bytes('8@bob'), address: '10.1.1.2' }), []);
  t.deepEqual(await whats({ fileSystem: 'elsewhere' }), []);
});

interface Told {
  heads: PurgeHead[];
  dropped: PurgedRow[];
  after: AfterRow[];
}

async function toldOf(source: EntrySource, position: number, until: number): Promise<Told> {
  const told: Told = { heads: [], dropped: [], after: [] };
  await auditPurge(source, position, until, {
    head: (head) => told.heads.push(head),
    dropped: (row) => told.dropped.push(row),
    after: (row) => told.after.push(row),
  });
  return told;
}

test('a purge is told whole: its order, its rows, who was let in, and which former holder came back', async (t) => {
  const source = await sourceOf(story(), [2]);
  t.is(await findPurge(source, 'move-17'), 3);
  t.is(await findPurge(source, 'move-18'), undefined);
  const lines: string[] = [];
  const view = new TextPurge((line) => lines.push(line), { limit: 10, within: 3600, time: utc, paint: plain });
  await auditPurge(source, 3, 7, view);
  view.end();
  t.deepEqual(lines, [
    'unlock-ip 10.1.1.2, at position 3 of the ledger of default, 2030-03-17T17:47:42.000Z',
    'ordered by uid:1000 through socket: to server b',
    'command move-17, carried out by node a in epoch 1',
    'dropped: 1 lock, 0 waiters, 0 shares',
    '      LOCK  CLIENT          THROUGH   OWNER      MODE       RANGE       FILE SYSTEM  FILE',
    'lock  1     alice@10.0.0.1  10.1.1.2  7 7@alice  exclusive  whole file  mail         68616e646c652d696e626f78',
    'let in bob@10.0.0.2 svid 8 (8@bob) through 10.1.1.3: exclusive whole file of mail 68616e646c652d696e626f78, 0.0 s later (2030-03-17T17:47:42.000Z, position 4), after it had waited 1 min 1 s',
    'came back alice@10.0.0.1 svid 7 (7@alice) through 10.1.1.2: exclusive whole file of mail 68616e646c652d696e626f78, 5.0 s later (2030-03-17T17:47:47.000Z, position 6)',
    '1 grant was let in by it, 1 grant gave a former holder its lock again, within 1 h 0 min',
  ]);
  await t.throwsAsync(toldOf(source, 4, 7), { message: /position 4 of default holds no purge, but waiter-granted/ });
});

test('whatever happened, the rows of a purge are those that the node swept, and its history has them too', async (t) => {
  let rows = 0;
  for (let seed = 1; seed <= 12; seed += 1) {
    const history = new History(seededRandom(seed)).run(120);
    const source = await sourceOf(history);
    const told = await historyOf(source);
    for (const [position, swept] of history.dropped) {
      const expected = swept.map(({ type, id }) => `${type} ${id}`).sort();
      const { heads, dropped } = await toldOf(source, position, position);
      t.deepEqual(dropped.map(({ kind, lock }) => `${kind} ${lock}`).sort(), expected, `seed ${seed} at ${position}`);
      t.is(heads.length, 1);
      const lost = told.filter(
        ({ cause, what }) => what !== 'purged' && cause?.type === 'purge' && cause.position === position,
      );
      t.deepEqual(lost.map(({ kind, lock }) => `${kind} ${lock}`).sort(), expected, `seed ${seed} at ${position}`);
      rows += expected.length;
    }
  }
  t.true(rows > 50, 'the histories drop next to nothing');
});

test('a filter shows the rows that are about it, all of them and nothing else, from wherever it begins', async (t) => {
  let shown = 0;
  for (let seed = 20; seed < 26; seed += 1) {
    const history = new History(seededRandom(seed)).run(120);
    const source = await sourceOf(history, [Math.floor(history.entries.length / 2)]);
    const all = await historyOf(source);
    const ofOne = (row: HistoryRow): boolean => row.client === 'client2' && row.handle === '68616e646c652d6630';
    const asked = await historyOf(source, { client: bytes('client2'), handle: bytes('handle-f0') });
    const aboutOne = ({ what }: HistoryRow): boolean => !what.startsWith('grace') && what !== 'group';
    t.deepEqual(asked.filter(aboutOne), all.filter(ofOne), `seed ${seed}`);
    shown += asked.length;
    // Whom somebody stood behind who waited already is known only where the waiting was seen.
    const comparable = (rows: readonly HistoryRow[]): string[] =>
      rows
        .filter(({ position }) => position >= 40)
        .map((row) => JSON.stringify({ ...row, behind: [] }))
        .sort();
    t.deepEqual(comparable(await historyOf(source, {}, 40)), comparable(all), `seed ${seed} from 40`);
  }
  t.true(shown > 10, 'the filter shows next to nothing');
});
