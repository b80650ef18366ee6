import test from 'ava';
import type { Curve } from '../../ops/bench/curves/curve.js';
import { exponentOf } from '../../ops/bench/curves/fit.js';
import { drawn } from '../../ops/bench/curves/svg.js';
import { keptOf, regressions } from '../../ops/bench/run/reference.js';
import type { Results } from '../../ops/bench/run/results.js';

const points = [1000, 10_000, 100_000].map((n) => ({ n, value: 3 * Math.sqrt(n) }));
const curve: Curve = { name: 'x', title: 'A < B', of: 'things', unit: 'ms', points, exponentMax: 0.45 };

function results(bytesAPair: number, curves: readonly Curve[] = []): Results {
  return { rounds: { runs: [], sync: [] }, held: [], volume: { '8x16 TCP': bytesAPair }, curves, yardstickMs: 10 };
}

test('the exponent of a power law is found, whatever its factor', (t) => {
  t.true(Math.abs(exponentOf(points) - 0.5) < 1e-9);
  t.is(exponentOf(points.map(({ n }) => ({ n, value: 7 }))), 0);
  t.is(exponentOf(points.slice(0, 1)), Number.NaN);
});

test('a run fails where a ratio is more than the margin worse than the kept one, and not where it is better', (t) => {
  const kept = keptOf(results(100));
  t.is(kept.length, 1, 'what was not measured is not kept');
  t.deepEqual(regressions(results(199), kept), []);
  t.deepEqual(regressions(results(10), kept), []);
  t.is(regressions(results(201), kept).length, 1);
  t.regex(regressions(results(201), kept)[0]!, /ledger bytes a pair: 201, kept 100/);
});

test('a run fails where a cost grows faster than it may', (t) => {
  t.regex(regressions(results(1, [curve]), [])[0]!, /exponent 0\.50, and 0\.45 is allowed/);
  t.deepEqual(regressions(results(1, [{ ...curve, exponentMax: 0.6 }]), []), []);
});

test('a curve is drawn with a circle a point, its exponent and its words escaped', (t) => {
  const svg = drawn(curve);
  t.is(svg.match(/<circle /g)?.length, 3);
  t.true(svg.includes('A &lt; B, exponent 0.50'));
  t.false(/NaN|undefined|Infinity/.test(svg));
});
