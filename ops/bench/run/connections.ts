/** A call of the node against its connections: each has one call in flight, and the same number of calls a second in all. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FLAT, type Curve } from '../curves/curve.js';
import type { Point } from '../curves/fit.js';
import { freePorts, startNode } from './child.js';
import { NODE } from './names.js';
import { ownHandles, runShape } from './shapes.js';

/** Pairs a second: far below what a node can do, so that no queue is measured. */
const RATE = 1000;
const TIMING = { durationMs: 2000, warmupMs: 500 };
const FIRST = 10;

export async function connectionCurve(data: string, most: number): Promise<Curve> {
  // All of them come from one address here.
  const configuration = join(data, 'bench.json');
  writeFileSync(configuration, JSON.stringify({ limits: { connectionsPerClient: most + FIRST } }));
  const node = await startNode(data, await freePorts(), undefined, ['--config', configuration]);
  const { pid, port } = node;
  const own = { name: NODE, pid, tcpPort: port, udpPort: port, handles: ownHandles(), monitored: true };
  const points: Point[] = [];
  try {
    for (let n = FIRST; n <= most; n *= 10) {
      const shape = { name: `${n}x1 TCP`, transport: 'tcp', connections: n, depth: 1, rate: RATE } as const;
      const { serverCpu, wrong, firstWrong } = await runShape(shape, own, TIMING);
      if (wrong > 0) throw new Error(`${n} connections: ${wrong} wrong replies (${firstWrong})`);
      points.push({ n, value: serverCpu ?? Number.NaN });
    }
  } finally {
    await node.stop();
  }
  return {
    name: 'connections',
    title: 'Connections',
    of: 'TCP connections, one call in flight on each',
    unit: `microseconds of processor a call, ${RATE.toLocaleString('en')} pairs a second`,
    exponentMax: FLAT,
    points,
  };
}
