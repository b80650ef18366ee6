import test from 'ava';
import type { Bytes } from '../../src/base/bytes.js';
import type { DroppedRow } from '../../src/core/sweep.js';
import { DroppedRows } from '../../src/engine/dropped-rows.js';
import { PurgeReports, type CollectedReport } from '../../src/engine/purge-reports.js';

test('the first rows of a purge are there before all of them, and all of them when its sweep has ended', async (t) => {
  const reports = new PurgeReports();
  reports.begin(7);
  const first = reports.get(7, 2);
  const whole = reports.get(7, Number.POSITIVE_INFINITY);
  let isWhole = false;
  void whole.then(() => (isWhole = true));
  reports.add(rowOf('a', 1));
  reports.add(rowOf('b', 1));
  t.like(summary(await first), { rows: ['a', 'b'], complete: false });
  t.false(isWhole);
  reports.add(rowOf('c', 2));
  t.like(summary(await reports.get(7, 3)), { rows: ['a', 'b', 'c'], complete: false });
  reports.end();
  const report = await whole;
  t.like(summary(report), { rows: ['a', 'b', 'c'], complete: true, truncated: false });
  t.is(report?.files.size, 2);
  t.deepEqual([...(report?.fileSystems ?? [])], ['/srv/data']);
  t.like(await reports.get(7, 9), { complete: true });
  t.is(await reports.get(8, 1), undefined);
});

test('who waits for more rows than a purge has hears of its end', async (t) => {
  const reports = new PurgeReports();
  reports.begin(3);
  const waiting = reports.get(3, 5);
  reports.add(rowOf('a', 1));
  reports.begin(4);
  t.like(summary(await waiting), { rows: ['a'], complete: true });
});

test('rows are kept as they were, thousands of them', (t) => {
  const rows = new DroppedRows();
  const pushed: DroppedRow[] = [];
  for (let n = 0; n < 2500; n += 1) {
    const row = { ...rowOf(`name ${n}`, n), id: n * 0x1_0000_0001, svid: 1 - n, exclusive: n % 2 === 0 };
    pushed.push(n % 3 === 0 ? { ...row, type: 'share', mode: 0, access: 3 } : row);
    rows.push(pushed.at(-1)!);
  }
  t.is(rows.length, 2500);
  t.deepEqual(rows.slice(0), pushed);
  t.deepEqual(rows.slice(1020, 1030), pushed.slice(1020, 1030));
  t.deepEqual(rows.slice(2500), []);
});

/** Casts: bytes are text of the one-byte kind. */
function rowOf(name: string, file: number): DroppedRow {
  return {
    type: file % 2 === 0 ? 'lock' : 'waiter',
    id: 1,
    clientName: name as Bytes,
    clientAddress: '10.1.1.9',
    serverAddress: '10.1.1.2',
    svid: 1,
    oh: 'oh' as Bytes,
    file,
    fileSystem: '/srv/data',
    handle: `handle ${file}` as Bytes,
    range: { start: { high: 1, low: 2 }, end: { high: 0xffff_ffff, low: 0xffff_ffff } },
    exclusive: true,
  };
}

function summary(report: CollectedReport | undefined): object | undefined {
  return report === undefined
    ? undefined
    : { ...report, rows: report.rows.slice(0).map(({ clientName }) => clientName as string) };
}
