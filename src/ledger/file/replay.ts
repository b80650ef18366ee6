/**
 * Reads entries from the segments in order, CRC and chain checked on the way. Under `read` of the ledger and of the
 * live reader, dump, backup and verify.
 */

import { join } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { Chain, EMPTY_HEAD, equalBytes, sha256 } from '../chain.js';
import { readEnvelope } from '../envelope.js';
import type { Entry, Head, Position, SealedEntry } from '../port.js';
import { FRAME_ENTRY, parseMark, type SegmentHeader } from './format.js';
import { readHeader, walkFrames, type PlacedFrame } from './frames.js';
import { segmentFirsts, segmentName } from './layout.js';
import type { Storage, StorageFile } from './storage.js';

export interface ReplayOptions {
  readonly storage: Storage;
  /** The folder of segments. */
  readonly folder: string;
  readonly group: string;
  /** First position wanted, from 1. */
  readonly from: Position;
  /**
   * Last position wanted: it is there, or the ledger is damaged. Without it reading goes to the end of what is valid,
   * as beside a running writer, whose last frame may be half written.
   */
  readonly upTo?: Position;
}

export function replay(options: ReplayOptions): AsyncGenerator<readonly Entry[]> {
  return walkSegments(options, (entry) => entry);
}

/** The same, in the bytes that were appended. */
export function replaySealed(options: ReplayOptions): AsyncGenerator<readonly SealedEntry[]> {
  return walkSegments(options, ({ position, epoch }, bytes, hash) => ({ position, epoch, bytes, hash }));
}

/** What a reader makes of an entry. */
type Take<T> = (entry: Entry, bytes: Uint8Array, hash: Uint8Array) => T;

async function* walkSegments<T>(options: ReplayOptions, take: Take<T>): AsyncGenerator<readonly T[]> {
  const { storage, folder, group, from, upTo } = options;
  if (upTo !== undefined && from > upTo) return;
  const firsts = segmentFirsts(await storage.list(folder));
  let index = firsts.findLastIndex((first) => first <= from);
  if (index < 0 && firsts.length > 0) {
    throw new LedgerError('not-found', `position ${from} is not kept: the ledger of ${group} begins at ${firsts[0]}`);
  }
  let walk: Walk | undefined;
  for (; index >= 0 && index < firsts.length; index++) {
    const first = firsts[index] ?? 0;
    const file = await storage.open(join(folder, segmentName(first)), 'read');
    try {
      const header = await validHeader(file, group, first);
      walk = walk === undefined ? new Walk(group, header, from) : walk.into(header);
      yield* readSegment(file, header, walk, upTo, index === firsts.length - 1, take);
    } finally {
      await file.close();
    }
    if (walk.position === upTo) return;
  }
  if (upTo !== undefined) {
    throw damaged(group, (walk?.position ?? 0) + 1, `the log ends before position ${upTo}`);
  }
}

export type ReplayPlace = Pick<ReplayOptions, 'storage' | 'folder' | 'group'>;

/** The head as it was at `position`; `undefined` where the ledger does not reach, or does not reach back, so far. */
export async function headAt({ storage, folder, group }: ReplayPlace, position: Position): Promise<Head | undefined> {
  if (position === 0) return EMPTY_HEAD;
  const firsts = segmentFirsts(await storage.list(folder));
  // A ledger that began behind a checkpoint knows the head that it began at.
  const first = firsts.findLast((candidate) => candidate <= position) ?? firsts.find((other) => other === position + 1);
  if (first === undefined) return undefined;
  const file = await storage.open(join(folder, segmentName(first)), 'read');
  try {
    const header = await validHeader(file, group, first);
    if (first === position + 1) return header.before;
    const walk = new Walk(group, header, position + 1);
    for await (const { frames } of walkFrames(file, header.salt)) {
      for (const frame of frames) {
        walk.take(frame);
        if (walk.position === position) return walk.head;
      }
    }
    return undefined;
  } finally {
    await file.close();
  }
}

