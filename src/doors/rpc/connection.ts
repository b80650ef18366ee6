/** One TCP connection: bytes to records to calls; replies, gathered over a turn, back in one write. */

import type { Socket } from 'node:net';
import { encodeRefusal, encodeSuccess, type Refusal } from '../../rpc/message.js';
import { beginRecord, endRecord, RecordError, RecordReader, type RecordLimits } from '../../rpc/record.js';
import type { Codec } from '../../xdr/codec.js';
import { XdrWriter } from '../../xdr/writer.js';
import type { Caller, Transport } from './caller.js';
import type { RpcDispatch } from './serve.js';

export interface ConnectionLimits extends RecordLimits {
  /** Calls of one connection that are not answered yet; past it reading pauses until half of them are. */
  readonly inFlightMax: number;
  /** Bytes of replies that the client has not taken; past it reading pauses. */
  readonly unsentBytesMax: number;
  /** A connection without a call and without an open wait for so long is closed. Milliseconds. */
  readonly idleMsMax: number;
  /** The rest of a record that has begun must come within this time. Milliseconds. */
  readonly recordMsMax: number;
}

/** Connections with replies of this turn. They leave at its end: in one microtask, which costs as much as a reply. */
let departures: RpcConnection[] = [];

function depart(): void {
  const leaving = departures;
  departures = [];
  for (const connection of leaving) connection.flush();
}

export class RpcConnection implements Transport {
  readonly caller: Caller;
  readonly openedAt: number;
  readonly #socket: Socket;
  readonly #dispatch: RpcDispatch;
  readonly #limits: ConnectionLimits;
  readonly #records: RecordReader;
  readonly #writer = new XdrWriter();
  readonly #onRecord = (buffer: Buffer, start: number, end: number): void => this.#serve(buffer, start, end);
  #inFlight = 0;
  #departs = false;
  #paused = false;
  #closed = false;
  #presentLife = true;
  #lastByteAt: number;
  /** When the record that is still incomplete began, or when it last was our turn to read on. */
  #recordSince: number;

  constructor(socket: Socket, caller: Caller, dispatch: RpcDispatch, limits: ConnectionLimits, now: number) {
    this.#socket = socket;
    this.caller = caller;
    this.#dispatch = dispatch;
    this.#limits = limits;
    this.#records = new RecordReader(limits);
    this.openedAt = now;
    this.#lastByteAt = now;
    this.#recordSince = now;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#resume());
    // What happened to the peer is its own affair: its locks stay, and it comes back.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
    });
  }

  get isPresentLife(): boolean {
    return this.#presentLife;
  }

  /** The client says that it has rebooted: what still comes out of this connection is of its older life. */
  age(): void {
    this.#presentLife = false;
  }

  /**
   * Called each few seconds: ends what is idle, what takes no replies, and what holds a half record open, however
   * many single bytes of it still come. `now` in milliseconds, monotonic.
   */
  check(now: number): void {
    const isHalf = this.#records.isInRecord && !this.#paused;
    const isIdle = this.#inFlight === 0 && now - this.#lastByteAt > this.#limits.idleMsMax;
    if (isIdle || (isHalf && now - this.#recordSince > this.#limits.recordMsMax)) this.#socket.destroy();
  }

  /** Ends the connection with a reset, so that the client connects anew at once (a floating address goes). */
  reset(): void {
    this.#closed = true;
    this.#socket.resetAndDestroy();
  }

  succeed<Result>(xid: number, codec: Codec<Result>, result: Result): void {
    if (!this.#answered()) return;
    const mark = beginRecord(this.#writer);
    encodeSuccess(this.#writer, xid);
    codec.encode(this.#writer, result);
    endRecord(this.#writer, mark);
  }

  refuse(xid: number, refusal: Refusal): void {
    if (!this.#answered()) return;
    const mark = beginRecord(this.#writer);
    encodeRefusal(this.#writer, xid, refusal);
    endRecord(this.#writer, mark);
  }

  forget(): void {
    this.#inFlight -= 1;
    this.#resume();
  }

  #answered(): boolean {
    this.#inFlight -= 1;
    if (this.#closed) return false;
    if (!this.#departs) {
      this.#departs = true;
      departures.push(this);
      if (departures.length === 1) queueMicrotask(depart);
    }
    return true;
  }

  #receive(chunk: Buffer): void {
    this.#lastByteAt = performance.now();
    if (!this.#records.isInRecord) this.#recordSince = this.#lastByteAt;
    try {
      this.#records.push(chunk, this.#onRecord);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      this.#dispatch.counters.garbled += 1;
      this.#socket.destroy();
      return;
    }
    if (this.#inFlight > this.#limits.inFlightMax) this.#pause();
  }

  #serve(buffer: Buffer, start: number, end: number): void {
    this.#recordSince = this.#lastByteAt;
    this.#inFlight += 1;
    if (!this.#dispatch.dispatch(buffer, start, end, this)) this.#inFlight -= 1;
  }

  /** Its replies of this turn leave, in one write. */
  flush(): void {
    this.#departs = false;
    if (this.#closed || this.#writer.position === 0) return;
    this.#socket.write(this.#writer.take());
    if (this.#socket.writableLength > this.#limits.unsentBytesMax) this.#pause();
    else this.#resume();
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#paused || this.#inFlight > this.#limits.inFlightMax / 2) return;
    if (this.#socket.writableLength > this.#limits.unsentBytesMax) return;
    this.#paused = false;
    this.#recordSince = performance.now();
    this.#socket.resume();
  }
}
