/**
 * The ledger of a group's owner: each entry goes to the stream, fenced by its sequence, and to the archive at the same
 * time, and is durable once both have it. Under the engine, in the place of the file ledger of a single node.
 *
 * The first entry of a claim goes to the stream first: of two claimers the one that was too late keeps a clean archive.
 *
 * Ends of an append: `durable`; `fenced` by another entry at the position, or by a node of a higher epoch; a stream that
 * was rolled back gets the missing suffix again, out of the archive, and then the entry; while the stream is away the
 * same bytes are published again under the same id until the end is known. A stream that is gone, one that is full, one
 * that holds another history: a LedgerError that says what to do.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { assert } from '../../base/assert.js';
import { LedgerError } from '../../base/errors.js';
import { admitNext } from '../admission.js';
import { equalBytes, sha256 } from '../chain.js';
import { ENTRY_BYTES_MAX } from '../entry.js';
import { readEnvelope } from '../envelope.js';
import type { AppendOutcome, Capacity, Entry, Head, Ledger, Position, SealedEntry } from '../port.js';
import type { Archive } from './archive.js';
import { LOOK_MS, reserveOf, RETRY_MS } from './limits.js';
import type { Generation, GroupStream, StreamState } from './stream.js';

export interface OwnerOptions {
  readonly node: string;
  readonly archive: Archive;
  readonly stream: GroupStream;
  readonly generation: Generation;
  /** Resolves once another node has synced the position too; undefined where the owner's own sync is enough. */
  readonly elsewhere: ((position: Position, signal: AbortSignal) => Promise<void>) | undefined;
  /** Tells the followers what stands for sure: of the last entry no later one speaks yet. */
  readonly tellAgreed: () => void;
  /** The stream goes on behind what was appended here: the epoch in which it ends. */
  readonly onOvertaken: (epoch: number) => void;
  readonly onCapacity: (capacity: Capacity, why: string) => void;
  readonly onClosed: () => void;
}

/** Appends between two looks at how full a bounded stream is. */
const APPENDS_BETWEEN_CHECKS = 256;

