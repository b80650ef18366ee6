/** The table that the bench prints: what was measured, beside what the project aims at. */

import type { Figures } from '../load/generator.js';
import { exponentOf } from '../curves/fit.js';
import { GANESHA, IDLE, NODE } from './names.js';
import type { ReplicaFigures } from './replicas.js';
import type { Results } from './results.js';
import type { Rounds, Run } from './shapes.js';
import { median, ratios } from './statistics.js';

type Row = readonly [what: string, measured: string, mark: string];

/** Marks that are ratios to NFS-Ganesha: operations at least, processor an operation at most. */
const MARKS: Readonly<Record<string, readonly [least: number, most: number | undefined]>> = {
  '8x16 TCP': [4, 0.15],
  '64x16 TCP': [7.5, 0.12],
  '8x16 UDP': [3, undefined],
};

export function tableLines(results: Results): string[] {
  const { rounds } = results;
  return [
    '',
    ...aligned([['shape', 'server', 'operations/s', 'p50 us', 'p99 us', 'CPU us/op'], ...shapeRows(rounds.runs)]),
    '',
    ...aligned([
      ['what', 'measured', 'mark'],
      ...ratioRows(rounds),
      ...heldRows(results),
      ...volumeRows(results),
      ...replicaRows(results),
    ]),
    '',
    ...aligned([['curve', 'from', 'to', 'exponent', 'allowed'], ...curveRows(results)]),
  ];
}

function shapeRows(runs: readonly Run[]): string[][] {
  return unique(runs.map(({ shape }) => shape)).flatMap((shape) =>
    unique(runs.filter((run) => run.shape === shape).map(({ server }) => server)).map((server) => {
      const of = (pick: (run: Run) => number): number[] => valuesOf(runs, shape, server, pick);
      return [
        shape,
        server,
        spread(of((run) => run.operationsPerSecond)),
        spread(of((run) => run.p50)),
        spread(of((run) => run.p99)),
        spread(of(serverCpu), 1),
      ];
    }),
  );
}

function ratioRows({ runs, sync }: Rounds): Row[] {
  const rows: Row[] = [['a small synchronous write of this disk', `${spread(sync)} us`, '']];
  const p50 = (shape: string): number[] => valuesOf(runs, shape, NODE, (run) => run.p50);
  rows.push(['1x1 p50 over that', spread(ratios(p50('1x1 TCP'), sync), 2), '<= 1.5']);
  rows.push(['5,000 pairs/s, p50 over that', spread(ratios(p50('5,000 pairs/s'), sync), 2), '<= 2.5']);
  const p99 = valuesOf(runs, '5,000 pairs/s', NODE, (run) => run.p99 / 1000);
  rows.push(['5,000 pairs/s, p99', `${spread(p99, 2)} ms`, '<= 3 ms']);
  const hasPeer = runs.some(({ server }) => server === GANESHA);
  for (const [shape, [least, most]] of Object.entries(MARKS)) {
    const paired = (over: string, pick: (run: Run) => number): string =>
      spread(ratios(valuesOf(runs, shape, NODE, pick), valuesOf(runs, shape, over, pick)), 2);
    rows.push([`${shape}, operations over the idle server`, paired(IDLE, (run) => run.operationsPerSecond), '']);
    if (!hasPeer) continue;
    rows.push([
      `${shape}, operations over NFS-Ganesha`,
      paired(GANESHA, (run) => run.operationsPerSecond),
      `>= ${least}`,
    ]);
    rows.push([`${shape}, CPU over NFS-Ganesha`, paired(GANESHA, serverCpu), most === undefined ? '' : `<= ${most}`]);
  }
  return rows;
}

