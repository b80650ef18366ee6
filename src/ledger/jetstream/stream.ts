/**
 * The stream of one group: which generation carries its subject, what stands at a position, and the publish that is
 * fenced by the sequence of the whole stream. Between the bus and the replicated log.
 *
 * Generations: the streams `NLM_<group>_<g>`, one at a time with the subject `nlm.ledger.<group>`. A message is the
 * bytes of one entry, nothing else. The first generation begins with position 1. A later one begins with the last
 * entry of the one before, the same bytes: that entry and its hash are the checkpoint that opens it, and say its base.
 * Position = base + sequence.
 *
 * The check on the sequence of the whole stream never gave two winners; the one on the last sequence of a subject did
 * on three replicas of nats-server 2.9.10 (1,494 of 1,500 rounds), so it is not used.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { LedgerError } from '../../base/errors.js';
import { publishAcknowledged } from '../../bus/acknowledge.js';
import type { Bus } from '../../bus/bus.js';
import { headers, type NatsConnection } from '../../bus/connection.js';
import { request } from '../../bus/request.js';
import { equalBytes, sha256 } from '../chain.js';
import { readEnvelope } from '../envelope.js';
import type { Position, SealedEntry } from '../port.js';
import { API_ERROR, ask, call, isJson, numberOf, objectOf, parseAnswer, serverError, textOf } from './api.js';
import {
  CREATE_MS_MAX,
  DUPLICATE_WINDOW_MS,
  entryBytesOf,
  PUBLISH_MS_MAX,
  READS_IN_FLIGHT,
  RETRY_MS,
} from './limits.js';
import { generationOf, ledgerSubject, streamName } from './names.js';

export interface Generation {
  readonly stream: string;
  readonly number: number;
  /** Position of sequence 0. */
  readonly base: Position;
}

export interface StreamState {
  /** Position of its last entry; the base where it is empty. */
  readonly last: Position;
  readonly bytes: number;
  /** -1: no limit of its own. */
  readonly bytesMax: number;
}

export type PublishOutcome =
  | { readonly type: 'durable' }
  | { readonly type: 'fenced'; readonly epoch: number }
  | { readonly type: 'behind'; readonly head: Position }
  /** Another generation carries the subject, or none does. */
  | { readonly type: 'moved' }
  | { readonly type: 'full'; readonly why: string }
  | { readonly type: 'unknown'; readonly cause: unknown };

export interface GroupStreamOptions {
  readonly bus: Bus;
  readonly group: string;
  readonly replicas: number;
}

const FULL: ReadonlySet<number> = new Set([
  API_ERROR.insufficientResources,
  API_ERROR.accountLimit,
  API_ERROR.storageLimit,
  API_ERROR.storeFailed,
]);
const THERE: ReadonlySet<number> = new Set([API_ERROR.nameInUse, API_ERROR.subjectsOverlap]);
/** A cluster that was just started does not know all its servers yet. */
const SOON: ReadonlySet<number> = new Set([API_ERROR.noPeers, API_ERROR.notReady]);
const MOVED: ReadonlySet<number> = new Set([API_ERROR.otherStream, API_ERROR.sealed, API_ERROR.noStream]);

export class GroupStream {
  readonly group: string;
  readonly #options: GroupStreamOptions;
  /** Of the generation that carried the subject when it was last looked for. */
  #number: number | undefined;

  constructor(options: GroupStreamOptions) {
    this.group = options.group;
    this.#options = options;
  }

  nameOf(number: number): string {
    return streamName(this.group, number);
  }

  /** Bytes of the largest entry that one message takes; what the server that we are connected to says. */
  get entryBytesMax(): number | undefined {
    const bytes = this.#options.bus.connection?.info?.max_payload;
    return bytes === undefined ? undefined : entryBytesOf(bytes);
  }