export class OwnerLedger implements Ledger {
  readonly group: string;
  readonly #options: OwnerOptions;
  readonly #stop = new AbortController();
  #generation: Generation;
  #capacity: Capacity = 'open';
  #appending: Promise<unknown> | undefined;
  #claimed = false;
  /** The stream may have changed unseen: what stands before the next entry is looked at first. */
  #isUnsure = false;
  #appends = 0;
  #closed: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: OwnerOptions, state: StreamState) {
    this.group = options.stream.group;
    this.#options = options;
    this.#generation = options.generation;
    this.#weigh(state);
    this.#timer = setInterval(() => {
      this.#look();
      if (this.#appending === undefined) options.tellAgreed();
    }, LOOK_MS);
    this.#timer.unref();
  }

  head(): Head {
    return this.#options.archive.head();
  }

  capacity(): Capacity {
    return this.#capacity === 'open' ? this.#options.archive.capacity() : this.#capacity;
  }

  entryBytesMax(): number {
    return Math.min(ENTRY_BYTES_MAX, this.#options.stream.entryBytesMax ?? ENTRY_BYTES_MAX);
  }

  read(from: Position): AsyncIterable<readonly Entry[]> {
    return this.#options.archive.read(from);
  }

  /** The connection was made anew: between the two the stream may have been rolled back, or claimed. */
  doubt(): void {
    this.#isUnsure = true;
  }

  async append(entry: SealedEntry, options: { readonly urgent?: boolean } = {}): Promise<AppendOutcome> {
    assert(this.#appending === undefined, 'one append at a time');
    if (this.#closed !== undefined) throw new LedgerError('unavailable', `the ledger of group ${this.group} is closed`);
    const urgent = options.urgent === true;
    // At or below the head, behind, or of an older epoch: the archive knows.
    if (admitNext(this.head(), entry)?.type !== 'next') return this.#options.archive.append(entry, '', { urgent });
    if (!urgent && this.capacity() !== 'open') {
      throw new LedgerError(
        'no-space',
        `the ledger of group ${this.group} is full: only releases are taken. Nothing was written`,
      );
    }
    if (entry.bytes.length > this.entryBytesMax()) {
      throw new LedgerError(
        'limit',
        `an entry of ${entry.bytes.length} bytes is more than one message takes (${this.entryBytesMax()})`,
      );
    }
    const appending = this.#append(entry, urgent);
    this.#appending = appending.catch(() => undefined);
    try {
      return await appending;
    } finally {
      this.#appending = undefined;
    }
  }

  /** Gives the group up. An append that is under way ends as `unknown`. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      clearInterval(this.#timer);
      this.#stop.abort();
      await this.#appending;
      this.#options.onClosed();
    })();
    return this.#closed;
  }

  async #append(entry: SealedEntry, urgent: boolean): Promise<AppendOutcome> {
    const { archive, node, elsewhere } = this.#options;
    const first = !this.#claimed;
    const publishing = this.#publish(entry);
    publishing.catch(() => undefined);
    if (first) {
      const outcome = await publishing;
      if (outcome.type !== 'durable') return outcome;
      this.#claimed = true;
    } else {
      // The message leaves at the end of this turn, before the thread may stand still for the sync.
      await Promise.resolve();
    }
    const archived = await archive.append(entry, node, { urgent });
    const outcome = await publishing;
    if (outcome.type !== 'durable' || archived.type !== 'durable')
      return outcome.type === 'durable' ? archived : outcome;
    if (elsewhere !== undefined) await elsewhere(entry.position, this.#stop.signal);
    if (elsewhere !== undefined && this.#stop.signal.aborted) return this.#unknown();
    archive.agree(entry.position, this.#generation.number);
    return outcome;
  }

  /** Until its end is known. */
  async #publish(entry: SealedEntry): Promise<AppendOutcome> {
    const { stream } = this.#options;
    if (++this.#appends % APPENDS_BETWEEN_CHECKS === 0) this.#look();
    while (!this.#stop.signal.aborted) {
      if (this.#isUnsure) {
        const seen = await this.#lookAgain(entry);
        if (seen === 'again') continue;
        if (seen !== undefined) return seen;
      }
      const outcome = await stream.publish(this.#generation, entry);
      switch (outcome.type) {
        case 'durable':
        case 'fenced':
          return outcome;
        case 'behind':
          await this.#republish(outcome.head, entry.position - 1);
          break;
        case 'moved':
          this.#isUnsure = true;
          break;
        case 'full':
          throw fullError(this.group, outcome.why);
        case 'unknown':
          this.#isUnsure = true;
          await this.#pause();
      }
    }
    return this.#unknown();
  }

  /**
   * After a time without view of the stream. Does this generation still carry the subject? And the fence checks a
   * position, not what stands there: the entry before ours must be the one that we know (hazard 10).
   */
  async #lookAgain({ position }: SealedEntry): Promise<AppendOutcome | 'again' | undefined> {
    const { stream, archive } = this.#options;
    const before = position - 1;
    try {
      const found = await stream.find();
      if (found?.number !== this.#generation.number) {
        await this.#move(found);
        return 'again';
      }
      if (before > this.#generation.base) {
        const bytes = await stream.entryAt(this.#generation, before);
        const hash = await archive.hashAt(before);
        if (bytes !== undefined && hash !== undefined && !equalBytes(sha256(bytes), hash)) {
          return { type: 'fenced', epoch: readEnvelope(bytes).epoch };
        }
      }
    } catch (error) {
      if (error instanceof LedgerError && isAnswered(error)) throw error;
      await this.#pause();
      return 'again';
    }
    this.#isUnsure = false;
    return undefined;
  }

  /** The stream was rolled back under us: it gets again what it lost, unless something else stands where it ends. */
  async #republish(head: Position, upTo: Position): Promise<void> {
    const { stream, archive } = this.#options;
    try {
      await republish(archive, stream, this.#generation, head, upTo, this.#stop.signal);
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'unavailable') await this.#pause();
      else throw error;
    }
  }

  /** Another generation carries the subject, or none does. */
  async #move(found: Generation | undefined): Promise<void> {
    if (found !== undefined && found.number > this.#generation.number && found.base >= 0) {
      this.#generation = found;
    } else if (found === undefined && (await this.#isGone())) {
      throw new LedgerError(
        'unavailable',
        `the stream ${this.#generation.stream} was deleted under its owner: the group is claimed anew, and its ledger goes on from the archives`,
        { details: { stream: this.#generation.stream } },
      );
    }
    // While a generation is opened none carries the subject for a moment.
    this.#isUnsure = true;
    await this.#pause();
  }

  async #isGone(): Promise<boolean> {
    return (await this.#options.stream.state(this.#generation)) === undefined;
  }

  /** Seen from time to time: how full the stream is, and whether it still ends here. */
  #look(): void {
    this.#lookAtEnd().catch(() => undefined); // away: appends tell
  }

  /**
   * An owner that appends nothing is not fenced, and what was published while it was cut off it never heard: without this
   * look it would take itself for the owner, its address on its host, until the next call.
   */
  async #lookAtEnd(): Promise<void> {
    const { stream, onOvertaken } = this.#options;
    const found = await stream.find();
    const state = found === undefined ? undefined : await stream.state(found);
    if (found === undefined || state === undefined) return;
    this.#weigh(state);
    // What is on its way may be ours.
    if (this.#appending !== undefined || state.last <= this.head().position) return;
    const last = await stream.entryAt(found, state.last);
    if (last !== undefined) onOvertaken(readEnvelope(last).epoch);
  }

  #weigh({ bytes, bytesMax }: StreamState): void {
    const isFull = bytesMax > 0 && bytes > bytesMax - reserveOf(bytesMax);
    const capacity = isFull ? 'releases-only' : 'open';
    if (capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#options.onCapacity(capacity, isFull ? fullError(this.group, `${bytes} of ${bytesMax} bytes`).message : '');
  }

  async #pause(): Promise<void> {
    await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  #unknown(): AppendOutcome {
    const cause = new LedgerError('unavailable', 'the group was given up before the stream answered');
    return { type: 'unknown', cause };
  }
}

/**
 * Publishes what the stream has lost, from behind `head` to `upTo`, in the bytes that the archive has. The chain must
 * connect where the stream ends.
 * @throws LedgerError 'damaged' (another history stands there), 'unavailable', 'no-space'
 */
export async function republish(
  archive: Archive,
  stream: GroupStream,
  generation: Generation,
  head: Position,
  upTo: Position,
  signal?: AbortSignal,
): Promise<number> {
  if (head > generation.base) {
    const [standing, own] = await Promise.all([stream.entryAt(generation, head), archive.hashAt(head)]);
    if (standing === undefined)
      throw new LedgerError('unavailable', `${generation.stream} does not show its last entry`);
    if (own !== undefined && !equalBytes(sha256(standing), own)) throw otherHistory(stream.group, head);
  }
  let count = 0;
  for await (const group of archive.sealed(head + 1, upTo)) {
    for (const entry of group) {
      const outcome = await publishKnown(stream, generation, entry, signal);
      if (outcome.type === 'fenced') throw otherHistory(stream.group, entry.position);
      if (outcome.type === 'full') throw fullError(stream.group, outcome.why);
      if (outcome.type !== 'durable') {
        throw new LedgerError(
          'unavailable',
          `the stream of group ${stream.group} changed while it got again what it lost`,
        );
      }
      count += 1;
    }
  }
  return count;
}

async function publishKnown(
  stream: GroupStream,
  generation: Generation,
  entry: SealedEntry,
  signal: AbortSignal | undefined,
): ReturnType<GroupStream['publish']> {
  for (let tries = 0; ; tries++) {
    const outcome = await stream.publish(generation, entry);
    if (outcome.type !== 'unknown' || tries === TRIES_MAX || signal?.aborted === true) return outcome;
    await delay(RETRY_MS);
  }
}

/** Of one entry: a leader change takes seconds. */
const TRIES_MAX = 20;

/** Said of the stream itself, not of the way to it: `#move` found it gone. */
function isAnswered({ details }: LedgerError): boolean {
  return details['stream'] !== undefined;
}

function otherHistory(group: string, position: Position): LedgerError {
  return new LedgerError(
    'damaged',
    `the stream of group ${group} has another entry at position ${position} than this node's archive`,
    { details: { group, position } },
  );
}

function fullError(group: string, why: string): LedgerError {
  return new LedgerError(
    'no-space',
    `the stream of group ${group} is full (${why}): open its next generation (nlm-ledger ledger generation ${group}), or let it grow`,
  );
}
