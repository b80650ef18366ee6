/** The canonical workloads, round by round: each shape on each server, one after the other, so that they share the noise. */

import { Calls, LOCK, NM_LOCK, syntheticHandles } from '../load/calls.js';
import { Generator, type Figures } from '../load/generator.js';
import { pairs } from '../load/work.js';
import { HOST } from './child.js';
import { syncMicroseconds } from './disk.js';

export interface Shape {
  readonly name: string;
  readonly transport: 'tcp' | 'udp';
  readonly connections: number;
  readonly depth: number;
  /** Pairs a second: an open loop. */
  readonly rate?: number;
}

export const SHAPES: readonly Shape[] = [
  { name: '1x1 TCP', transport: 'tcp', connections: 1, depth: 1 },
  { name: '8x16 TCP', transport: 'tcp', connections: 8, depth: 16 },
  { name: '64x16 TCP', transport: 'tcp', connections: 64, depth: 16 },
  { name: '8x16 UDP', transport: 'udp', connections: 8, depth: 16 },
];
const OPEN_LOOP: Shape = { name: '5,000 pairs/s', transport: 'tcp', connections: 8, depth: 64, rate: 5000 };

/** A server in the rounds. */
export interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly handles: readonly Buffer[];
  /** LOCK, or NM_LOCK. */
  readonly monitored: boolean;
  /** A server of another protocol loads itself; undefined for a shape that it does not have. */
  readonly load?: (shape: Shape, timing: Timing) => Promise<Figures | undefined>;
}

export interface Timing {
  readonly durationMs: number;
  readonly warmupMs: number;
}

export interface Run extends Figures {
  readonly round: number;
  readonly shape: string;
  readonly server: string;
}

export interface Rounds {
  readonly runs: readonly Run[];
  /** Microseconds a small synchronous write, one a round. */
  readonly sync: readonly number[];
}

export interface RoundsOptions {
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

const FILES = 1000;
const CALLERS = 8;
const WARM_MS = 1500;

export function ownHandles(): Buffer[] {
  return syntheticHandles(FILES);
}

export async function runRounds(options: RoundsOptions): Promise<Rounds> {
  const { contenders, rounds, folder, say } = options;
  const runs: Run[] = [];
  const sync: number[] = [];
  // Code is compiled, and the ledger has learnt how quick its disk is, before the first round.
  const warm = { durationMs: WARM_MS, warmupMs: 0 };
  for (const contender of contenders) await (contender.load ?? loadShape(contender))(SHAPES[1]!, warm);
  for (let round = 0; round < rounds; round += 1) {
    say(`round ${round + 1} of ${rounds}`);
    sync.push(syncMicroseconds(folder));
    for (const shape of [...SHAPES, OPEN_LOOP]) {
      for (const contender of contenders) {
        const figures = await (contender.load ?? loadShape(contender))(shape, options);
        if (figures !== undefined) runs.push({ round, shape: shape.name, server: contender.name, ...figures });
      }
    }
  }
  return { runs, sync };
}

function loadShape(contender: Contender): (shape: Shape, timing: Timing) => Promise<Figures> {
  return (shape, timing) => runShape(shape, contender, timing);
}

export async function runShape(
  { transport, connections, depth, rate }: Shape,
  { pid, tcpPort, udpPort, handles, monitored }: Contender,
  { durationMs, warmupMs }: Timing,
): Promise<Figures> {
  const calls = new Calls({ handles, callers: CALLERS });
  const port = transport === 'tcp' ? tcpPort : udpPort;
  const generator = await Generator.connect({
    server: { host: HOST, port, transport },
    calls,
    connections,
    depth,
    pid,
  });
  try {
    const work = pairs(handles.length, connections * depth, monitored ? LOCK : NM_LOCK);
    return await generator.run({ work, durationMs, warmupMs, rate });
  } finally {
    generator.close();
  }
}
