/**
 * The other nodes that archive a group: answers their questions about this node's archive, and asks them. Beside the
 * stream; what an archive has and the stream lost comes back through here.
 */

import { LedgerError } from '../../base/errors.js';
import type { Bus } from '../../bus/bus.js';
import type { Msg, NatsConnection } from '../../bus/connection.js';
import { gather, request } from '../../bus/request.js';
import { equalBytes } from '../chain.js';
import { ENTRY_VERSION } from '../entry.js';
import type { Checkpoint, Position } from '../port.js';
import type { FormatVersions } from '../replicated.js';
import type { Archive } from './archive.js';
import { entryBytesOf, REQUEST_MS_MAX } from './limits.js';
import { peerSubject } from './names.js';
import {
  decodeAgreed,
  decodeArchiveHead,
  decodeCheckpointPart,
  decodeEntriesPage,
  decodeSynced,
  encodeAgreed,
  encodeArchiveHead,
  encodeCheckpointPart,
  encodeEntriesPage,
  encodeMessage,
  encodeRequest,
  encodeSynced,
  requestFor,
  type ArchiveHead,
  type Synced,
} from './peer-messages.js';

export interface PeersOptions {
  readonly bus: Bus;
  readonly group: string;
  readonly node: string;
  readonly archive: Archive;
  /** The newest event that this release reads. */
  readonly eventVersion: number;
  readonly log: (line: string) => void;
}

/** A state that is being fetched in parts is not read from the disk for each of them. */
const SERVED_MS = 30_000;

