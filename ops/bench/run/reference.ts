/**
 * What is kept of a reference run, and whether a run has fallen behind it. Only ratios are kept: to the server that does
 * nothing in the same round, to a small synchronous write of the same disk, to a fixed piece of work of the same
 * processor. They move by a tenth or three between runs where rates move by a factor of two, so a run fails only where one is
 * worse than the kept one by more than MARGIN.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { IDLE, NODE } from './names.js';
import type { Results } from './results.js';
import type { Run } from './shapes.js';
import { median, ratios } from './statistics.js';
import { exponentOf } from '../curves/fit.js';

/** A machine that does something else moves a ratio by up to a half; a change of the code that matters moves it by more. */
const MARGIN = 2;
/** How much a shorter order takes is chance: it is one reply. */
const PURGE_MS_MIN = 30;

export interface Kept {
  readonly name: string;
  readonly value: number;
  readonly better: 'more' | 'less';
}

export function keptOf(results: Results): Kept[] {
  const { rounds, held, volume, replicas = [], yardstickMs } = results;
  const of = (shape: string, server: string, pick: (run: Run) => number): number[] =>
    rounds.runs.filter((run) => run.shape === shape && run.server === server).map(pick);
  const overIdle = (shape: string, pick: (run: Run) => number): number =>
    median(ratios(of(shape, NODE, pick), of(shape, IDLE, pick)));
  const operations = (run: Run): number => run.operationsPerSecond;
  const p50 = median(
    ratios(
      of('1x1 TCP', NODE, (run) => run.p50),
      rounds.sync,
    ),
  );
  const kept: Kept[] = ['8x16 TCP', '64x16 TCP', '8x16 UDP'].map((shape) => ({
    name: `${shape}: operations over the idle server's`,
    value: overIdle(shape, operations),
    better: 'more',
  }));
  kept.push({ name: '1x1 TCP: p50 over a small synchronous write', value: p50, better: 'less' });
  for (const [shape, bytes] of Object.entries(volume)) {
    kept.push({ name: `${shape}: ledger bytes a pair`, value: bytes, better: 'less' });
  }
  for (const { count, bytesALock, startMs, purges, replay } of held) {
    const many = `${count.toLocaleString('en')} held`;
    const started = median(startMs) / yardstickMs;
    const purged = Math.max(median(purges.map(({ milliseconds }) => milliseconds)), PURGE_MS_MIN) / yardstickMs;
    const replayed = 1e9 / replay.eventsPerSecond / yardstickMs;
    kept.push({ name: `${many}: memory a lock, bytes`, value: bytesALock, better: 'less' });
    kept.push({ name: `${many}: start after SIGKILL, in yardsticks`, value: started, better: 'less' });
    kept.push({ name: `${many}: purge, in yardsticks`, value: purged, better: 'less' });
    kept.push({ name: `${many}: a million events replayed, in yardsticks`, value: replayed, better: 'less' });
  }
  const replicated = median(replicas.map((round) => round.operationsPerSecond / round.embeddedPerSecond));
  kept.push({ name: 'three replicas, 64x16: operations over the embedded node', value: replicated, better: 'more' });
  // What a starved machine did not measure is nothing to be held against.
  return kept.filter(({ value }) => Number.isFinite(value) && value > 0);
}

/** One line for each ratio that is worse than the kept one by more than the margin, and for each curve too steep. */
export function regressions(results: Results, kept: readonly Kept[]): string[] {
  const found = keptOf(results).flatMap(({ name, value, better }) => {
    const before = kept.find((one) => one.name === name);
    if (before === undefined) return [];
    const worse = better === 'more' ? before.value / value : value / before.value;
    if (worse <= MARGIN) return [];
    const numbers = `${value.toPrecision(3)}, kept ${before.value.toPrecision(3)}`;
    return [`${name}: ${numbers}: ${worse.toFixed(1)} times worse, and ${MARGIN} is the margin`];
  });
  const steep = results.curves.flatMap(({ title, points, exponentMax }) => {
    const exponent = exponentOf(points);
    if (!(exponent > exponentMax)) return [];
    return [`${title}: grows with the exponent ${exponent.toFixed(2)}, and ${exponentMax} is allowed`];
  });
  return [...found, ...steep];
}

export function readKept(path: string): Kept[] {
  // Written by `writeKept` alone.
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Kept[]) : [];
}

export function writeKept(path: string, kept: readonly Kept[]): void {
  writeFileSync(path, `${JSON.stringify(kept, undefined, 1)}\n`);
}
