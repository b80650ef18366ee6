/** The entries of a history as an audit reads them, with checkpoints where a test wants some; nothing touches a disk. */

import { Readable } from 'node:stream';
import type { EntrySource } from '../../src/audit/source.js';
import { CHECKPOINT_VERSION, serialize } from '../../src/core/checkpoint.js';
import { fold } from '../../src/engine/replay.js';
import { Chain } from '../../src/ledger/chain.js';
import type { Checkpoint, Entry, Position } from '../../src/ledger/port.js';
import type { History } from './history.js';

export async function sourceOf(
  history: History,
  checkpointsAt: readonly Position[] = [],
  group = 'default',
): Promise<EntrySource> {
  const chain = new Chain(group);
  const entries = history.entries.map(({ bytes }) => chain.check(bytes));
  const read = (from: Position, upTo: Position): AsyncIterable<readonly Entry[]> =>
    Readable.from(from > upTo ? [] : [entries.slice(from - 1, upTo)]);
  const checkpoints: Checkpoint[] = [];
  for (const position of checkpointsAt) {
    const { state } = await fold(checkpoints.at(-1), (from) => read(from, position));
    const { hash, epoch, time } = history.noted[position]!.head;
    checkpoints.push({ position, epoch, time, hash, version: CHECKPOINT_VERSION, state: serialize(state) });
  }
  return {
    group,
    place: 'memory',
    first: async () => 1,
    head: async () => chain.head,
    read,
    checkpoint: async (limit) => checkpoints.findLast(({ position }) => position <= limit),
    hashAt: async (position) => Buffer.from(history.noted[position]?.head.hash ?? []).toString('hex'),
    positionAt: async (time) => entries.findLast((entry) => entry.time <= time)?.position ?? 0,
  };
}
