/** What a lock and its unlock take in the ledger: alone in an entry each, or many in one. */

import { openForReading } from '../../../src/ledger/file/reader.js';
import { ledgerStat } from '../../../src/ledger/file/stat.js';
import { freePorts, startNode } from './child.js';
import { ownHandles, runShape, SHAPES } from './shapes.js';

/** By shape: bytes in the ledger, frames and entries included, for a lock and its unlock. */
export type VolumeFigures = Readonly<Record<string, number>>;

export async function runVolume(data: string, durationMs: number): Promise<VolumeFigures> {
  const node = await startNode(data, await freePorts());
  const { pid, port } = node;
  const contender = {
    name: 'nlm-ledger',
    pid,
    tcpPort: port,
    udpPort: port,
    handles: ownHandles(),
    monitored: true,
  };
  const bytesAPair: Record<string, number> = {};
  try {
    for (const shape of [SHAPES[0]!, SHAPES[1]!]) {
      // Counts what was begun before the end and ended after it, unlike the figures of a lap: so by events.
      const before = await volumeOf(data);
      await runShape(shape, contender, { durationMs, warmupMs: 0 });
      const after = await volumeOf(data);
      bytesAPair[shape.name] = (2 * (after.bytes - before.bytes)) / (after.events - before.events);
    }
  } finally {
    await node.stop();
  }
  return bytesAPair;
}

async function volumeOf(data: string): Promise<{ readonly bytes: number; readonly events: number }> {
  const reader = await openForReading({ data, group: 'default' });
  const { usedBytes } = await ledgerStat(reader, data);
  let events = 0;
  for await (const group of reader.read(1)) for (const entry of group) events += entry.events.count;
  return { bytes: usedBytes, events };
}
