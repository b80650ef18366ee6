import { Readable } from 'node:stream';
import test from 'ava';
import { contention } from '../../src/audit/contention.js';
import { diff } from '../../src/audit/diff.js';
import { csvOf, filterFrom, filterText } from '../../src/audit/export.js';
import { firstDifference, type PlacedLine } from '../../src/audit/export-check.js';
import { stateAt } from '../../src/audit/fold.js';
import { historyRows } from '../../src/audit/history.js';
import type { HistoryRow } from '../../src/audit/history-row.js';
import { auditTakeover } from '../../src/audit/takeover.js';
import { Top } from '../../src/audit/top.js';
import { contentionLines, dotLines, mermaidLines } from '../../src/cli/render/audit-contention.js';
import { takeoverLines, takeoverSvg } from '../../src/cli/render/audit-takeover.js';
import { timeTextIn } from '../../src/cli/render/time.js';
import { bytes, lock, order } from '../support/commands.js';
import { sourceOf } from '../support/entry-source.js';
import { History } from '../support/history.js';
import { seededRandom } from '../support/random.js';
import { story } from '../support/story.js';

const plain = (_style: unknown, text: string): string => text;
const utc = timeTextIn(false);
const pace = (): void => undefined;

/** What is held, without numbers and times: a lock that was given back and taken again is the same. */
function bare(row: string): string {
  const [kind, , whose, through, svid, oh, fileSystem, handle, what, ...rest] = row.split(' ');
  const state = kind === 'waiter' ? rest.slice(0, 1) : kind === 'share' ? rest.slice(1, 2) : [rest[0], rest[2]];
  return [kind, whose, through, svid, oh, fileSystem, handle, what, ...state].join(' ');
}

test('a difference between two moments is what each holds and the other does not', async (t) => {
  let rows = 0;
  for (let seed = 1; seed <= 8; seed += 1) {
    const pick = seededRandom(seed);
    const history = new History(pick).run(100);
    const source = await sourceOf(history);
    for (let round = 0; round < 4; round += 1) {
      const [a, b] = [pick(history.entries.length + 1), pick(history.entries.length + 1)];
      const sets = [a, b].map((position) => new Set(history.noted[position]!.rows.map(bare)));
      const only = (which: number): string[] =>
        [...sets[which]!]
          .filter((row) => !sets[1 - which]!.has(row))
          .map((row) => row.split(' ').slice(0, 7).join(' '))
          .sort();
      const found: Record<string, string[]> = { gone: [], new: [] };
      for await (const row of diff(await stateAt(source, a), await stateAt(source, b), {})) {
        const { kind, client, clientAddress, serverAddress, svid, oh, fileSystem, handle } = row;
        found[row.change]!.push(
          `${kind} ${client}@${clientAddress} ${serverAddress} ${svid} ${oh} ${fileSystem} ${handle}`,
        );
        rows += 1;
      }
      t.deepEqual(found['gone']!.sort(), only(0), `seed ${seed}: gone from ${a} to ${b}`);
      t.deepEqual(found['new']!.sort(), only(1), `seed ${seed}: new from ${a} to ${b}`);
    }
  }
  t.true(rows > 20);
});

test('contention tells who waited, who held, and who waits for whom at the end', async (t) => {
  const source = await sourceOf(story());
  const found = await contention(source, { from: 1, to: 7 }, {}, 5, pace);
  t.deepEqual(contentionLines(found, plain), [
    'group default, positions 1 to 7',
    '',
    'FILES THAT WERE WAITED FOR     WAITS  TOGETHER   LONGEST',
    'mail 68616e646c652d696e626f78  1      1 min 1 s  1 min 1 s',
    '',
    'OWNERS THAT WAITED                            WAITS  TOGETHER   LONGEST',
    'bob@10.0.0.2 svid 8 (8@bob) through 10.1.1.3  1      1 min 1 s  1 min 1 s',
    '',
    'LONGEST HOLDERS        HELD          MODE       RANGE       FILE',
    'alice@10.0.0.1 svid 7  1 min 2 s     exclusive  whole file  mail 68616e646c652d696e626f78',
    'alice@10.0.0.1 svid 7  4.0 s         exclusive  whole file  mail 68616e646c652d696e626f78',
    'bob@10.0.0.2 svid 8    2.0 s         exclusive  whole file  mail 68616e646c652d696e626f78',
    '',
    'nobody waits at the end',
  ]);
  const then = await contention(source, { from: 1, to: 2 }, {}, 5, pace);
  t.deepEqual(dotLines([then]).slice(2), ['  "bob@10.0.0.2 svid 8" -> "alice@10.0.0.1 svid 7" [label="0.0 s"];', '}']);
  t.deepEqual(mermaidLines([then]), [
    'graph LR',
    '  n0["bob@10.0.0.2 svid 8"]',
    '  n1["alice@10.0.0.1 svid 7"]',
    '  n0 -->|0.0 s| n1',
  ]);
});

