/**
 * A group's ledger out of its streams, for somebody who only reads: no archive, nothing written, the rights of an
 * auditor are enough. Generations that are still there follow each other; the chain is checked entry by entry.
 */

import { LedgerError } from '../../base/errors.js';
import type { NatsConnection } from '../../bus/connection.js';
import { Chain, sha256 } from '../chain.js';
import { decodeEntry } from '../entry.js';
import { readEnvelope } from '../envelope.js';
import type { Entry, Head, Position } from '../port.js';
import { call, numberOf, objectOf, serverError } from './api.js';
import { messagesFrom, type StreamMessage } from './consumer.js';
import { generationOf, groupOf, streamName } from './names.js';
import { messageOf, namesOfStreams } from './stream.js';

/** A generation, as far as it is read. */
interface Part {
  readonly stream: string;
  /** Position of sequence 0. */
  readonly base: Position;
  readonly first: Position;
  readonly last: Position;
}

/** The groups whose ledgers are on this server. */
export async function groupsOnStreams(connection: NatsConnection): Promise<string[]> {
  const names = await namesOfStreams(connection, undefined);
  return [...new Set(names.flatMap((name) => groupOf(name) ?? []))].sort();
}

export class StreamReader {
  readonly group: string;
  readonly #connection: NatsConnection;
  /** In the order of their positions, without a gap. */
  readonly #parts: readonly Part[];

  /** What stands there at this moment; what is appended later is not read. @throws LedgerError 'not-found', 'unavailable', 'refused' */
  static async open(connection: NatsConnection, group: string): Promise<StreamReader> {
    const numbers = (await namesOfStreams(connection, undefined)).flatMap((name) => generationOf(group, name) ?? []);
    const parts: Part[] = [];
    for (const number of numbers.sort((a, b) => b - a)) {
      const part = await partOf(connection, streamName(group, number), number);
      const next = parts[0];
      if (part === undefined) continue;
      // A generation begins with the last entry of the one before.
      if (next !== undefined && part.last !== next.base + 1) break;
      if (next !== undefined) parts[0] = { ...next, first: next.first + 1 };
      parts.unshift(part);
    }
    if (parts.length > 0) return new StreamReader(connection, group, parts);
    throw new LedgerError('not-found', `no stream on this NATS server has entries of a group ${group}`);
  }

  private constructor(connection: NatsConnection, group: string, parts: readonly Part[]) {
    this.#connection = connection;
    this.group = group;
    this.#parts = parts;
  }

  first(): Position {
    return this.#parts[0]!.first;
  }

  last(): Position {
    return this.#parts.at(-1)!.last;
  }

  async head(): Promise<Head> {
    const bytes = await this.#bytesAt(this.last());
    const { position, epoch, time } = readEnvelope(bytes);
    return { position, epoch, time, hash: sha256(bytes) };
  }

  /** Entries from `from` to `upTo`, both included, in order. @throws LedgerError 'damaged', 'unavailable' */
  async *read(from: Position, upTo: Position): AsyncGenerator<readonly Entry[]> {
    let chain: Chain | undefined;
    for (const { stream, base, first, last } of this.#parts) {
      if (last < from || first > upTo) continue;
      const end = Math.min(last, upTo);
      const stop = new AbortController();
      const begin = Math.max(first, from) - base;
      let position = begin + base - 1;
      for await (const batch of messagesFrom(
        this.#connection,
        stream,
        begin,
        () => end - base,
        stop.signal,
        'expires',
      )) {
        const entries: Entry[] = [];
        for (const { bytes } of batch.slice(0, end - position)) {
          chain ??= new Chain(this.group, before(bytes));
          entries.push(chain.check(bytes));
        }
        position += entries.length;
        if (entries.length > 0) yield entries;
        if (position >= end) break;
      }
      stop.abort();
    }
  }

  async hashAt(position: Position): Promise<Uint8Array | undefined> {
    if (position < this.first() || position > this.last()) return undefined;
    return sha256(await this.#bytesAt(position));
  }

  /** The last position that was written at `time` (milliseconds since 1970) or before; the one before `first()` for none. */
  async positionAt(time: number): Promise<Position> {
    let below = this.first() - 1;
    let above = this.last() + 1;
    while (above - below > 1) {
      const middle = Math.floor((below + above) / 2);
      if (readEnvelope(await this.#bytesAt(middle)).time <= time) below = middle;
      else above = middle;
    }
    return below;
  }

  async #bytesAt(position: Position): Promise<StreamMessage['bytes']> {
    const part = this.#parts.find(({ last }) => position <= last)!;
    const bytes = await messageOf(this.#connection, part.stream, position - part.base);
    if (bytes !== undefined) return bytes;
    throw new LedgerError(
      'damaged',
      `${part.stream} has nothing at position ${position}: a node's archive may have it`,
    );
  }
}

async function partOf(connection: NatsConnection, stream: string, number: number): Promise<Part | undefined> {
  const { answer, error } = await call(connection, `STREAM.INFO.${stream}`);
  if (error !== undefined) throw serverError(error, `the stream ${stream} tells nothing of itself`);
  const sequence = numberOf(objectOf(answer, 'state'), 'last_seq') ?? 0;
  const opening = sequence === 0 ? undefined : await messageOf(connection, stream, 1);
  if (opening === undefined) return undefined;
  const base = number === 1 ? 0 : readEnvelope(opening).position - 1;
  return { stream, base, first: base + 1, last: base + sequence };
}

/** What the first entry that is read says of the one before: from there on the chain is checked. */
function before(bytes: Uint8Array): Head {
  const { position, previous } = decodeEntry(bytes);
  return { position: position - 1, epoch: 0, time: 0, hash: previous };
}
