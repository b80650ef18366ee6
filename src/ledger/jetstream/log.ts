/**
 * The replicated log of one group on NATS JetStream: follows, claims, and serves the other nodes out of this node's
 * archive. Between the engine's member and stream, archive and peers. open.ts makes one.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { assert } from '../../base/assert.js';
import { LedgerError } from '../../base/errors.js';
import type { Bus } from '../../bus/bus.js';
import type { Msg, NatsConnection } from '../../bus/connection.js';
import { equalBytes, sha256 } from '../chain.js';
import { readEnvelope } from '../envelope.js';
import type { Capacity, CheckpointStore, Entry, Head, Position } from '../port.js';
import type {
  Claimed,
  ClaimOptions,
  FormatVersions,
  LogObserver,
  ReplicatedLog,
  ReplicationStatus,
} from '../replicated.js';
import { prepareClaim } from './claim.js';
import { followOnce, type Parts } from './follow.js';
import {
  BREAK_MS_MAX,
  CLAIM_CONNECT_MS_MAX,
  CLAIM_PREPARE_MS_MAX,
  FOLLOW_RETRY_MS,
  RETRY_MS,
  SUPERSEDED_LOOKS,
} from './limits.js';
import { ledgerSubject, streamName } from './names.js';
import { OwnerLedger } from './owner.js';
import type { Generation } from './stream.js';

export interface LogOptions extends Parts {
  readonly bus: Bus;
  /** Names of the nodes that archive the group, this one among them. */
  readonly members: readonly string[];
  /** An append counts only once another node has synced it too (hazard 11). */
  readonly waitForFollower: boolean;
  readonly forks: readonly string[];
  readonly onCapacity: (capacity: Capacity, why: string) => void;
}

interface Following {
  readonly observer: LogObserver;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

export class JetStreamLog implements ReplicatedLog {
  readonly group: string;
  readonly checkpoints: CheckpointStore;
  readonly #options: LogOptions;
  #following: Following | undefined;
  #owner: OwnerLedger | undefined;
  #isClaiming = false;
  #isClosed = false;
  #forks: readonly string[];
  #generation = 0;
  /** Of the stream, as it was last seen; undefined while it is away. */
  #last: Position | undefined;
  #levelled: (() => void)[] = [];

  constructor(options: LogOptions) {
    this.group = options.group;
    this.checkpoints = options.archive.checkpoints;
    this.#options = options;
    this.#forks = options.forks;
    this.#generation = options.archive.generation ?? 1;
  }

  head(): Head {
    return this.#options.archive.head();
  }

  read(from: Position): AsyncIterable<readonly Entry[]> {
    return this.#options.archive.read(from);
  }

