/** The load of a peer that speaks no NLM, as the load generator does it: closed loops of calls, `depth` of them on each connection. */

import type { Figures } from '../load/generator.js';
import { Histogram } from '../load/histogram.js';
import { cpuMicroseconds, residentBytes } from '../load/process.js';
import type { Shape, Timing } from './shapes.js';

/** What the lanes of all connections tell. */
export class Tally {
  histogram = new Histogram();
  wrong = 0;
  firstWrong: string | undefined;
  stopping = false;

  /** One reply, `why` where it is not the expected one. */
  record(began: number, why: string | undefined): void {
    this.histogram.record((performance.now() - began) * 1000);
    if (why === undefined) return;
    this.wrong += 1;
    this.firstWrong ??= why;
  }
}

export interface LoadedConnection {
  /** Resolves once every lane has seen that it is to stop. */
  readonly done: Promise<void>;
  close(): void;
}

/** Begins `depth` lanes on a new connection. */
export type Connect = (connection: number, depth: number, tally: Tally) => Promise<LoadedConnection>;

const DRAIN_MS_MAX = 5000;

/** Undefined for a shape that such a peer does not have. */
export async function closedLoop(
  pid: number,
  connect: Connect,
  shape: Shape,
  timing: Timing,
): Promise<Figures | undefined> {
  if (shape.transport === 'udp' || shape.rate !== undefined) return undefined;
  const tally = new Tally();
  const connections: LoadedConnection[] = [];
  for (let n = 0; n < shape.connections; n += 1) connections.push(await connect(n, shape.depth, tally));
  await later(timing.warmupMs);
  tally.histogram = new Histogram();
  const [began, cpu, own] = [performance.now(), cpuMicroseconds(pid), process.cpuUsage()];
  await later(timing.durationMs);
  const { histogram, wrong, firstWrong } = tally;
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(own);
  const serverCpu = (cpuMicroseconds(pid) - cpu) / histogram.count;
  tally.stopping = true;
  tally.histogram = new Histogram();
  await Promise.race([Promise.all(connections.map(({ done }) => done)), later(DRAIN_MS_MAX)]);
  for (const connection of connections) connection.close();
  return {
    seconds,
    operations: histogram.count,
    operationsPerSecond: histogram.count / seconds,
    p50: histogram.quantile(0.5),
    p99: histogram.quantile(0.99),
    p999: histogram.quantile(0.999),
    max: histogram.max,
    wrong,
    firstWrong,
    retransmissions: 0,
    serverCpu,
    ownCpu: (user + system) / histogram.count,
    serverResident: residentBytes(pid),
  };
}

/** Starts `lane` for each of `depth`, whose `again` is called until the tally stops. Resolves once all have stopped. */
export function lanes(
  depth: number,
  tally: Tally,
  lane: (number: number, again: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve) => {
    let alive = depth;
    for (let number = 0; number < depth; number += 1) {
      const pair = lane(number, () => {
        if (!tally.stopping) return pair();
        alive -= 1;
        if (alive === 0) resolve();
      });
      pair();
    }
  });
}

export function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
