/** The size of a group's ledger and how fast it grows. Behind `ledger stat` and the metrics; reads only. */

import { ENTRY_BYTES_MAX } from '../entry.js';
import type { Position } from '../port.js';
import { FileCheckpoints } from './checkpoints.js';
import type { FileReader } from './reader.js';
import { SUPPLY_LIMITS } from './supply.js';

export interface LedgerStat {
  readonly group: string;
  readonly entries: number;
  readonly head: Position;
  readonly epoch: number;
  readonly segments: number;
  /** On the disk, zeros written ahead included. */
  readonly fileBytes: number;
  /** Of entries and their frames. */
  readonly usedBytes: number;
  /** Milliseconds since 1970; `undefined` while it is empty. */
  readonly firstTime?: number;
  readonly lastTime?: number;
  /** Mean over the ledger's life; `undefined` in its first hour. */
  readonly growthBytesPerDay?: number;
  readonly freeBytes: number;
  /** Positions of the checkpoints. */
  readonly checkpoints: readonly Position[];
  /** Names of what recovery set aside. */
  readonly aside: readonly string[];
  readonly limits: {
    /** Below so many free bytes only releases and purges are taken. */
    readonly freeBytesMin: number;
    readonly segmentBytesMax: number;
    readonly entryBytesMax: number;
  };
}

const HOUR_MS = 3_600_000;

export async function ledgerStat(reader: FileReader, data: string): Promise<LedgerStat> {
  const { head, end } = await reader.tail();
  const segments = await reader.segments();
  const fileBytes = segments.reduce((sum, segment) => sum + segment.fileBytes, 0);
  const usedBytes = fileBytes - (segments.at(-1)?.fileBytes ?? 0) + end;
  const firstTime = await timeOfFirst(reader);
  const lifeMs = firstTime === undefined ? 0 : head.time - firstTime;
  const checkpoints = new FileCheckpoints({ data, group: reader.group, storage: reader.storage, log: () => undefined });
  return {
    group: reader.group,
    entries: segments[0] === undefined ? 0 : head.position - segments[0].first + 1,
    head: head.position,
    epoch: head.epoch,
    segments: segments.length,
    fileBytes,
    usedBytes,
    ...(firstTime !== undefined && { firstTime, lastTime: head.time }),
    ...(lifeMs >= HOUR_MS && { growthBytesPerDay: Math.round((usedBytes / lifeMs) * 24 * HOUR_MS) }),
    freeBytes: await reader.storage.freeBytes(reader.folders.root),
    checkpoints: await checkpoints.positions(),
    aside: await reader.storage.list(reader.folders.aside),
    limits: {
      freeBytesMin: SUPPLY_LIMITS.freeBytesMin,
      segmentBytesMax: SUPPLY_LIMITS.segmentBytesMax,
      entryBytesMax: ENTRY_BYTES_MAX,
    },
  };
}

async function timeOfFirst(reader: FileReader): Promise<number | undefined> {
  for await (const [entry] of reader.read(1)) return entry?.time;
  return undefined;
}
