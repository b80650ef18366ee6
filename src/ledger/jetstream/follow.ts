/**
 * Archives what others append, and hands it on: one run of a follower, on one connection, from where the archive is.
 * Between the stream and the observer (the projection of a standby).
 */

import { LedgerError } from '../../base/errors.js';
import type { NatsConnection } from '../../bus/connection.js';
import type { Position } from '../port.js';
import type { LogObserver } from '../replicated.js';
import type { Archive } from './archive.js';
import { compare } from './compare.js';
import { messagesFrom } from './consumer.js';
import { beginFromPeer, fillUp } from './fill.js';
import { GENERATION_CHECK_MS } from './limits.js';
import { republish } from './owner.js';
import type { Peers } from './peers.js';
import { settleSplit } from './split.js';
import type { Generation, GroupStream } from './stream.js';
import { Taken, takeEntries } from './take.js';

export interface Parts {
  readonly group: string;
  readonly node: string;
  readonly archive: Archive;
  readonly stream: GroupStream;
  readonly peers: Peers;
  /** Form of the checkpoints that this release reads. */
  readonly checkpointVersion: number;
  readonly log: (line: string) => void;
}

/**
 * Makes the archive and the stream one the beginning of the other, without a claim: what the archive has and the stream
 * lost is published again, what lost the race to a claim is set aside. Resolves with the last position of the stream.
 * @throws LedgerError 'damaged' for a fork, 'unavailable'
 */
export async function settle(
  parts: Parts,
  generation: Generation,
  observer: LogObserver | undefined,
): Promise<Position> {
  const { archive, stream, group, log } = parts;
  for (;;) {
    const found = await compare(archive, stream, generation);
    const { last } = found;
    switch (found.type) {
      case 'level':
        archive.agree(last, generation.number);
        return last;
      case 'archive-behind':
        archive.agree(archive.head().position, generation.number);
        return last;
      case 'split': {
        const entries = stream.entries(generation, found.at + 1, last);
        await settleSplit(archive, group, found.at, { where: `the stream ${generation.stream}`, entries }, log);
        observer?.onRewound(found.at);
        break;
      }
      case 'stream-behind': {
        const count = await republish(archive, stream, generation, last, archive.head().position);
        log(
          `group ${group}: the stream ${generation.stream} ended at position ${last}; ${count} entries of this node's archive were published again`,
        );
        break;
      }
      case 'apart':
        await beginFromPeer(parts, generation, last, observer);
        if (archive.head().position < found.begins) await fillUp(parts, generation, found.begins, observer);
    }
  }
}

/** Until `signal`. @throws LedgerError 'unavailable' (again, later), 'damaged' (a fork), what the archive's disk says */
export async function followOnce(
  parts: Parts,
  connection: NatsConnection,
  generation: Generation,
  observer: LogObserver,
  onFollowing: (last: Position) => void,
  signal: AbortSignal,
): Promise<void> {
  const { archive, group, peers } = parts;
  let last = await settle(parts, generation, observer);
  if (archive.head().position === 0) await beginFromPeer(parts, generation, last, observer);
  onFollowing(last);
  const moved = new AbortController();
  let known = last;
  const timer = setInterval(() => {
    void look(parts, generation, moved, (end) => (known = Math.max(known, end)));
    // An owner that waits for our sync may have missed the word of it.
    peers.tellSynced();
  }, GENERATION_CHECK_MS);
  timer.unref();
  try {
    let next = archive.head().position + 1;
    const until = AbortSignal.any([signal, moved.signal]);
    const coming = new Taken();
    const { stream, base } = generation;
    for await (const batch of messagesFrom(connection, stream, next - base, () => known - base, until)) {
      let isFull = false;
      for (const { sequence, bytes } of batch) {
        if (sequence + base !== next++) {
          throw new LedgerError('unavailable', `${stream} skipped to message ${sequence}: it is read anew`);
        }
        isFull = coming.add(bytes);
      }
      // While it is behind, more are on their way: many are synced at once.
      if (next <= last && !isFull) continue;
      await takeEntries(archive, group, coming.empty(), observer);
      peers.tellSynced();
      last = Math.max(last, archive.head().position);
      onFollowing(last);
    }
  } finally {
    clearInterval(timer);
  }
}

/**
 * A sealed stream is silent like a quiet one, and so is a server that has not caught up: whether it still carries the group,
 * and where it ends, is asked now and then.
 */
async function look(
  { stream }: Parts,
  generation: Generation,
  moved: AbortController,
  onEnd: (last: Position) => void,
): Promise<void> {
  try {
    const found = await stream.find();
    if (found === undefined || found.base < 0) return;
    if (found.number !== generation.number) return moved.abort();
    const state = await stream.state(generation);
    if (state !== undefined) onEnd(state.last);
  } catch {
    return; // away: the messages that do not come tell
  }
}
