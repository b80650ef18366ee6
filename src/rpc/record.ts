/**
 * Record marking (RFC 5531 section 11): messages out of a stream of bytes, and onto one. It stands between a TCP
 * connection and the messages of RPC.
 *
 *   record   = fragment* last-fragment
 *   fragment = mark (4 bytes, big-endian: bit 31 set in the last one, bits 30 to 0 = length) and that many bytes
 */
import type { XdrWriter } from '../xdr/writer.js';

export interface RecordLimits {
  /** Of one record, all fragments together. */
  readonly recordBytesMax: number;
  /** Of one record, empty ones included. */
  readonly fragmentsMax: number;
}

export type RecordFault = 'record-too-long' | 'too-many-fragments' | 'empty-record';

/** The stream cannot be followed any further: the connection has to be closed. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly fault: RecordFault;

  constructor(fault: RecordFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** One record's bytes, from `start` to before `end`; true until the call returns. */
export type OnRecord = (buffer: Buffer, start: number, end: number) => void;

const LAST_FRAGMENT = 0x8000_0000;
const EMPTY = Buffer.alloc(0);
/** What is kept of a record grows with what has come of it, never with what a mark announces. */
const HELD_FIRST_BYTES = 512;

export class RecordReader {
  private readonly limits: RecordLimits;
  /** The mark, as far as it has come. */
  private mark = 0;
  private markBytes = 0;
  /** Bytes still to come of the fragment whose mark is complete. */
  private fragmentLeft = 0;
  private isLast = false;
  private fragments = 0;
  /** What has come of a record that does not lie whole in one chunk. */
  private held = EMPTY;
  private heldBytes = 0;

  constructor(limits: RecordLimits) {
    this.limits = limits;
  }

  /** Whether a record has begun and not ended: a connection that stays so is being held open. */
  get isInRecord(): boolean {
    return this.markBytes > 0 || this.fragments > 0;
  }

  /**
   * Takes the next bytes of the stream, split anywhere, and calls `onRecord` for each record that they complete, in
   * order. A record that lies in `chunk` as one fragment is not copied. Throws RecordError, after the records before
   * the fault; from then on the reader is of no use.
   */
  push(chunk: Buffer, onRecord: OnRecord): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.markBytes < 4) {
        at = this.readMark(chunk, at);
        if (this.markBytes < 4) return;
        this.beginFragment();
      }
      const end = at + this.fragmentLeft;
      if (this.isLast && this.heldBytes === 0 && end <= chunk.length) {
        this.beginRecord();
        onRecord(chunk, at, end);
        at = end;
        continue;
      }
      at = this.hold(chunk, at);
      if (this.fragmentLeft > 0) return;
      this.markBytes = 0;
      if (this.isLast) {
        const { held, heldBytes } = this;
        this.beginRecord();
        onRecord(held, 0, heldBytes);
      }
    }
  }

  private beginRecord(): void {
    this.mark = 0;
    this.markBytes = 0;
    this.fragmentLeft = 0;
    this.fragments = 0;
    this.held = EMPTY;
    this.heldBytes = 0;
  }

  private readMark(chunk: Buffer, from: number): number {
    let at = from;
    while (this.markBytes < 4 && at < chunk.length) {
      this.mark = ((this.mark << 8) | chunk[at]!) >>> 0;
      this.markBytes += 1;
      at += 1;
    }
    return at;
  }

  private beginFragment(): void {
    const { recordBytesMax, fragmentsMax } = this.limits;
    this.isLast = this.mark >= LAST_FRAGMENT;
    this.fragmentLeft = this.mark % LAST_FRAGMENT;
    this.mark = 0;
    this.fragments += 1;
    const length = this.heldBytes + this.fragmentLeft;
    if (length > recordBytesMax) {
      throw new RecordError('record-too-long', `a record of ${length} bytes is beyond the limit of ${recordBytesMax}`);
    }
    if (this.fragments > fragmentsMax) {
      throw new RecordError('too-many-fragments', `a record in more than ${fragmentsMax} fragments`);
    }
    if (this.isLast && length === 0) throw new RecordError('empty-record', 'a record of no bytes');
  }

  /** Copies what `chunk` has of the fragment, from `from` on, behind what is held; returns where it ended. */
  private hold(chunk: Buffer, from: number): number {
    const count = Math.min(this.fragmentLeft, chunk.length - from);
    const length = this.heldBytes + count;
    if (length > this.held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, this.held.length * 2, HELD_FIRST_BYTES));
      this.held.copy(larger, 0, 0, this.heldBytes);
      this.held = larger;
    }
    chunk.copy(this.held, this.heldBytes, from, from + count);
    this.heldBytes = length;
    this.fragmentLeft -= count;
    return from + count;
  }
}

/** Leaves room for the mark of a record in one fragment; returns its position, for `endRecord`. */
export function beginRecord(writer: XdrWriter): number {
  const position = writer.position;
  writer.uint(0);
  return position;
}

/** Writes the mark, now that everything of the record is written. Several records may stand in one writer. */
export function endRecord(writer: XdrWriter, position: number): void {
  writer.patch(position, LAST_FRAGMENT + (writer.position - position - 4));
}
