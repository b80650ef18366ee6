import test from 'ava';
import { tooMany } from '../../src/ledger/file/series.js';

const sized = (positions: readonly number[], bytes = 10): { position: number; bytes: number }[] =>
  positions.map((position) => ({ position, bytes }));

function kept(positions: readonly number[], limits: { countMax: number; bytesMax: number }): number[] {
  const gone = new Set(tooMany(sized(positions), limits));
  return positions.filter((position) => !gone.has(position));
}

test('the newest three checkpoints stay, whatever the limits', (t) => {
  t.deepEqual(kept([1, 2, 3, 4, 5], { countMax: 0, bytesMax: 0 }), [3, 4, 5]);
  t.deepEqual(kept([1, 2], { countMax: 0, bytesMax: 0 }), [1, 2]);
});

test('a series that grows stays within its limits and lies evenly along the ledger', (t) => {
  const limits = { countMax: 16, bytesMax: 1_000_000 };
  let positions: number[] = [];
  for (let next = 500; next <= 500 * 400; next += 500) positions = kept([...positions, next], limits);
  const series = positions.slice(0, -3);
  t.is(series.length, 16);
  const gaps = series.map((position, index) => position - (series[index - 1] ?? 0));
  t.true(Math.max(...gaps) <= (500 * 400 * 3) / 16, `widest ${Math.max(...gaps)}`);
});

test('many small steps in one place do not push out what lies far from them', (t) => {
  const far = [10_000, 20_000, 30_000];
  const crowd = Array.from({ length: 50 }, (_, index) => 40_000 + index);
  const left = kept([...far, ...crowd], { countMax: 5, bytesMax: 1_000_000 });
  for (const position of far) t.true(left.includes(position));
});

test('large checkpoints are fewer', (t) => {
  t.is(kept([10, 20, 30, 40, 50, 60, 70], { countMax: 100, bytesMax: 25 }).length, 2 + 3);
});

test('without limits that bite nothing is removed', (t) => {
  t.deepEqual(tooMany(sized([10, 20, 30, 40, 50, 60])), []);
});
