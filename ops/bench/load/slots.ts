/** A slot: one call in flight at a time. A connection of depth 16 has 16. Between the work and the links. */

import type { Procedure, Target } from './calls.js';

export interface Slot extends Target {
  /** Among all slots of the generator. */
  readonly id: number;
  procedure: Procedure;
  /** The status that the reply must have. */
  expected: number;
  xid: number;
  busy: boolean;
  /** When the call was sent, or in an open loop when it should have been. Milliseconds. */
  startedAt: number;
  /** The item that the slot works on, in words of the work. */
  item: number;
}

/** Finds the slots of one connection by xid. Their number is rounded up to a power of two, so that xids may wrap. */
export class Slots {
  readonly all: readonly Slot[];
  readonly #stride: number;
  #call = 0;

  constructor(firstId: number, depth: number) {
    this.#stride = 2 ** Math.ceil(Math.log2(depth));
    this.all = Array.from({ length: depth }, (_, index) => ({
      id: firstId + index,
      file: 0,
      owner: 0,
      offsetHigh: 0,
      offsetLow: 0,
      procedure: 0,
      expected: 0,
      xid: 0,
      busy: false,
      startedAt: 0,
      item: 0,
    }));
    this.#call = Math.trunc(Math.random() * 0x1_0000);
  }

  /** A new xid: none comes twice on this connection before all have been. */
  number(slot: Slot): void {
    this.#call += 1;
    slot.xid = (this.#call * this.#stride + (slot.id - this.all[0]!.id)) % 0x1_0000_0000;
    slot.busy = true;
  }

  /** The slot whose call in flight has this xid. */
  find(xid: number): Slot | undefined {
    const slot = this.all[xid % this.#stride];
    return slot !== undefined && slot.busy && slot.xid === xid ? slot : undefined;
  }
}
