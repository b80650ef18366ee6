import test from 'ava';
import { entryAt, headOf, rowsOf, type RowAt } from '../../src/audit/at.js';
import { stateAt } from '../../src/audit/fold.js';
import { positionOf } from '../../src/audit/moment.js';
import { openSources, type EntrySource } from '../../src/audit/source.js';
import { CHECKPOINT_VERSION, serialize } from '../../src/core/checkpoint.js';
import { FileCheckpoints } from '../../src/ledger/file/checkpoints.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { smallLedger, temporaryFolder } from '../ledger/fixture.js';
import { sourceOf } from '../support/entry-source.js';
import { History } from '../support/history.js';
import { seededRandom } from '../support/random.js';

/** Histories of one run; a run by hand sets thousands. */
const SEEDS = Number(process.env['NLM_SIMULATION_SEEDS'] ?? 48);
const STEPS = 120;

/** As `heldRows` of test/support/history.ts writes it. */
function line(row: RowAt): string {
  const whose =
    `${row.client}@${row.clientAddress} ${row.serverAddress} ${row.svid} ${row.oh} ` +
    `${row.fileSystem} ${row.handle}`;
  if (row.kind === 'share') {
    return `share ${row.lock} ${whose} ${row.mode}${row.access} ${row.since} ${row.expected ? 'expected' : 'held'}`;
  }
  const range = `${row.start}-${row.end === 'eof' ? 2n ** 64n - 1n : row.end}`;
  const start = `${row.kind} ${row.lock} ${whose} ${range} ${row.exclusive} ${row.since}`;
  if (row.kind === 'waiter') return start;
  const held = row.expected ? 'expected' : 'held';
  return `${start} ${held} ${row.acknowledged ? '' : 'pending'}${row.reclaimed ? ' reclaimed' : ''}`;
}

async function linesAt(source: EntrySource, position: number): Promise<string[]> {
  const state = await stateAt(source, position);
  const lines: string[] = [];
  for await (const row of rowsOf(state, source.group, 0, {})) lines.push(line(row));
  return lines.sort();
}

test('at any position an audit sees what the node held there, from any checkpoint', async (t) => {
  let [compared, positions] = [0, 0];
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const pick = seededRandom(seed);
    const history = new History(pick).run(STEPS);
    const last = history.entries.length;
    const checkpoints = Array.from({ length: 3 }, () => 1 + pick(last)).toSorted((a, b) => a - b);
    const source = await sourceOf(history, [...new Set(checkpoints)]);
    for (const position of [0, 1, last, ...checkpoints, ...Array.from({ length: 6 }, () => 1 + pick(last))]) {
      const [seen, { rows }] = [await linesAt(source, position), history.noted[position]!];
      // The assertion's own way to compare costs more than all the rest: it is for what differs.
      if (seen.join() !== rows.join()) t.deepEqual(seen, rows, `seed ${seed} position ${position}`);
      compared += rows.length;
      positions += 1;
    }
  }
  t.log(`${SEEDS} histories, ${positions} positions, ${compared} rows`);
  t.true(compared > SEEDS * 10, 'the histories hold next to nothing');
});

test('from a folder: at a position, at a time, from checkpoints on the disk and across segments', async (t) => {
  const data = await temporaryFolder(t);
  const history = new History(seededRandom(4711)).run(400);
  const { ledger } = await openFileLedger(smallLedger(data));
  for (const entry of history.entries) t.is((await ledger.append(entry)).type, 'durable');
  await ledger.close();
  const [source] = await openSources(data, undefined, (text) => t.fail(text));
  const store = new FileCheckpoints({ data, group: 'default', log: (text) => t.fail(text) });
  const last = history.entries.length;
  for (const position of [Math.floor(last / 3), Math.floor(last / 2)]) {
    const state = serialize(await stateAt(source!, position));
    await store.write({ ...history.noted[position]!.head, version: CHECKPOINT_VERSION, state });
  }
  for (let position = 0; position <= last; position += 13) {
    t.deepEqual(await linesAt(source!, position), history.noted[position]!.rows, `position ${position}`);
    const { time } = history.noted[position]!.head;
    const newest = history.noted.findLastIndex(({ head }) => head.time <= time);
    t.is(await positionOf(source!, { type: 'time', time }), newest, `time of position ${position}`);
    t.is(await positionOf(source!, { type: 'position', position }), position);
  }
  t.is(await positionOf(source!, { type: 'head' }), last);
  await t.throwsAsync(positionOf(source!, { type: 'position', position: last + 1 }), { message: /ends at position/ });
  const head = headOf(await stateAt(source!, last), 'default', last, await entryAt(source!, last));
  t.is(head.time, history.noted[last]!.head.time);
  t.is(head.locks, history.state.lockCount);
});