  /**
   * The generation that carries the subject now. The one that did when it was last looked for is asked itself, which its
   * own leader answers: names are told by the leader of all of JetStream, and that may have been on a server that is lost.
   */
  async find(): Promise<Generation | undefined> {
    const known = this.#number;
    if (known !== undefined && (await this.#carries(this.nameOf(known)))) {
      return this.generation(this.nameOf(known), known);
    }
    const [stream] = await namesOfStreams(this.#connection(), ledgerSubject(this.group));
    if (stream === undefined) return undefined;
    const number = generationOf(this.group, stream);
    if (number === undefined) {
      throw new LedgerError(
        'refused',
        `the stream ${stream} has the subject ${ledgerSubject(this.group)} and is no ledger of ${this.group}: delete it, or take the subject from it`,
      );
    }
    this.#number = number;
    return this.generation(stream, number);
  }

  async #carries(stream: string): Promise<boolean> {
    const { answer, error } = await ask(this.#connection(), `STREAM.INFO.${stream}`);
    const config = error === undefined ? objectOf(answer, 'config') : undefined;
    const subjects = config?.['subjects'];
    return Array.isArray(subjects) && subjects.includes(ledgerSubject(this.group)) && config?.['sealed'] !== true;
  }

  /** What a stream of this name is; undefined where there is none. */
  async generation(stream: string, number: number): Promise<Generation | undefined> {
    if (number === 1) return { stream, number, base: 0 };
    const first = await this.#message(stream, 1);
    // Opening it was begun and not ended: its first message is missing.
    return { stream, number, base: first === undefined ? -1 : readEnvelope(first).position - 1 };
  }

  /** Creates the generation; one that is there already is no fault. Its first message is the caller's affair. */
  async create(number: number): Promise<void> {
    const name = streamName(this.group, number);
    const { replicas } = this.#options;
    const config = streamConfig(this.group, number, replicas);
    const until = performance.now() + CREATE_MS_MAX;
    for (;;) {
      const { error } = await call(this.#connection(), `STREAM.CREATE.${name}`, config);
      if (error === undefined || THERE.has(error.number)) return;
      if (!SOON.has(error.number) || performance.now() > until) {
        throw serverError(error, `the stream ${name} with ${replicas} replicas cannot be made`);
      }
      await delay(RETRY_MS);
    }
  }

  /** Undefined where the stream is not there. */
  async state({ stream, base }: Generation): Promise<StreamState | undefined> {
    const { answer, error } = await ask(this.#connection(), `STREAM.INFO.${stream}`);
    if (error?.number === API_ERROR.noStream) return undefined;
    if (error !== undefined) throw serverError(error, `the stream ${stream} tells nothing of itself`);
    const state = objectOf(answer, 'state');
    return {
      last: base + (numberOf(state, 'last_seq') ?? 0),
      bytes: numberOf(state, 'bytes') ?? 0,
      bytesMax: numberOf(objectOf(answer, 'config'), 'max_bytes') ?? -1,
    };
  }

  /** The bytes that stand at a position; undefined where nothing does. */
  entryAt({ stream, base }: Generation, position: Position): Promise<Uint8Array | undefined> {
    return this.#message(stream, position - base);
  }

  /** The entries from one position to another, both included, in order; ends early where one is missing. */
  async *entries(generation: Generation, from: Position, upTo: Position): AsyncGenerator<Uint8Array> {
    const asked: Promise<Uint8Array | undefined>[] = [];
    let next = from;
    for (let position = from; position <= upTo; position++) {
      for (; next <= upTo && asked.length < READS_IN_FLIGHT; next++) {
        const reading = this.entryAt(generation, next);
        // Its turn may never come, and its failure is told by the one before then.
        reading.catch(() => undefined);
        asked.push(reading);
      }
      const bytes = await asked.shift();
      if (bytes === undefined) return;
      yield bytes;
    }
  }

  /** One try. Nothing but `durable`, `fenced` and `behind` says what became of it. */
  async publish(generation: Generation, entry: SealedEntry): Promise<PublishOutcome> {
    const sequence = entry.position - generation.base;
    try {
      const connection = this.#connection();
      const head = headers();
      head.set('Nats-Msg-Id', messageId(this.group, entry));
      head.set('Nats-Expected-Stream', generation.stream);
      head.set('Nats-Expected-Last-Sequence', String(sequence - 1));
      const subject = ledgerSubject(this.group);
      const options = { msMax: PUBLISH_MS_MAX, headers: head };
      const { data } = await publishAcknowledged(connection, subject, entry.bytes, options);
      const { answer, error } = parseAnswer(data, `publishing position ${entry.position}`);
      if (error === undefined) {
        if (answer['duplicate'] !== true && numberOf(answer, 'seq') === sequence) return { type: 'durable' };
        return await this.#standing(generation, entry);
      }
      if (error.number === API_ERROR.wrongSequence) return await this.#standing(generation, entry);
      if (MOVED.has(error.number)) return { type: 'moved' };
      if (FULL.has(error.number)) return { type: 'full', why: error.description };
      if (error.number === API_ERROR.messageTooLarge) {
        throw new LedgerError('limit', `an entry of ${entry.bytes.length} bytes is more than the stream takes`);
      }
      return { type: 'unknown', cause: serverError(error, `position ${entry.position}`) };
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'limit') throw error;
      return { type: 'unknown', cause: error };
    }
  }

  /** The word 10071, and an acknowledged repeat, say nothing yet: what stands at the position does (hazard 9). */
  async #standing(generation: Generation, entry: SealedEntry): Promise<PublishOutcome> {
    const standing = await this.entryAt(generation, entry.position);
    if (standing !== undefined) {
      if (equalBytes(sha256(standing), entry.hash)) return { type: 'durable' };
      return { type: 'fenced', epoch: readEnvelope(standing).epoch };
    }
    const state = await this.state(generation);
    if (state === undefined) return { type: 'moved' };
    if (state.last < entry.position - 1) return { type: 'behind', head: state.last };
    // It was refused and there is room for it now: a leader with an older view answered one of the questions.
    return { type: 'unknown', cause: new LedgerError('unavailable', 'the stream answered out of two views') };
  }

  async #message(stream: string, sequence: number): Promise<Uint8Array | undefined> {
    return sequence < 1 ? undefined : messageOf(this.#connection(), stream, sequence);
  }

  #connection(): NatsConnection {
    const { connection } = this.#options.bus;
    if (connection !== undefined) return connection;
    throw new LedgerError('unavailable', 'there is no connection to NATS; it is tried again');
  }
}

/** Those that carry a subject; all, up to the 1024 of one answer, where none is given. */
export async function namesOfStreams(connection: NatsConnection, subject: string | undefined): Promise<string[]> {
  const { answer, error } = await ask(connection, 'STREAM.NAMES', subject === undefined ? {} : { subject });
  if (error !== undefined) throw serverError(error, 'the streams cannot be listed');
  const names = Array.isArray(answer['streams']) ? (answer['streams'] as unknown[]) : [];
  return names.filter((name) => typeof name === 'string');
}

/** Undefined where nothing stands at that sequence, or there is no such stream. */
export async function messageOf(
  connection: NatsConnection,
  stream: string,
  sequence: number,
): Promise<Uint8Array | undefined> {
  const { answer, error } = await ask(connection, `STREAM.MSG.GET.${stream}`, { seq: sequence });
  if (error?.number === API_ERROR.noMessage || error?.number === API_ERROR.noStream) return undefined;
  if (error !== undefined) throw serverError(error, `message ${sequence} of ${stream} cannot be read`);
  const message = answer['message'];
  const data = isJson(message) ? textOf(message, 'data') : undefined;
  if (data === undefined) throw new LedgerError('unavailable', `message ${sequence} of ${stream} has no bytes`);
  return Buffer.from(data, 'base64');
}

/** The entry that opens a generation; one that has it already is no fault. */
export async function publishFirst(
  connection: NatsConnection,
  group: string,
  stream: string,
  bytes: Uint8Array,
): Promise<void> {
  const head = headers();
  head.set('Nats-Expected-Stream', stream);
  head.set('Nats-Expected-Last-Sequence', '0');
  const { data } = await request(connection, ledgerSubject(group), bytes, { msMax: PUBLISH_MS_MAX, headers: head });
  const { error } = parseAnswer(data, `opening ${stream}`);
  if (error === undefined) return;
  const standing = await messageOf(connection, stream, 1);
  if (standing !== undefined && equalBytes(sha256(standing), sha256(bytes))) return;
  throw serverError(error, `the stream ${stream} cannot be opened`);
}

/** The same for every generation; also what an administrator creates one with. */
function streamConfig(group: string, number: number, replicas: number): Readonly<Record<string, unknown>> {
  return {
    name: streamName(group, number),
    description: `nlm-ledger: the ledger of group ${group}, generation ${number}`,
    subjects: [ledgerSubject(group)],
    retention: 'limits',
    discard: 'new',
    storage: 'file',
    num_replicas: replicas,
    max_msgs: -1,
    max_bytes: -1,
    max_age: 0,
    max_msg_size: -1,
    max_consumers: -1,
    max_msgs_per_subject: -1,
    duplicate_window: DUPLICATE_WINDOW_MS * 1e6,
    deny_delete: true,
    deny_purge: true,
    allow_rollup_hdrs: false,
  };
}

/** Never the same for two entries: a repeat is known by it within the duplicate window. */
function messageId(group: string, { position, hash }: SealedEntry): string {
  return `${group}:${position}:${Buffer.from(hash.subarray(0, 8)).toString('hex')}`;
}
