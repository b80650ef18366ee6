/**
 * What stands before a claim: every archive that answers is heard, the stream gets again what it lost from whichever
 * archive has it, and this node's archive is level with the stream. Appends nothing of its own. Under log.ts.
 *
 * An archive is ahead where it goes on behind the end of the stream in an epoch that is not below the stream's: a
 * server that lost power may have rolled its stream back. The archive of the highest epoch, then the longest, is
 * taken; that one holds what was acknowledged last.
 */

import { LedgerError } from '../../base/errors.js';
import { equalBytes, sha256 } from '../chain.js';
import { readEnvelope } from '../envelope.js';
import type { Position } from '../port.js';
import type { ClaimOptions, ClaimReport, FormatVersions, LogObserver } from '../replicated.js';
import { settle, type Parts } from './follow.js';
import { HEADS_MS_MAX } from './limits.js';
import { republish } from './owner.js';
import type { ArchiveHead } from './peer-messages.js';
import { reportFork, settleSplit } from './split.js';
import type { Generation } from './stream.js';
import { takeAll, Taken, takeEntries } from './take.js';

export interface Ground {
  readonly generation: Generation;
  readonly report: ClaimReport;
}

/** Of the archives of a group: two have each entry that counts, so of all but one, one has it (hazard 11). */
const MISSING_MAX = 1;

/** @throws LedgerError 'unavailable', 'refused', 'damaged' */
export async function prepareClaim(
  parts: Parts,
  members: readonly string[],
  options: ClaimOptions,
  observer: LogObserver | undefined,
): Promise<Ground> {
  const { archive, stream, peers } = parts;
  // Where an entry counts once two have it, the last archive need not be waited for: its node may be the dead one.
  const spared = options.quorum ? MISSING_MAX : 0;
  const living = members.filter((member) => member !== options.dead);
  const few = spared - (members.length - living.length);
  let heads = await peers.heads(living, HEADS_MS_MAX, Math.max(0, few));
  const found = await stream.find();
  const opened = found !== undefined && found.base >= 0 ? found : undefined;
  const end = opened === undefined ? { position: 0, epoch: 0 } : await endOf(parts, opened);
  const isAhead = (head: ArchiveHead): boolean => head.epoch >= end.epoch && head.position > end.position;
  // A stream that was rolled back: everybody is heard out.
  if (spared > 0 && heads.some(isAhead)) heads = await peers.heads(living, HEADS_MS_MAX);
  const ahead = heads.filter(isAhead);
  const lossAccepted = checkHeads(parts, heads, ahead, members, options);
  const before = archive.head().position;
  let generation = opened;
  let republished = 0;
  if (generation === undefined) {
    await takeBest(parts, ahead, 0, observer);
    generation = await open(parts, found, Math.max(...heads.map((head) => head.generation)));
    republished = archive.head().position;
  } else {
    const last = await settle(parts, generation, observer);
    // Our own suffix, which `settle` published again, or what was appended meanwhile.
    republished = Math.max(0, Math.min(before, last) - end.position);
  }
  await catchUp(parts, generation, observer);
  if (opened !== undefined) {
    const behind = archive.head().position;
    await takeBest(parts, ahead, behind, observer);
    if (archive.head().position > behind) {
      republished += await republish(archive, stream, generation, behind, archive.head().position);
      await catchUp(parts, generation, observer);
    }
  }
  archive.agree(archive.head().position, generation.number);
  return {
    generation,
    report: {
      heads: heads.map(({ node, position, epoch }) => ({ node, position, epoch })),
      reads: lowest(heads),
      republished,
      lossAccepted,
    },
  };
}

/** Last position and its epoch. */
async function endOf({ stream }: Parts, generation: Generation): Promise<{ position: Position; epoch: number }> {
  const state = await stream.state(generation);
  if (state === undefined) throw new LedgerError('unavailable', `the stream ${generation.stream} went away just now`);
  const bytes = await stream.entryAt(generation, state.last);
  return { position: state.last, epoch: bytes === undefined ? 0 : readEnvelope(bytes).epoch };
}

/**
 * Hazard 11: an acknowledged entry may stand in an archive that does not answer. True where that is accepted.
 * @throws LedgerError 'refused'
 */