test('the greatest sums are counted in bounded memory, and a table that lost names says so', (t) => {
  const top = new Top<number>(10);
  for (let name = 0; name < 10; name += 1) top.add(`n${name}`, name, name);
  t.true(top.exact);
  for (let round = 0; round < 100; round += 1) {
    top.add('often', -1, 50);
    top.add(`once${round}`, round, 1);
  }
  t.false(top.exact);
  t.like(top.first(1)[0], { name: 'often', count: 100, sum: 5000, max: 50 });
});

async function rowsOf(history: History, checkpoints: readonly number[] = []): Promise<HistoryRow[]> {
  const source = await sourceOf(history, checkpoints);
  const rows: HistoryRow[] = [];
  const range = { from: 1, to: history.entries.length };
  for await (const some of historyRows(source, range, {}, pace, true)) rows.push(...some);
  return rows;
}

const placed = (rows: readonly HistoryRow[], text: (row: HistoryRow) => string): AsyncIterable<PlacedLine> =>
  Readable.from(rows.map((row) => ({ position: row.position, index: row.index, line: text(row) })));

test('an export with a row changed, removed, doubled or added does not pass its check; rows of one event in another order do', async (t) => {
  const history = new History(seededRandom(3)).run(60);
  const rows = await rowsOf(history);
  const again = await rowsOf(history, [Math.floor(history.entries.length / 2)]);
  const positions = new Set(rows.map(({ position }) => position));
  t.is(positions.size, history.entries.length, 'without a filter every entry has rows');
  for (const text of [JSON.stringify, csvOf]) {
    const differs = (said: readonly HistoryRow[]): Promise<string | undefined> =>
      firstDifference(placed(rows, text), placed(said, text));
    t.is(await differs(again), undefined);
    const shuffled = rows.toSorted(
      (a, b) => a.position - b.position || a.index - b.index || (b.lock ?? 0) - (a.lock ?? 0),
    );
    t.is(await differs(shuffled), undefined);
    for (let at = 0; at < rows.length; at += 7) {
      const row = rows[at]!;
      const place = new RegExp(`position ${row.position}, event ${row.index}`);
      t.regex((await differs(rows.with(at, { ...row, node: 'c' }))) ?? '', place);
      t.regex((await differs(rows.toSpliced(at, 0, row))) ?? '', place);
      t.truthy(await differs(rows.toSpliced(at, 1)));
    }
    t.regex((await differs(rows.slice(0, -1))) ?? '', /ends before it|rows instead of/);
    t.regex((await differs([...rows, { ...rows.at(-1)!, position: 100_000 }])) ?? '', /has no such row/);
  }
});

test('CSV keeps a record on one line, and gives a spreadsheet no formula', (t) => {
  const place = { group: 'default', position: 1, index: 0, time: 0, epoch: 1, node: 'a', what: 'granted' } as const;
  const cells = csvOf({ ...place, client: '=cmd()', oh: 'a,"b"', detail: 'two\nlines' }).split(',');
  t.true(cells.includes("'=cmd()"));
  t.true(csvOf({ ...place, oh: 'a,"b"' }).includes('"a,""b"""'));
  t.true(csvOf({ ...place, detail: 'two\nlines' }).includes('two\\x0alines'));
  t.is(cells[3], '1970-01-01T00:00:00.000Z');
});