  follow(observer: LogObserver): void {
    assert(this.#following === undefined && this.#owner === undefined, 'one at a time follows or owns a group');
    if (this.#isClosed) return;
    const stop = new AbortController();
    this.#following = { observer, stop, ended: this.#follow(observer, stop.signal) };
  }

  async stopFollowing(): Promise<void> {
    const following = this.#following;
    following?.stop.abort();
    await following?.ended;
    if (this.#following === following) this.#following = undefined;
  }

  async caughtUp(msMax: number): Promise<Head> {
    const { archive } = this.#options;
    const until = performance.now() + msMax;
    const last = await Promise.race([this.#end(msMax), delay(msMax, undefined, { ref: false })]);
    if (last === undefined) {
      throw new LedgerError('unavailable', `group ${this.group}: its stream has not told its end in ${msMax} ms`);
    }
    while (archive.head().position < last) {
      const leftMs = until - performance.now();
      if (leftMs <= 0) {
        throw new LedgerError(
          'unavailable',
          `group ${this.group} is at position ${archive.head().position} here, ${last - archive.head().position} behind the stream`,
        );
      }
      await Promise.race([
        new Promise<void>((resolve) => this.#levelled.push(resolve)),
        delay(leftMs, undefined, { ref: false }),
      ]);
    }
    return archive.head();
  }

  async claim(options: ClaimOptions): Promise<Claimed> {
    assert(!this.#isClaiming && this.#owner === undefined, 'a group is claimed by one at a time');
    const observer = this.#following?.observer;
    await this.stopFollowing();
    this.#isClaiming = true;
    try {
      return await this.#claim(options, observer);
    } finally {
      this.#isClaiming = false;
    }
  }

  status(): ReplicationStatus {
    const { archive, bus } = this.#options;
    const { position } = archive.head();
    const isAway = bus.connection === undefined || this.#last === undefined;
    return {
      stream: streamName(this.group, archive.generation ?? this.#generation),
      connected: bus.connection !== undefined,
      position,
      lag: this.#owner !== undefined ? 0 : isAway ? undefined : Math.max(0, (this.#last ?? 0) - position),
      forks: this.#forks,
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.stopFollowing();
    await this.#owner?.close();
    this.#options.peers.close();
    await this.#options.archive.close();
  }

  /** Of the stream; 0 where there is none yet. */
  async #end(msMax: number): Promise<Position> {
    const { stream, bus } = this.#options;
    await bus.connected(msMax);
    const generation = await stream.find();
    return generation === undefined ? 0 : ((await stream.state(generation))?.last ?? 0);
  }

  async #follow(observer: LogObserver, signal: AbortSignal): Promise<void> {
    let isAway = false;
    let broken: { readonly position: Position; readonly since: number } | undefined;
    while (!signal.aborted) {
      try {
        const connection = await this.#options.bus.connected(FOLLOW_RETRY_MS);
        if (signal.aborted) return;
        await this.#options.archive.recover();
        const generation = await this.#found();
        await followOnce(this.#options, connection, generation, observer, (last) => this.#onFollowing(last, () => {
          if (isAway) observer.onAway(undefined);
          isAway = false;
        }), signal); // prettier-ignore
      } catch (error) {
        if (signal.aborted) return;
        const cause = asLedgerError(error);
        this.#last = undefined;
        // A break may be that of one server, which was cut off: it is looked at again for a while. A fork is for people.
        const { position } = this.head();
        const isDamaged = cause.code === 'damaged';
        if (isDamaged && broken?.position !== position) broken = { position, since: performance.now() };
        const isLasting = broken !== undefined && performance.now() - broken.since > BREAK_MS_MAX;
        if (isDamaged && (cause.details['folder'] !== undefined || isLasting)) {
          return await this.#stopForGood(cause, observer);
        }
        if (!isAway) observer.onAway(cause);
        isAway = true;
        await delay(FOLLOW_RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #onFollowing(last: Position, onBack: () => void): void {
    this.#last = last;
    onBack();
    for (const resolve of this.#levelled.splice(0)) resolve();
  }

  async #stopForGood(cause: LedgerError, observer: LogObserver): Promise<void> {
    this.#options.log(cause.message);
    this.#forks = await this.#options.archive.forks();
    observer.onAway(cause);
  }

  async #found(): Promise<Generation> {
    const generation = await this.#options.stream.find();
    if (generation === undefined) {
      throw new LedgerError('unavailable', `no stream carries group ${this.group} yet: the first claim makes it`);
    }
    if (generation.base < 0) {
      throw new LedgerError(
        'unavailable',
        `the stream ${generation.stream} is being opened: its first entry is missing`,
      );
    }
    this.#generation = generation.number;
    return generation;
  }

  /** Servers that have just lost the leader among them do not answer for a while: they are asked again. */
  async #prepared(members: readonly string[], options: ClaimOptions, observer: LogObserver | undefined) {
    const until = performance.now() + CLAIM_PREPARE_MS_MAX;
    for (;;) {
      try {
        return await prepareClaim(this.#options, members, options, observer);
      } catch (error) {
        const { code } = asLedgerError(error);
        const isPassing = code === 'timeout' || code === 'unavailable';
        if (!isPassing || this.#isClosed || performance.now() > until) throw error;
        await delay(FOLLOW_RETRY_MS);
      }
    }
  }

  async #claim(options: ClaimOptions, observer: LogObserver | undefined): Promise<Claimed> {
    const { bus, stream, archive, peers, members, node, waitForFollower, onCapacity } = this.#options;
    await bus.connected(CLAIM_CONNECT_MS_MAX);
    await archive.recover();
    let ground;
    try {
      ground = await this.#prepared(members, options, observer);
    } catch (error) {
      const cause = asLedgerError(error);
      if (cause.code === 'damaged') this.#forks = await archive.forks();
      throw cause.code === 'damaged'
        ? new LedgerError('refused', cause.message, { cause, details: cause.details })
        : cause;
    }
    if (this.#isClosed) throw new LedgerError('unavailable', 'The node is stopping.');
    const { generation, report } = ground;
    const state = await stream.state(generation);
    if (state === undefined) throw new LedgerError('unavailable', `the stream ${generation.stream} went away just now`);
    peers.forgetSynced();
    const { epoch } = archive.head();
    const watch = new SupersededWatch(this.#options, generation, epoch + 1);
    const ledger: OwnerLedger = new OwnerLedger(
      {
        node,
        archive,
        stream,
        generation,
        elsewhere: waitForFollower
          ? (position, signal) => peers.syncedElsewhere(position, epoch + 1, signal)
          : undefined,
        tellAgreed: () => peers.tellAgreed(),
        onOvertaken: (last) => watch.overtaken(last),
        onCapacity,
        onClosed: () => {
          watch.close();
          if (this.#owner === ledger) this.#owner = undefined;
        },
      },
      state,
    );
    watch.begin(() => ledger.doubt());
    this.#owner = ledger;
    const reads = (): FormatVersions => peers.lowestReads(members);
    return { ledger, report, reads, onSuperseded: (listener) => watch.onSuperseded(listener) };
  }
}

/** Listens to what is published for the group: an entry of a higher epoch that the stream took ends an owner at once. */
class SupersededWatch {
  readonly #options: LogOptions;
  readonly #generation: Generation;
  /** Of the owner. */
  readonly #epoch: number;
  #listener: ((epoch: number) => void) | undefined;
  #seen: number | undefined;
  #isOver = false;
  #remove = (): void => undefined;
  #unsubscribe = (): void => undefined;

  constructor(options: LogOptions, generation: Generation, epoch: number) {
    this.#options = options;
    this.#generation = generation;
    this.#epoch = epoch;
  }

  begin(onConnected: () => void): void {
    let isFirst = true;
    this.#remove = this.#options.bus.onConnected(async (connection) => {
      if (!isFirst) onConnected();
      isFirst = false;
      this.#listen(connection);
    });
  }

  onSuperseded(listener: (epoch: number) => void): void {
    this.#listener = listener;
    if (this.#seen !== undefined) this.#tell(this.#seen);
  }

  /** The stream was seen to end in this epoch, behind what this node appended. */
  overtaken(epoch: number): void {
    if (epoch > this.#epoch) this.#tell(epoch);
  }

  close(): void {
    this.#isOver = true;
    this.#remove();
    this.#unsubscribe();
  }

  #listen(connection: NatsConnection): void {
    const subscription = connection.subscribe(ledgerSubject(this.#options.group), {
      callback: (error, message) => {
        if (error === null) void this.#heard(message);
      },
    });
    this.#unsubscribe = () => subscription.unsubscribe();
  }

  /** What was published is not yet what the stream took: another claim may have been refused. */
  async #heard({ data }: Msg): Promise<void> {
    let position: Position;
    let epoch: number;
    try {
      ({ position, epoch } = readEnvelope(data));
    } catch {
      return; // no entry of a group
    }
    if (epoch <= this.#epoch) return;
    const hash = sha256(data);
    for (let looks = 0; looks < SUPERSEDED_LOOKS && !this.#isOver; looks++) {
      const standing = await this.#options.stream.entryAt(this.#generation, position).catch(() => undefined);
      if (standing !== undefined) {
        if (equalBytes(sha256(standing), hash)) this.#tell(epoch);
        return;
      }
      await delay(RETRY_MS, undefined, { ref: false });
    }
  }

  #tell(epoch: number): void {
    if (this.#isOver) return;
    this.#seen = epoch;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.(epoch);
  }
}

function asLedgerError(error: unknown): LedgerError {
  return error instanceof LedgerError ? error : new LedgerError('io', String(error), { cause: error });
}
