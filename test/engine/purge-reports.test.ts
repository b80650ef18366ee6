import test from 'ava';
import { PurgeReports } from '../../src/engine/purge-reports.js';

test('the first rows of a purge are there before all of them, and all of them when its sweep has ended', async (t) => {
  const reports = new PurgeReports<string>();
  reports.begin(7);
  const first = reports.get(7, 2);
  const whole = reports.get(7, Number.POSITIVE_INFINITY);
  let isWhole = false;
  void whole.then(() => (isWhole = true));
  reports.add(1, 'a');
  reports.add(1, 'b');
  t.like(await first, { rows: ['a', 'b'], complete: false });
  t.false(isWhole);
  reports.add(2, 'c');
  t.like(await reports.get(7, 3), { rows: ['a', 'b', 'c'], complete: false });
  reports.end();
  const report = await whole;
  t.like(report, { rows: ['a', 'b', 'c'], complete: true, truncated: false });
  t.is(report?.files.size, 2);
  t.like(await reports.get(7, 9), { complete: true });
  t.is(await reports.get(8, 1), undefined);
});

test('who waits for more rows than a purge has hears of its end', async (t) => {
  const reports = new PurgeReports<string>();
  reports.begin(3);
  const waiting = reports.get(3, 5);
  reports.add(1, 'a');
  reports.begin(4);
  t.like(await waiting, { rows: ['a'], complete: true });
});
