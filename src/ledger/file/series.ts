/**
 * Which checkpoints stay: the newest, and of the older ones a series that lies evenly along the ledger, so that how
 * things stood is found quickly anywhere in it. Pure; checkpoints.ts removes the others.
 */

import type { Position } from '../port.js';

export interface SizedCheckpoint {
  readonly position: Position;
  readonly bytes: number;
}

/** A damaged newest one must not cost a replay from 1. */
const NEWEST_KEPT = 3;
/** One is written every 125,000 events (engine/checkpoint): so many let an audit begin near any of sixty million. */
const SERIES_MAX = 512;
/** With millions of held locks a checkpoint has hundreds of megabytes: the series may not fill the ledger's disk. */
const SERIES_BYTES_MAX = 2 * 1024 ** 3;

/** Positions of those to be removed, of all in ascending order: always the one whose neighbours are closest together. */
export function tooMany(
  checkpoints: readonly SizedCheckpoint[],
  limits: { readonly countMax: number; readonly bytesMax: number } = {
    countMax: SERIES_MAX,
    bytesMax: SERIES_BYTES_MAX,
  },
): Position[] {
  const newest = checkpoints.slice(-NEWEST_KEPT);
  const series = checkpoints.slice(0, -NEWEST_KEPT);
  const removed: Position[] = [];
  let bytes = series.reduce((sum, each) => sum + each.bytes, 0);
  while (series.length > limits.countMax || bytes > limits.bytesMax) {
    const all = [...series, ...newest];
    let closest = 0;
    let gap = Number.POSITIVE_INFINITY;
    for (let index = 0; index < series.length; index += 1) {
      const between = (all[index + 1]?.position ?? 0) - (all[index - 1]?.position ?? 0);
      if (between >= gap) continue;
      closest = index;
      gap = between;
    }
    const [gone] = series.splice(closest, 1);
    if (gone === undefined) break;
    removed.push(gone.position);
    bytes -= gone.bytes;
  }
  return removed.sort((a, b) => a - b);
}