async function* readSegment<T>(
  file: StorageFile,
  header: SegmentHeader,
  walk: Walk,
  upTo: Position | undefined,
  last: boolean,
  take: Take<T>,
): AsyncGenerator<readonly T[]> {
  for await (const { frames, stop } of walkFrames(file, header.salt)) {
    const entries: T[] = [];
    for (const frame of frames) {
      const entry = walk.take(frame);
      if (entry !== undefined) entries.push(take(entry, frame.payload, walk.head?.hash ?? sha256(frame.payload)));
      if (walk.position === upTo) break;
    }
    if (entries.length > 0) yield entries;
    if (walk.position === upTo) return;
    if (stop?.type === 'bad' && (upTo !== undefined || !last)) {
      throw damaged(header.group, walk.position + 1, `the frame at byte ${stop.offset}: ${stop.why}`);
    }
  }
}

export async function validHeader(file: StorageFile, group: string, first: Position): Promise<SegmentHeader> {
  const parsed = await readHeader(file);
  if (parsed.type === 'newer') {
    throw new LedgerError(
      'newer-version',
      `segment ${segmentName(first)} has format version ${parsed.version}: start a release that reads it`,
      { details: { needed: parsed.version } },
    );
  }
  if (parsed.type !== 'valid') {
    throw damaged(group, first, `the header of ${segmentName(first)}: ${parsed.type === 'bad' ? parsed.why : 'short'}`);
  }
  if (parsed.header.group !== group || parsed.header.first !== first) {
    throw damaged(group, first, `${segmentName(first)} is position ${parsed.header.first} of ${parsed.header.group}`);
  }
  return parsed.header;
}

/** Position and chain while frames go by. Below `from` positions are only counted: their CRC is checked, not their hash. */
export class Walk {
  readonly #group: string;
  readonly #from: Position;
  #chain: Chain | undefined;
  #counted: Position;

  constructor(group: string, header: SegmentHeader, from: Position) {
    this.#group = group;
    this.#from = from;
    this.#counted = header.first - 1;
    if (header.first >= from) this.#chain = new Chain(group, header.before);
  }

  /** The last position that went by. */
  get position(): Position {
    return this.#chain?.head.position ?? this.#counted;
  }

  /** The head so far; `undefined` below `from`. */
  get head(): Head | undefined {
    return this.#chain?.head;
  }

  /** Goes on in the next segment, which must continue this one. */
  into(header: SegmentHeader): this {
    if (header.first !== this.position + 1) {
      throw damaged(this.#group, this.position + 1, `the next segment begins at ${header.first}`);
    }
    if (this.#chain === undefined) {
      if (header.first >= this.#from) this.#chain = new Chain(this.#group, header.before);
    } else if (!equalBytes(header.before.hash, this.#chain.head.hash)) {
      throw damaged(this.#group, header.first, 'its segment does not carry the hash of the entry before');
    }
    return this;
  }

  /** The entry of the frame, where it is one at or above `from`. */
  take(frame: PlacedFrame): Entry | undefined {
    if (frame.kind !== FRAME_ENTRY) {
      this.#checkMark(frame);
      return undefined;
    }
    if (this.#chain !== undefined) return this.#chain.check(frame.payload);
    this.#counted += 1;
    if (this.#counted === this.#from - 1) {
      const { epoch, time, position } = readEnvelope(frame.payload);
      if (position !== this.#counted) throw damaged(this.#group, this.#counted, `the entry says position ${position}`);
      this.#chain = new Chain(this.#group, { position, epoch, time, hash: sha256(frame.payload) });
    }
    return undefined;
  }

  #checkMark(frame: PlacedFrame): void {
    const mark = parseMark(frame.payload);
    const head = this.#chain?.head;
    const right = mark?.position === this.position && (head === undefined || equalBytes(mark.hash, head.hash));
    if (!right) throw damaged(this.#group, this.position, `the mark at byte ${frame.offset} names another entry`);
  }
}

function damaged(group: string, position: Position, why: string): LedgerError {
  return new LedgerError(
    'damaged',
    `the ledger of group ${group} is damaged at position ${position}: ${why}. Keep the folder as it is, and restore a backup or another node's archive`,
    { details: { group, position } },
  );
}