test('a filter that an export names is the same when it is read back', (t) => {
  const filter = {
    handle: bytes('\x00\xff'),
    client: bytes('a\\b\x01'),
    oh: bytes('7@alice'),
    svid: -1,
    address: '10.1.1.2',
  };
  t.deepEqual(filterFrom(JSON.parse(JSON.stringify(filterText(filter)))), filter);
});

/** Node a lets the group go, node b takes it; 3 seconds in all. */
function moved(): History {
  const history = new History(seededRandom(1));
  const step = (node: string, name: string, milliseconds: number, outcome: 'done' | 'failed' = 'done'): void => {
    history.submit({ type: 'record-step', node, step: name, outcome, detail: `${name} said so`, milliseconds });
    history.pass(0);
  };
  history.submit({ type: 'claim-group', node: 'a', way: 'reclaim', lossAccepted: false, order: order('first') });
  history.submit({ type: 'serve-group', handles: [] });
  history.submit(lock({ to: '10.1.1.2' }));
  history.pass(60_000);
  const move = { ...order('move-1'), actor: 'uid:0', reason: 'maintenance' };
  history.submit({ type: 'begin-release', way: 'reclaim', order: move });
  history.pass(500);
  step('a', 'close-door', 500);
  history.submit({
    type: 'purge',
    selector: { type: 'address', address: '10.1.1.2' },
    order: move,
    dryRun: false,
    reclaimable: true,
  });
  history.settle();
  history.pass(300);
  step('a', 'unexport', 250, 'failed');
  history.submit({ type: 'finish-release' });
  history.pass(1000);
  history.claimBy('b');
  history.submit({ type: 'claim-group', node: 'b', way: 'reclaim', lossAccepted: false, order: order('move-2') });
  history.pass(1200);
  step('b', 'mount', 1100);
  history.submit({ type: 'serve-group', handles: [] });
  history.pass(700);
  step('b', 'notify', 650);
  history.submit({ type: 'purge', selector: { type: 'client', address: '10.0.0.9' }, order: order(), dryRun: false });
  history.flush();
  return history;
}

test('a takeover is told over both nodes, step by step, with what each took and how long nothing was granted', async (t) => {
  const source = await sourceOf(moved());
  const found = await auditTakeover(source, undefined, pace);
  t.is(found.takeover, 2);
  t.like(found, { milliseconds: 3700, withoutGrantsMs: 3000 });
  t.deepEqual(
    found.moments.map(({ node, what, outcome }) => `${node} ${what} ${outcome ?? ''}`.trimEnd()),
    [
      'a group-releasing',
      'a takeover-step:close-door done',
      'a locks-expected',
      'a takeover-step:unexport failed',
      'a group-released',
      'b group-claimed',
      'b takeover-step:mount done',
      'b group-serving',
      'b takeover-step:notify done',
    ].map((line) => line.replace('takeover-step:', '')),
  );
  const [head, , ...lines] = takeoverLines(found, utc, plain);
  t.is(head, 'takeover 2 of group default, 2030-03-17T17:47:40.000Z: 3.7 s, 3.0 s of it without grants');
  t.regex(lines[1] ?? '', /^\+0 ms +500 ms +a +\d+ +done +close-door +close-door said so$/);
  t.is((await auditTakeover(source, 1, pace)).moments.length, 2);
  await t.throwsAsync(auditTakeover(source, 3, pace), { message: /has takeovers 1 to 2, and no 3/ });
  await t.throwsAsync(auditTakeover(await sourceOf(story()), undefined, pace), { message: /was never taken over/ });
});

test('the picture of a takeover is well-formed, stands by itself, and has a bar for each moment', async (t) => {
  const found = await auditTakeover(await sourceOf(moved()), 2, pace);
  const svg = takeoverSvg({ ...found, group: 'a<b' }, utc).join('\n');
  t.regex(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  t.notRegex(svg, /a<b|<script|href|undefined|NaN/);
  t.is(svg.match(/<text [^>]*>(?:group-|close|unexport|locks|mount|notify)/g)?.length, 9);
  const tags = [...svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)];
  const open = tags.filter(([, closing, , selfClosing]) => closing === '' && selfClosing === '').length;
  t.is(open, tags.filter(([, closing]) => closing === '/').length);
});
