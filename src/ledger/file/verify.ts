/**
 * Reads every byte of a group's segments: headers, CRCs, chain, marks, epochs, clocks, and that the space written ahead
 * is zero. Behind `ledger verify` and `audit verify`, and after each backup and restore. Without lock; writes nothing.
 */

import { basename } from 'node:path';
import { LedgerError } from '../../base/errors.js';
import { Chain, EMPTY_HEAD, equalBytes, sha256 } from '../chain.js';
import { checkEvents, decodeEntry } from '../entry.js';
import type { Entry, Head, Position } from '../port.js';
import { FileCheckpoints } from './checkpoints.js';
import { FRAME_ENTRY, FRAME_HEAD_BYTES, HEADER_BYTES, parseFrame, parseMark, type SegmentHeader } from './format.js';
import { endOfBytes, readHeader, walkFrames, type PlacedFrame } from './frames.js';
import type { FileReader } from './reader.js';
import type { StorageFile } from './storage.js';

/** `bytes`: not what was written. `chain`: whole, but not the next one. `order`: an epoch or a clock that went back. */
export type FaultKind = 'bytes' | 'chain' | 'order';

export interface Fault<Kind extends string = FaultKind> {
  readonly kind: Kind;
  /** Name of the file. */
  readonly file: string;
  /** Of the frame, or of what else is wrong. */
  readonly offset?: number;
  /** Of the entry. */
  readonly position?: Position;
  readonly why: string;
}

export interface VerifyOptions {
  /** A node may be writing, so the end of the last segment is not judged. */
  readonly running?: boolean;
  /** Goes on behind damage, from the next frame that is whole. */
  readonly pastDamage?: boolean;
  /** The first position of a segment: what stands before it is not read. Default: all is. */
  readonly from?: Position;
  /** The last position of a segment: of the next one the header is read, which goes on from it. Default: all is. */
  readonly upTo?: Position;
  /** Sees each entry that is whole and in its place; `payload` is good until its promise resolves, if it gives one. */
  readonly onEntry?: (entry: Entry, payload: Uint8Array, head: Head, place: Place) => Promise<void> | void;
  /** Behind a fault that breaks the chain: what comes next does not continue what was seen. */
  readonly onBreak?: () => void;
  readonly onFault?: (fault: Fault) => void;
  /** Between groups of entries. */
  readonly pace?: (position: Position) => Promise<void> | void;
}

export interface Place {
  readonly file: string;
  readonly offset: number;
}

export interface Verification {
  readonly segments: number;
  readonly entries: number;
  readonly events: number;
  /** The first position that is there. */
  readonly first: Position;
  /** Of the last entry that is sound; past damage, of the last one at all. */
  readonly head: Head;
  /** The first thing that is not as it was written, in words with its place; `undefined` where all is sound. */
  readonly fault?: string;
}

export async function verify(reader: FileReader, options: VerifyOptions = {}): Promise<Verification> {
  const verifier = new Verifier(reader, options);
  await verifier.run();
  return verifier.report();
}

class Stop extends Error {}

class Verifier {
  readonly #reader: FileReader;
  readonly #options: VerifyOptions;
  #segments = 0;
  #entries = 0;
  #events = 0;
  #first: Position = 1;
  #head: Head = EMPTY_HEAD;
  /** Undefined at the beginning and behind a hole: whatever comes next is taken for its word. */
  #chain: Chain | undefined;
  #durable: Position = 0;
  #fault: string | undefined;

  constructor(reader: FileReader, options: VerifyOptions) {
    this.#reader = reader;
    this.#options = options;
  }