function heldRows({ held }: Results): Row[] {
  return held.flatMap((figures): Row[] => {
    const { count, startMs, purges, beside, besideIdle, replay } = figures;
    const many = `${count.toLocaleString('en')} held`;
    const isMillion = count >= 1_000_000;
    const above = worst(beside) - worst(besideIdle);
    return [
      [`${many}: memory a lock`, `${figures.bytesALock.toFixed(0)} B`, isMillion ? '<= 300 B' : ''],
      [`${many}: taken`, `${figures.holdPerSecond.toFixed(0)}/s`, ''],
      [
        `${many}: worst reply at 8x16, above the idle server's`,
        `${worst(beside).toFixed(1)} ms, ${above.toFixed(1)} ms`,
        isMillion ? '<= 15 ms above' : '',
      ],
      [`${many}: SIGKILL, start to serving`, `${spread(startMs)} ms`, isMillion ? '<= 1500 ms' : ''],
      [
        `${many}: purge by address, durable, answered`,
        `${spread(purges.map(({ milliseconds }) => milliseconds))} ms`,
        isMillion ? '<= 400 ms' : '<= 40 ms',
      ],
      [
        `${many}: others' worst reply before, meanwhile`,
        `${spread(purges.map(({ worstBefore }) => worstBefore / 1000))}, ${spread(purges.map(({ worstMeanwhile }) => worstMeanwhile / 1000))} ms`,
        '<= 20 ms',
      ],
      [
        `${many}: replay with fold, ${replay.events.toLocaleString('en')} events`,
        `${replay.eventsPerSecond.toLocaleString('en')}/s`,
        '>= 1,000,000/s',
      ],
    ];
  });
}

function volumeRows({ volume }: Results): Row[] {
  return Object.entries(volume).map(([shape, bytes]): Row => [
    `ledger bytes a lock and its unlock, ${shape}`,
    `${bytes.toFixed(0)} B`,
    '<= 160 B',
  ]);
}

function replicaRows({ replicas = [] }: Results): Row[] {
  if (replicas.length === 0) return [];
  const of = (pick: (round: ReplicaFigures) => number, digits = 0): string => spread(replicas.map(pick), digits);
  const parts: readonly (readonly [string, (round: ReplicaFigures) => number])[] = [
    ['the owner', (round) => round.ownerCpu],
    ['the follower', (round) => round.followerCpu],
    ['the three servers', (round) => round.serversCpu],
  ];
  return [
    [
      'three replicas, 64x16: durable by acknowledgement and local sync',
      `${of((round) => round.operationsPerSecond)}/s`,
      '>= 100,000/s',
    ],
    [
      'three replicas, 64x16, operations over the embedded node',
      of((round) => round.operationsPerSecond / round.embeddedPerSecond, 2),
      '',
    ],
    ...parts.map(([part, pick]): Row => [`three replicas, 64x16, CPU us/op: ${part}`, of(pick, 1), '']),
    [
      "three replicas, 1x1 p50 over the servers' acknowledgement",
      of((round) => round.p50 / round.acknowledgedP50, 2),
      '',
    ],
  ];
}

function curveRows({ curves }: Results): string[][] {
  return curves.map(({ title, of, unit, points, exponentMax, cut }) => {
    const [first, last] = [points[0], points.at(-1)];
    const at = (point: typeof first): string =>
      point === undefined ? '' : `${point.value.toPrecision(3)} at ${point.n.toLocaleString('en')}`;
    const note = cut === undefined ? '' : ` (${cut})`;
    return [
      `${title}: ${unit}, by ${of}${note}`,
      at(first),
      at(last),
      exponentOf(points).toFixed(2),
      `<= ${exponentMax}`,
    ];
  });
}

function valuesOf(runs: readonly Run[], shape: string, server: string, pick: (run: Run) => number): number[] {
  return runs.filter((run) => run.shape === shape && run.server === server).map(pick);
}

function serverCpu({ serverCpu: microseconds }: Run): number {
  return microseconds ?? Number.NaN;
}

/** Milliseconds. */
function worst(figures: readonly Figures[]): number {
  return Math.max(...figures.map(({ max }) => max)) / 1000;
}

/** The median, and the least and the most where there are several. */
function spread(values: readonly number[], digits = 0): string {
  const text = (value: number): string => value.toFixed(digits);
  if (values.length < 2) return text(median(values));
  return `${text(median(values))} (${text(Math.min(...values))}-${text(Math.max(...values))})`;
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
