/**
 * What the nodes of a group tell each other about their archives, and its checks: msgpack maps, whose unknown keys are
 * passed over, so that a later release may say more. On `nlm.peer.<group>.…` (names.ts); described in schemas/peer.json.
 *
 *     heads       {}                    -> Head of every archive of the group
 *     entries     {node, from}          -> {entries: [bytes, ...], head}    from one node; a page below the largest message
 *     checkpoint  {node, offset}        -> {position, epoch, time, hash, version, bytes, offset, part}   its newest one
 *     synced      {node, position, epoch, readsEntry, readsEvent}   told by a follower after each sync
 *     agreed      {node, position, epoch, hash}  told by the owner: the stream has acknowledged this entry
 */

import { LedgerError } from '../../base/errors.js';
import { decodePayload, encodePayload } from '../../bus/payload.js';
import { HASH_BYTES } from '../entry.js';
import type { Position } from '../port.js';
import type { FormatVersions } from '../replicated.js';

type Fields = Readonly<Record<string, unknown>>;

export interface ArchiveHead {
  readonly node: string;
  readonly position: Position;
  readonly epoch: number;
  readonly hash: Uint8Array;
  /** What stands up to here was acknowledged, or may have been. */
  readonly agreed: Position;
  /** Node that wrote the entry at the head. */
  readonly author: string;
  /** Generation of the stream that the archive was last level with; 0 where it never was. */
  readonly generation: number;
  /** Entries and events that the node reads. */
  readonly reads: FormatVersions;
}

export interface EntriesPage {
  readonly entries: readonly Uint8Array[];
  readonly head: Position;
}

export interface CheckpointPart {
  readonly position: Position;
  readonly epoch: number;
  readonly time: number;
  readonly hash: Uint8Array;
  readonly version: number;
  /** Of the whole state. */
  readonly bytes: number;
  readonly offset: number;
  readonly part: Uint8Array;
}

export function encodeMessage(value: object): Uint8Array {
  return encodePayload(value, 'msgpack');
}

/** What leaves is read first as who gets it will read it: a message that is none ends here, and says so. */
function checked(map: Fields, read: (map: Fields) => unknown): Uint8Array {
  read(map);
  return encodeMessage(map);
}

/** To one node. */
export function encodeRequest(node: string, numbers: Readonly<Record<string, number>>): Uint8Array {
  return checked({ node, ...numbers }, (map) => numbersOf(map));
}

export function decodeArchiveHead(bytes: Uint8Array): ArchiveHead {
  return archiveHeadOf(mapOf(bytes));
}

function archiveHeadOf(map: Fields): ArchiveHead {
  return {
    node: text(map, 'node'),
    position: whole(map, 'position'),
    epoch: whole(map, 'epoch'),
    hash: hashOf(map),
    agreed: whole(map, 'agreed'),
    author: text(map, 'author'),
    generation: whole(map, 'generation'),
    reads: readsOf(map),
  };
}

export function encodeArchiveHead({ reads, ...head }: ArchiveHead): Uint8Array {
  return checked({ ...head, readsEntry: reads.entry, readsEvent: reads.event }, archiveHeadOf);
}

export function decodeEntriesPage(bytes: Uint8Array): EntriesPage {
  return entriesPageOf(mapOf(bytes));
}

function entriesPageOf(map: Fields): EntriesPage {
  const entries = map['entries'];
  if (!Array.isArray(entries)) throw wrong('entries');
  return {
    head: whole(map, 'head'),
    entries: (entries as unknown[]).map((entry) => {
      if (!(entry instanceof Uint8Array)) throw wrong('entries');
      return entry;
    }),
  };
}

export function encodeEntriesPage(page: EntriesPage): Uint8Array {
  return checked({ ...page }, entriesPageOf);
}

export function encodeCheckpointPart(part: CheckpointPart): Uint8Array {
  return checked({ ...part }, checkpointPartOf);
}

export function decodeCheckpointPart(bytes: Uint8Array): CheckpointPart {
  return checkpointPartOf(mapOf(bytes));
}

function checkpointPartOf(map: Fields): CheckpointPart {
  const part = map['part'];
  if (!(part instanceof Uint8Array)) throw wrong('part');
  return {
    position: whole(map, 'position'),
    epoch: whole(map, 'epoch'),
    time: whole(map, 'time'),
    hash: hashOf(map),
    version: whole(map, 'version'),
    bytes: whole(map, 'bytes'),
    offset: whole(map, 'offset'),
    part,
  };
}

/** A request to one node: what else it says is read by `number`. Undefined where it is for another one. */
export function requestFor(bytes: Uint8Array, node: string): ReadonlyMap<string, number> | undefined {
  const map = mapOf(bytes);
  return map['node'] === node ? numbersOf(map) : undefined;
}

function numbersOf(map: Fields): ReadonlyMap<string, number> {
  return new Map(Object.keys(map).flatMap((key) => (typeof map[key] === 'number' ? [[key, whole(map, key)]] : [])));
}

export interface Synced {
  readonly node: string;
  readonly position: Position;
  /** Of the archive's head: what an owner of this epoch appended is in it, and not something else. */
  readonly epoch: number;
  readonly reads: FormatVersions;
}

export function decodeSynced(bytes: Uint8Array): Synced {
  return syncedOf(mapOf(bytes));
}

function syncedOf(map: Fields): Synced {
  return { node: text(map, 'node'), position: whole(map, 'position'), epoch: whole(map, 'epoch'), reads: readsOf(map) };
}

/** Told after each sync, so its numbers are looked at where they are. */
export function encodeSynced({ node, position, epoch, reads: { entry, event } }: Synced): Uint8Array {
  if (!isWhole(position)) throw wrong('position');
  if (!isWhole(epoch)) throw wrong('epoch');
  if (!isWhole(entry) || !isWhole(event)) throw wrong('reads');
  return encodeMessage({ node, position, epoch, readsEntry: entry, readsEvent: event });
}

export interface Agreed {
  readonly node: string;
  readonly position: Position;
  readonly epoch: number;
  /** Of the entry at the position. */
  readonly hash: Uint8Array;
}

export function encodeAgreed(agreed: Agreed): Uint8Array {
  return checked({ ...agreed }, agreedOf);
}

export function decodeAgreed(bytes: Uint8Array): Agreed {
  return agreedOf(mapOf(bytes));
}

function agreedOf(map: Fields): Agreed {
  return { node: text(map, 'node'), position: whole(map, 'position'), epoch: whole(map, 'epoch'), hash: hashOf(map) };
}

function readsOf(map: Fields): FormatVersions {
  return { entry: whole(map, 'readsEntry'), event: whole(map, 'readsEvent') };
}

function mapOf(bytes: Uint8Array): Fields {
  const value = decodePayload(bytes);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new LedgerError('bad-request', 'a message between nodes is no map');
}

function text(map: Fields, key: string): string {
  const value = map[key];
  if (typeof value !== 'string') throw wrong(key);
  return value;
}

function whole(map: Fields, key: string): number {
  const value = map[key];
  if (!isWhole(value)) throw wrong(key);
  return value;
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function hashOf(map: Fields): Uint8Array {
  const { hash } = map;
  if (!(hash instanceof Uint8Array) || hash.length !== HASH_BYTES) throw wrong('hash');
  return hash;
}

function wrong(key: string): LedgerError {
  return new LedgerError('bad-request', `a message between nodes has no sound ${key}`);
}
