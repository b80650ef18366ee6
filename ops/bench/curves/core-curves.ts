/**
 * Costs of the core against its size, without wire and disk, whose costs do not know how much is held. In time of the
 * processor, so that other work on the machine is not in them.
 */

import type { LockCommand } from '../../../src/core/command.js';
import { DEFAULT_RULES } from '../../../src/core/limits.js';
import { initialState, type NlmFiles } from '../../../src/core/state.js';
import { sweep } from '../../../src/core/sweep.js';
import { median } from '../run/statistics.js';
import { processorMs } from '../load/process.js';
import { lockNumber, newCall, run, type Where } from './commands.js';
import { FLAT, LINEAR, type Curve } from './curve.js';
import type { Point } from './fit.js';

export interface Extent {
  /** The largest size of each curve. */
  readonly held: number;
  readonly ranges: number;
  readonly waiters: number;
  readonly matches: number;
  readonly clients: number;
  /** Nothing larger is begun after so long. */
  readonly msMax: number;
}

const FIRST = 1000;
const PAIRS = 20_000;
const SLICE = 1000;
const PURGED = '10.9.9.9';
const SWEEP_ROWS = 128;
const NEVER = 1e9;
const WARM_WAITERS = 5;

export function coreCurves(extent: Extent): Curve[] {
  warmUp();
  const state = spacious();
  const until = processorMs() + extent.msMax;
  const grants = heldCurve(state, extent.held, { perFile: 10 }, until);
  // In the table that the first curve has filled.
  const purges = purgeCurve(state, extent.matches, until);
  const ranges = heldCurve(spacious(), extent.ranges, { perFile: NEVER }, until);
  const unit = 'microseconds a LOCK and its UNLOCK';
  return [
    { name: 'held', title: 'Held locks', of: 'locks held', unit, exponentMax: FLAT, ...grants },
    { name: 'ranges', title: 'Ranges on one file', of: 'ranges', unit, exponentMax: FLAT, ...ranges },
    {
      name: 'waiters',
      title: 'Waiters on one lock',
      of: 'waiters',
      unit: 'microseconds to queue one more, and to hand the lock to the first',
      exponentMax: FLAT,
      points: waiterPoints(extent.waiters),
    },
    {
      name: 'purge',
      title: `Purge by address among ${grants.points.at(-1)?.n.toLocaleString('en')} locks`,
      of: 'locks dropped',
      unit: 'milliseconds until all are swept',
      exponentMax: LINEAR,
      ...purges,
    },
    {
      name: 'clients',
      title: 'Clients',
      of: 'clients with ten locks each',
      unit,
      exponentMax: FLAT,
      points: clientPoints(extent.clients),
    },
  ];
}

/** Code that is not compiled yet would make every curve fall. */
function warmUp(): void {
  const state = spacious();
  heldCurve(state, FIRST * 10, { perFile: 10 }, Number.POSITIVE_INFINITY);
  heldCurve(spacious(), FIRST * 10, { perFile: NEVER }, Number.POSITIVE_INFINITY);
  purgeCurve(state, FIRST * 10, Number.POSITIVE_INFINITY);
  for (let n = 0; n < WARM_WAITERS; n += 1) waiterPoints(FIRST);
}

type Measured = Pick<Curve, 'points' | 'cut'>;

/** Fills the table tenfold from step to step, and takes and gives back locks beside what is held. */
function heldCurve(state: NlmFiles, most: number, where: Where, until: number): Measured {
  const points: Point[] = [];
  let held = 0;
  for (let n = FIRST; n <= most; n *= 10) {
    for (; held < n; held += 1) {
      run(state, lockNumber(held, where));
      if (held % SLICE === 0 && processorMs() > until) return { points, cut: `the time was over before ${n}` };
    }
    points.push({ n, value: pairMicroseconds(state, held, where) });
  }
  return { points };
}

/** The median over slices: a pause of the machine is in few of them. */
function pairMicroseconds(state: NlmFiles, held: number, where: Where): number {
  const slices: number[] = [];
  for (let done = 0; done < PAIRS; done += SLICE) {
    const began = processorMs();
    for (let i = 0; i < SLICE; i += 1) {
      const lock = lockNumber(held + done + i, where);
      run(state, lock);
      run(state, { type: 'unlock', owner: lock.owner, file: lock.file, range: lock.range, call: newCall() });
    }
    slices.push(((processorMs() - began) * 1000) / SLICE);
  }
  return median(slices);
}

function purgeCurve(state: NlmFiles, most: number, until: number): Measured {
  const points: Point[] = [];
  const where = { perFile: 10, serverAddress: PURGED };
  for (let n = FIRST; n <= most; n *= 10) {
    if (processorMs() > until) return { points, cut: `the time was over before ${n}` };
    // On files of their own, far behind the others.
    for (let i = 0; i < n; i += 1) run(state, lockNumber(2 * NEVER + i, where));
    const order = { commandId: `bench-${n}`, actor: 'bench', door: 'bench', reason: 'bench' };
    const began = processorMs();
    run(state, { type: 'purge', selector: { type: 'address', address: PURGED }, order, dryRun: false });
    while (!sweep(state, SWEEP_ROWS));
    points.push({ n, value: processorMs() - began });
  }
  return { points };
}

/** One lock that all want: the last that queue, then each holder lets go and the first in line gets it. */
function waiterPoints(most: number): Point[] {
  const points: Point[] = [];
  for (let n = FIRST; n <= most; n *= 10) {
    const state = spacious();
    const wanted = lockNumber(0, { perFile: NEVER });
    run(state, wanted);
    const ownerOf = (i: number): LockCommand['owner'] => ({ ...wanted.owner, svid: 1_000_000 + i });
    const wait = (i: number): void => {
      run(state, { ...wanted, owner: ownerOf(i), block: true, call: newCall() });
    };
    for (let i = 0; i < n - SLICE; i += 1) wait(i);
    const began = processorMs();
    for (let i = n - SLICE; i < n; i += 1) wait(i);
    const queued = ((processorMs() - began) * 1000) / SLICE;
    const freed = processorMs();
    const { file, range } = wanted;
    for (let i = 0; i < SLICE; i += 1) {
      const owner = i === 0 ? wanted.owner : ownerOf(i - 1);
      run(state, { type: 'unlock', owner, file, range, call: newCall() });
      const granted = run(state, { type: 'wake' });
      if (granted[0]?.type !== 'waiter-granted') throw new Error('the first waiter did not get the lock');
    }
    points.push({ n, value: queued + ((processorMs() - freed) * 1000) / SLICE });
  }
  return points;
}

function clientPoints(most: number): Point[] {
  const points: Point[] = [];
  for (let clients = 10; clients <= most; clients *= 10) {
    const state = spacious();
    const where = { perFile: 10, clients };
    const held = clients * 10;
    for (let i = 0; i < held; i += 1) run(state, lockNumber(i, where));
    points.push({ n: clients, value: pairMicroseconds(state, held, where) });
  }
  return points;
}

/** Limits of a configuration are not what is measured. */
function spacious(): NlmFiles {
  const state = initialState();
  const { rules } = { rules: { ...DEFAULT_RULES, locksMax: 2e7, locksPerClientMax: 2e7, idleFilesMax: 1e6 } };
  run(state, { type: 'set-rules', rules: { ...rules, waitersMax: 1e6, waitersPerFileMax: 1e6 } });
  return state;
}
