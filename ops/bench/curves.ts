/**
 * The curves of the core and of a start, alone: `node dist/ops/bench/curves.js FOLDER [quick]`, one line of JSON. In a
 * process of its own, whose memory goes with it.
 */

import { coreCurves, type Extent } from './curves/core-curves.js';
import { startCurve } from './curves/start-curve.js';

const QUICK: Extent & { readonly events: number } = {
  held: 100_000,
  ranges: 100_000,
  waiters: 10_000,
  matches: 100_000,
  clients: 1000,
  msMax: 20_000,
  events: 100_000,
};
const FULL: Extent & { readonly events: number } = {
  held: 10_000_000,
  ranges: 1_000_000,
  waiters: 100_000,
  matches: 1_000_000,
  clients: 10_000,
  msMax: 240_000,
  events: 1_000_000,
};

const [folder, how] = process.argv.slice(2);
if (folder === undefined) throw new Error('in which folder?');
const extent = how === 'quick' ? QUICK : FULL;
console.log(JSON.stringify([...coreCurves(extent), await startCurve(folder, extent.events)]));