function checkHeads(
  { group }: Parts,
  heads: readonly ArchiveHead[],
  ahead: readonly ArchiveHead[],
  members: readonly string[],
  { acceptLoss, quorum }: ClaimOptions,
): boolean {
  const answered = new Set(heads.map((head) => head.node));
  const missing = members.filter((member) => !answered.has(member));
  const refuse = (why: string): boolean => {
    if (acceptLoss) return true;
    throw new LedgerError(
      'refused',
      `group ${group} is not claimed: ${why}. Start ${missing.length > 0 ? missing.join(', ') : 'that node'}, or, where it will not come back, claim with --accept-loss`,
      { details: { group, answered: [...answered], missing } },
    );
  };
  const present = members.length - missing.length;
  if (quorum && present < members.length - MISSING_MAX) {
    return refuse(`only ${present} of ${members.length} archives answer, and an automatic claim needs all but one`);
  }
  // An entry that came out of the stream, and that the stream has not: it was rolled back, or is gone.
  const isFirstStart = heads.every(({ generation }) => generation === 0);
  if (isFirstStart || ahead.length === 0) return false;
  const author = best(ahead)?.author ?? '';
  if (author === '' || answered.has(author)) return false;
  return refuse(
    `the stream lost acknowledged entries, and node ${author}, which wrote the last ones known, does not answer: it may have more`,
  );
}

function best(heads: readonly ArchiveHead[]): ArchiveHead | undefined {
  return heads.toSorted((a, b) => b.epoch - a.epoch || b.position - a.position)[0];
}

/**
 * Makes our archive the best of those that are ahead: entries behind `end` come from that one, ours that differ are
 * set aside. The others must not contradict it in what they hold for agreed.
 */
async function takeBest(
  parts: Parts,
  ahead: readonly ArchiveHead[],
  end: Position,
  observer: LogObserver | undefined,
): Promise<void> {
  const { archive, peers, node, group, log } = parts;
  const taken = best(ahead.filter(({ position }) => position > end));
  if (taken === undefined) return;
  const where = `the archive of node ${taken.node}`;
  if (taken.node !== node) {
    const missing = new Taken();
    // From the end of the stream on: its last entry must be the same there, else the chain does not connect.
    for await (const bytes of peers.entries(taken.node, Math.max(1, end), taken.position)) {
      const { position } = readEnvelope(bytes);
      if (position <= archive.head().position) {
        const own = await archive.hashAt(position);
        if (own !== undefined && !equalBytes(sha256(bytes), own)) {
          const entries = peers.entries(taken.node, position, taken.position);
          await settleSplit(archive, group, position - 1, { where, entries }, log);
          observer?.onRewound(position - 1);
        } else continue;
      }
      if (missing.add(bytes)) await takeEntries(archive, group, missing.empty(), observer);
    }
    await takeEntries(archive, group, missing.empty(), observer);
  }
  for (const other of ahead) {
    if (other.node === taken.node || other.agreed < other.position || other.position > archive.head().position)
      continue;
    const own = await archive.hashAt(other.position);
    if (own === undefined || equalBytes(own, other.hash)) continue;
    const entries = peers.entries(other.node, end + 1, other.position);
    throw await reportFork(archive, group, other.position - 1, { where: `the archive of node ${other.node}`, entries });
  }
}

/** No stream carries the group's subject, or one that was not opened to the end. */
async function open(parts: Parts, found: Generation | undefined, last: number): Promise<Generation> {
  const { archive, stream, group, log } = parts;
  // The first start on NATS publishes a single node's ledger whole. A stream that is gone is followed by the next
  // generation, which begins with the last entry: what is before it stands in the archives.
  const isNext = last > 0 && archive.head().position > 0;
  const number = found?.number ?? (isNext ? last + 1 : Math.max(1, last));
  if (found === undefined) {
    await stream.create(number);
    log(
      `group ${group}: stream generation ${number} was made${last === 0 ? '' : ', since none carried the group any more'}`,
    );
  }
  const head = archive.head().position;
  const generation = number === 1 ? await stream.find() : undefined;
  if (generation !== undefined) {
    await settle(parts, generation, undefined);
    return generation;
  }
  if (head > 0) {
    for await (const [entry] of archive.sealed(head)) {
      if (entry === undefined) continue;
      await stream.publish({ stream: stream.nameOf(number), number, base: head - 1 }, entry);
    }
  }
  const opened = await stream.find();
  if (opened === undefined || opened.base < 0) {
    throw new LedgerError('unavailable', `the next generation of group ${group} could not be opened now: try again`);
  }
  return opened;
}

async function catchUp(parts: Parts, generation: Generation, observer: LogObserver | undefined): Promise<void> {
  const { archive, stream, group } = parts;
  for (;;) {
    const last = await settle(parts, generation, observer);
    const head = archive.head().position;
    if (head >= last) return;
    await takeAll(archive, group, stream.entries(generation, head + 1, last), observer);
    if (archive.head().position === head) {
      throw new LedgerError('unavailable', `the stream ${generation.stream} does not show what it says to have`);
    }
  }
}

function lowest(heads: readonly ArchiveHead[]): FormatVersions {
  return {
    entry: Math.min(...heads.map(({ reads }) => reads.entry)),
    event: Math.min(...heads.map(({ reads }) => reads.event)),
  };
}
