/**
 * What an archive lacks from before the generation that is followed: out of an older generation that is still there,
 * or of another node's archive; an empty one may begin behind another node's checkpoint instead. Under follow.ts.
 */

import { LedgerError } from '../../base/errors.js';
import { equalBytes, sha256 } from '../chain.js';
import type { Checkpoint, Position } from '../port.js';
import type { LogObserver } from '../replicated.js';
import type { Parts } from './follow.js';
import { HEADS_MS_MAX } from './limits.js';
import { streamName } from './names.js';
import type { Generation } from './stream.js';
import { takeAll } from './take.js';

/** An archive this short is read from its beginning rather than begun at a checkpoint: it has the whole history then. */
const WORTH_A_CHECKPOINT = 500;

/** Up to `upTo`, the first entry of the generation. @throws LedgerError 'unavailable' where nobody has it */
export async function fillUp(
  parts: Parts,
  generation: Generation,
  upTo: Position,
  observer: LogObserver | undefined,
): Promise<void> {
  const { archive, group } = parts;
  for await (const entries of sources(parts, generation, upTo)) {
    await takeAll(archive, group, entries, observer);
    if (archive.head().position >= upTo) return;
  }
  throw new LedgerError(
    'unavailable',
    `position ${archive.head().position + 1} of group ${group} is in no stream any more, and no node that answers has it: start one whose archive goes back so far`,
  );
}

/** Each continues where the archive then ends. */
async function* sources(
  { archive, stream, peers, group }: Parts,
  generation: Generation,
  upTo: Position,
): AsyncGenerator<AsyncIterable<Uint8Array>> {
  for (let number = 1; number < generation.number; number++) {
    const older = await stream.generation(streamName(group, number), number);
    const state = older === undefined || older.base < 0 ? undefined : await stream.state(older);
    const next = archive.head().position + 1;
    if (older === undefined || state === undefined || next <= older.base || next > state.last) continue;
    yield stream.entries(older, next, Math.min(state.last, upTo));
  }
  for (const { node, position } of (await peers.heads(undefined, HEADS_MS_MAX)).slice(1)) {
    if (position > archive.head().position) yield peers.entries(node, archive.head().position + 1, upTo);
  }
}

/**
 * Begins an empty archive at the newest checkpoint that another node has, where that saves much. Its hash must be that
 * of the entry which the stream has at its position.
 */
export async function beginFromPeer(
  { archive, stream, peers, log, group, checkpointVersion }: Parts,
  generation: Generation,
  last: Position,
  observer: LogObserver | undefined,
): Promise<void> {
  if (archive.head().position > 0 || last < WORTH_A_CHECKPOINT) return;
  for (const { node, position } of (await peers.heads(undefined, HEADS_MS_MAX)).slice(1)) {
    if (position < WORTH_A_CHECKPOINT) continue;
    let checkpoint: Checkpoint | undefined;
    try {
      checkpoint = await peers.checkpoint(node);
    } catch (error) {
      log(`group ${group}: node ${node} gives no checkpoint: ${String(error)}`);
      continue;
    }
    if (checkpoint === undefined || checkpoint.version !== checkpointVersion) continue;
    const standing = await stream.entryAt(generation, checkpoint.position);
    if (standing === undefined || !equalBytes(sha256(standing), checkpoint.hash)) {
      log(
        `group ${group}: the checkpoint of node ${node} at position ${checkpoint.position} is not that of the stream: passed over`,
      );
      continue;
    }
    await archive.begin(checkpoint);
    observer?.onRewound(checkpoint.position);
    log(`group ${group}: the archive begins at position ${checkpoint.position}, with a checkpoint of node ${node}`);
    return;
  }
}