  report(): Verification {
    return {
      segments: this.#segments,
      entries: this.#entries,
      events: this.#events,
      first: this.#first,
      head: this.#head,
      ...(this.#fault === undefined ? {} : { fault: this.#fault }),
    };
  }

  async run(): Promise<void> {
    const { from = 1, upTo = Number.POSITIVE_INFINITY } = this.#options;
    const there = await this.#reader.segments();
    let before = there.findLast(({ first }) => first < from)?.first;
    const segments = there.filter(({ first }) => first >= from);
    this.#segments = segments.filter(({ first }) => first <= upTo).length;
    this.#first = segments[0]?.first ?? 1;
    try {
      for (const [index, { path, first }] of segments.entries()) {
        const file = await this.#reader.storage.open(path, 'read');
        try {
          const header = await this.#header(file, basename(path), first, before);
          if (first > upTo) return;
          if (header !== undefined) await this.#segment(file, basename(path), header, index === segments.length - 1);
        } finally {
          await file.close();
        }
        before = first;
      }
    } catch (error) {
      if (!(error instanceof Stop)) throw error;
    }
  }

  async #header(
    file: StorageFile,
    name: string,
    first: Position,
    before: Position | undefined,
  ): Promise<SegmentHeader | undefined> {
    const parsed = await readHeader(file);
    if (parsed.type !== 'valid') {
      const why =
        parsed.type === 'newer'
          ? `it says format version ${parsed.version}: a newer release wrote it, or it is damaged`
          : parsed.type === 'short'
            ? 'it is short'
            : parsed.why;
      this.#break({
        kind: 'bytes',
        file: name,
        offset: 0,
        position: first,
        why: `its header: ${why}; the segment cannot be read`,
      });
      return undefined;
    }
    const { header } = parsed;
    this.#checkHeader(header, name, first, before);
    if (before === undefined && !(await this.#begins(header))) {
      const why = `what stood before it is missing, and no checkpoint at position ${first - 1} says that it was archived`;
      this.#break({ kind: 'chain', file: name, offset: 0, position: first, why });
      this.#chain = new Chain(this.#reader.group, header.before);
    }
    return header;
  }

  async #segment(file: StorageFile, name: string, header: SegmentHeader, last: boolean): Promise<void> {
    const stop = await this.#frames(file, name, header);
    // What a running node writes is half there for a moment.
    if (last && this.#options.running === true) return;
    if ((await endOfBytes(file, stop)) !== stop) {
      this.#report({
        kind: 'bytes',
        file: name,
        offset: stop,
        why: `the space written ahead, from byte ${stop}, is not zero`,
      });
    }
  }

  #begins({ before, segmentBefore }: SegmentHeader): Promise<boolean> {
    if (before.position === 0) return Promise.resolve(segmentBefore === 0);
    const { group, folders, storage } = this.#reader;
    return new FileCheckpoints({ data: '', group, folders, storage, log: () => undefined }).beginsAt(before);
  }

  #checkHeader(header: SegmentHeader, name: string, first: Position, before: Position | undefined): void {
    const at = { file: name, offset: 0, position: first };
    if (header.group !== this.#reader.group)
      this.#break({ ...at, kind: 'chain', why: `it belongs to the group ${header.group}` });
    if (header.first !== first)
      this.#break({ ...at, kind: 'chain', why: `it says that it begins at position ${header.first}` });
    if (before !== undefined && header.segmentBefore !== before) {
      this.#break({
        ...at,
        kind: 'chain',
        why: `the segment before it, which begins at ${header.segmentBefore}, is missing`,
      });
    }
    if (this.#chain === undefined) {
      this.#chain = new Chain(this.#reader.group, header.before);
      this.#head = header.before;
      return;
    }
    const { position, epoch, time, hash } = this.#chain.head;
    const claims = header.before;
    if (claims.position !== position) {
      const what =
        claims.position > position
          ? `positions ${position + 1} to ${claims.position} are missing before it`
          : `it begins at ${first}, and the entries before it end at ${position}`;
      this.#break({ ...at, kind: 'chain', why: what });
    } else if (!equalBytes(claims.hash, hash)) {
      this.#break({ ...at, kind: 'chain', why: 'it does not carry the hash of the entry before' });
    } else if (claims.epoch !== epoch || claims.time !== time) {
      this.#report({
        ...at,
        kind: 'order',
        why: `it says epoch ${claims.epoch} and time ${claims.time} of the entry before, which has ${epoch} and ${time}`,
      });
    }
    this.#chain ??= new Chain(this.#reader.group, claims);
  }

  /** The answer is where the frames end. */
  async #frames(file: StorageFile, name: string, header: SegmentHeader): Promise<number> {
    const bytes = await file.size();
    for (let from = HEADER_BYTES; ;) {
      let end = from;
      let bad: { readonly offset: number; readonly why: string } | undefined;
      for await (const { frames, stop } of walkFrames(file, header.salt, from)) {
        for (const frame of frames) {
          const waits = this.#frame(frame, name);
          if (waits !== undefined) await waits;
        }
        end = stop?.offset ?? end;
        if (stop?.type === 'bad') bad = stop;
        await this.#options.pace?.(this.#head.position);
      }
      const next =
        bad === undefined && (await this.#isZero(file, end))
          ? undefined
          : await nextFrame(file, header.salt, end, bytes);
      if (bad === undefined && next === undefined) return end;
      // Nothing valid behind it: a torn end, or the node is writing it now.
      if (next === undefined && this.#options.running === true) return bytes;
      const why = bad?.why ?? 'zeros stand where a frame was';
      this.#break({
        kind: 'bytes',
        file: name,
        offset: end,
        position: this.#head.position + 1,
        why: `the frame at byte ${end}: ${why}`,
      });
      if (next === undefined) return bytes;
      from = next;
    }
  }

  /** Whether what follows is zero for as far as a frame's head reaches; the whole rest is judged once. */
  async #isZero(file: StorageFile, from: number): Promise<boolean> {
    return (await endOfBytes(file, from)) === from;
  }

  #frame(frame: PlacedFrame, name: string): Promise<void> | void {
    const place = { file: name, offset: frame.offset };
    if (frame.kind !== FRAME_ENTRY) return this.#mark(frame, place);
    let entry: Entry;
    try {
      entry = decodeEntry(frame.payload);
      // Whoever takes the entry decodes its events.
      if (this.#options.onEntry === undefined) checkEvents(entry.events);
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'damaged') throw error;
      return this.#break({ ...place, kind: 'bytes', position: this.#head.position + 1, why: error.message });
    }
    const { position } = entry;
    if (this.#chain === undefined) {
      if (position <= this.#head.position) {
        return this.#report({
          ...place,
          kind: 'chain',
          position,
          why: `the entry says position ${position}, which is behind it already`,
        });
      }
    } else {
      const why = this.#breaks(entry, this.#chain.head);
      if (why !== undefined) this.#break({ ...place, kind: 'chain', position, why });
    }
    const head = {
      position,
      epoch: Math.max(entry.epoch, this.#head.epoch),
      time: Math.max(entry.time, this.#head.time),
      hash: sha256(frame.payload),
    };
    this.#checkOrder(entry, place);
    this.#chain = new Chain(this.#reader.group, head);
    this.#head = head;
    this.#durable = entry.durable;
    this.#entries += 1;
    this.#events += entry.events.count;
    return this.#options.onEntry?.(entry, frame.payload, head, place);
  }

  #breaks(entry: Entry, before: Head): string | undefined {
    if (entry.group !== this.#reader.group) return `it belongs to the group ${JSON.stringify(entry.group)}`;
    const expected = before.position + 1;
    if (entry.position > expected)
      return `the entry says position ${entry.position}: ${expected === entry.position - 1 ? `position ${expected} is` : `positions ${expected} to ${entry.position - 1} are`} missing before it`;
    if (entry.position < expected) return `the entry says position ${entry.position}, which is behind it already`;
    return equalBytes(entry.previous, before.hash)
      ? undefined
      : `its previous hash is not that of the entry at ${before.position}`;
  }

  #checkOrder({ position, epoch, time, durable }: Entry, place: Place): void {
    const before = this.#head;
    const report = (why: string): void => this.#report({ ...place, kind: 'order', position, why });
    if (epoch < before.epoch)
      report(`epoch ${epoch} after ${before.epoch}: an append by an owner whose claim was over`);
    if (time < before.time) report(`the clock ran backwards by ${before.time - time} ms`);
    if (durable >= position || durable < this.#durable)
      report(`its durable mark ${durable} cannot be: the one before has ${this.#durable}`);
  }

  #mark(frame: PlacedFrame, place: Place): void {
    if (this.#chain === undefined) return;
    const { position, hash } = this.#chain.head;
    const mark = parseMark(frame.payload);
    if (mark?.position === position && equalBytes(mark.hash, hash)) return;
    this.#report({
      ...place,
      kind: 'chain',
      position,
      why: `the mark at byte ${frame.offset} names position ${mark?.position ?? 'of no kind'} or its hash, and the entry before it is ${position}`,
    });
  }

  #report(fault: Fault): void {
    this.#fault ??= `${fault.file}: ${fault.position === undefined ? '' : `position ${fault.position}: `}${fault.why}`;
    this.#options.onFault?.(fault);
    if (this.#options.pastDamage !== true) throw new Stop();
  }

  #break(fault: Fault): void {
    this.#report(fault);
    this.#chain = undefined;
    this.#options.onBreak?.();
  }
}

/** Where the next valid frame begins behind `from`; frames stand at multiples of 8. */
async function nextFrame(file: StorageFile, salt: number, from: number, end: number): Promise<number | undefined> {
  const bytes = Buffer.alloc(end - from + 7);
  await file.read(bytes, from);
  for (let at = 8; at + FRAME_HEAD_BYTES <= bytes.length; at += 8) {
    if (bytes.readUInt32LE(at + 12) === salt && parseFrame(bytes, at, salt).type === 'valid') return from + at;
  }
  return undefined;
}