export class Peers {
  readonly #options: PeersOptions;
  readonly #remove: () => void;
  readonly #synced = new Map<string, Synced>();
  /** What each node has told that it reads. */
  readonly #reads = new Map<string, FormatVersions>();
  readonly #waiting = new Set<() => void>();
  #served: { readonly checkpoint: Checkpoint; readonly until: number } | undefined;
  #stopServing = (): void => undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.#remove = options.bus.onConnected(async (connection) => this.#serve(connection));
  }

  /** What this node reads: entries and events. */
  get reads(): FormatVersions {
    return { entry: ENTRY_VERSION, event: this.#options.eventVersion };
  }

  own(): ArchiveHead {
    const { archive, node } = this.#options;
    const { position, epoch, hash } = archive.head();
    const { agreed, author, generation } = archive;
    return { node, position, epoch, hash, agreed, author, generation: generation ?? 0, reads: this.reads };
  }

  /**
   * Heads of the archives of the group, this node's first; waits until all `members` but `spared` have told theirs, or
   * `msMax`, which is always waited for where they are not given.
   */
  async heads(members: readonly string[] | undefined, msMax: number, spared = 0): Promise<readonly ArchiveHead[]> {
    const connection = this.#connection();
    const { group, node } = this.#options;
    const others = members?.filter((member) => member !== node);
    const answers = await gather(
      connection,
      peerSubject(group, 'heads'),
      encodeMessage({}),
      msMax,
      ({ data }) => decodeArchiveHead(data),
      (heads) => {
        const told = new Set(heads.map((head) => head.node));
        // Our own answer comes too: it shows that the request went round.
        const missing = others?.filter((member) => !told.has(member)).length ?? Number.POSITIVE_INFINITY;
        return told.has(node) && missing <= spared;
      },
    );
    for (const { node: other, reads } of answers) this.#reads.set(other, reads);
    return [this.own(), ...answers.filter((head) => head.node !== node)];
  }

  /** Entries of another node's archive, in order, from one position to another. */
  async *entries(node: string, from: Position, upTo: Position): AsyncGenerator<Uint8Array> {
    for (let next = from; next <= upTo;) {
      const message = await this.#ask('entries', node, { from: next });
      const { entries } = decodeEntriesPage(message.data);
      if (entries.length === 0) return;
      for (const entry of entries.slice(0, upTo - next + 1)) yield entry;
      next += entries.length;
    }
  }

  /** The newest checkpoint of another node; undefined where it has none. */
  async checkpoint(node: string): Promise<Checkpoint | undefined> {
    const parts: Uint8Array[] = [];
    for (let offset = 0; ;) {
      const message = await this.#ask('checkpoint', node, { offset });
      if (message.data.length === 0) return undefined;
      const part = decodeCheckpointPart(message.data);
      if (part.offset !== offset || part.part.length === 0) return undefined;
      parts.push(part.part);
      offset += part.part.length;
      const { position, epoch, time, hash, version, bytes } = part;
      if (offset >= bytes) return { position, epoch, time, hash, version, state: Buffer.concat(parts) };
    }
  }

  /** Tells the owner what this archive has. */
  tellSynced(): void {
    const { bus, group, node, archive } = this.#options;
    const { position, epoch } = archive.head();
    const { reads } = this;
    bus.connection?.publish(peerSubject(group, 'synced'), encodeSynced({ node, position, epoch, reads }));
  }

  /** What all of these read that have told so: this one, and who answered or synced anything. */
  lowestReads(members: readonly string[]): FormatVersions {
    const known = members.flatMap((member) => this.#reads.get(member) ?? []);
    return {
      entry: Math.min(this.reads.entry, ...known.map(({ entry }) => entry)),
      event: Math.min(this.reads.event, ...known.map(({ event }) => event)),
    };
  }

  /** Tells the others that the stream has acknowledged the entry at the archive's head, where nothing follows it soon. */
  tellAgreed(): void {
    const { bus, group, node, archive } = this.#options;
    const { position, epoch, hash } = archive.head();
    if (archive.agreed < position) return;
    bus.connection?.publish(peerSubject(group, 'agreed'), encodeAgreed({ node, position, epoch, hash }));
  }

  /** Resolves once an archive of another node has synced what an owner of `epoch` has at `position`, or `signal` says so. */
  async syncedElsewhere(position: Position, epoch: number, signal: AbortSignal): Promise<void> {
    const isThere = (synced: Synced): boolean => synced.position >= position && synced.epoch >= epoch;
    while (!signal.aborted && ![...this.#synced.values()].some(isThere)) {
      await new Promise<void>((resolve) => {
        const go = (): void => {
          signal.removeEventListener('abort', go);
          this.#waiting.delete(go);
          resolve();
        };
        signal.addEventListener('abort', go);
        this.#waiting.add(go);
      });
    }
  }

  /** What was told of an earlier time counts no more: another history may stand there now. */
  forgetSynced(): void {
    this.#synced.clear();
  }

  close(): void {
    this.#remove();
    this.#stopServing();
  }

  #serve(connection: NatsConnection): void {
    const { group, node, log } = this.#options;
    const on = (
      what: 'heads' | 'entries' | 'checkpoint',
      answer: (data: Uint8Array) => Promise<Uint8Array | undefined>,
    ) =>
      connection.subscribe(peerSubject(group, what), {
        callback: (error, message) => {
          if (error !== null || message.reply === undefined || message.reply === '') return;
          answer(message.data).then(
            (bytes) => bytes !== undefined && message.respond(bytes),
            (cause: unknown) => log(`group ${group}: ${what} could not be told to another node: ${String(cause)}`),
          );
        },
      });
    const subscriptions = [
      on('heads', async () => encodeArchiveHead(this.own())),
      on('entries', async (data) => this.#entriesFor(data, connection)),
      on('checkpoint', async (data) => this.#checkpointFor(data, connection)),
      connection.subscribe(peerSubject(group, 'synced'), {
        callback: (error, message) => {
          if (error === null) this.#heard(message, node);
        },
      }),
      connection.subscribe(peerSubject(group, 'agreed'), {
        callback: (error, message) => {
          if (error === null) this.#heardAgreed(message, node);
        },
      }),
    ];
    this.#stopServing = () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
    };
  }

  #heard({ data }: Msg, own: string): void {
    try {
      const synced = decodeSynced(data);
      if (synced.node !== own) {
        this.#synced.set(synced.node, synced);
        this.#reads.set(synced.node, synced.reads);
      }
    } catch {
      return; // none of ours
    }
    for (const wake of this.#waiting) wake();
  }

  #heardAgreed({ data }: Msg, own: string): void {
    const { archive } = this.#options;
    try {
      const { node, position, hash } = decodeAgreed(data);
      const head = archive.head();
      // What stands below the head is named by the entries behind it.
      const isSame = node !== own && position === head.position && equalBytes(hash, head.hash);
      if (isSame && archive.generation !== undefined) archive.agree(position, archive.generation);
    } catch {
      return; // none of ours
    }
  }

  async #entriesFor(data: Uint8Array, connection: NatsConnection): Promise<Uint8Array | undefined> {
    const { archive, node } = this.#options;
    const asked = requestFor(data, node);
    if (asked === undefined) return undefined;
    const from = Math.max(1, asked.get('from') ?? 1);
    const head = archive.head().position;
    const bytesMax = entryBytesOf(connection.info?.max_payload ?? 0);
    const page: Uint8Array[] = [];
    let bytes = 0;
    if (from <= head) {
      for await (const group of archive.sealed(from, head)) {
        for (const entry of group) {
          // A page holds one entry at least: that one fitted a message when it was published.
          if (page.length > 0 && bytes + entry.bytes.length + PART_BYTES > bytesMax) {
            return encodeEntriesPage({ entries: page, head });
          }
          page.push(entry.bytes);
          bytes += entry.bytes.length + PART_BYTES;
        }
      }
    }
    return encodeEntriesPage({ entries: page, head });
  }

  async #checkpointFor(data: Uint8Array, connection: NatsConnection): Promise<Uint8Array | undefined> {
    const asked = requestFor(data, this.#options.node);
    if (asked === undefined) return undefined;
    const offset = asked.get('offset') ?? 0;
    const checkpoint = await this.#servedCheckpoint(offset === 0);
    if (checkpoint === undefined || offset >= checkpoint.state.length) return new Uint8Array();
    const { position, epoch, time, hash, version, state } = checkpoint;
    const part = state.subarray(offset, offset + entryBytesOf(connection.info?.max_payload ?? 0));
    return encodeCheckpointPart({ position, epoch, time, hash, version, bytes: state.length, offset, part });
  }

  async #servedCheckpoint(fresh: boolean): Promise<Checkpoint | undefined> {
    const { archive } = this.#options;
    if (!fresh && this.#served !== undefined && performance.now() < this.#served.until) return this.#served.checkpoint;
    // What is not agreed yet is nothing to begin from.
    const checkpoint = await archive.checkpoints.newest(archive.agreed);
    this.#served = checkpoint && { checkpoint, until: performance.now() + SERVED_MS };
    return checkpoint;
  }

  async #ask(what: 'entries' | 'checkpoint', node: string, body: Readonly<Record<string, number>>): Promise<Msg> {
    const { group } = this.#options;
    return request(this.#connection(), peerSubject(group, what), encodeRequest(node, body), { msMax: REQUEST_MS_MAX });
  }

  #connection(): NatsConnection {
    const { connection } = this.#options.bus;
    if (connection !== undefined) return connection;
    throw new LedgerError('unavailable', 'there is no connection to NATS; it is tried again');
  }
}

/** The head of one byte string in a page. */
const PART_BYTES = 5;
