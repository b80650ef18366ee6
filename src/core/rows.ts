/**
 * Rows of 32-bit words in pages of typed arrays, outside of the garbage collector's heap: the store below every table
 * of the projection. Pages, because neither a copy of the whole nor a resizable buffer is paid for on growth or on
 * access (ops/bench/projection.ts measured the three).
 *
 * A slot is the number of a row; 0 is no row. Slots say nothing outside of the process: they depend on when sweeps ran.
 */

import { setWideAt, wideAt } from './wide.js';

const PAGE_SHIFT = 14;
const PAGE_ROWS = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_ROWS - 1;
/** The first page begins with so many rows and doubles up to a whole one: most tables stay small, and a state is made quickly. */
const FIRST_ROWS = 64;

export class Rows {
  readonly #stride: number;
  readonly #pages: Uint32Array[];
  /** Slots below it have their place in a page. */
  #room = FIRST_ROWS;
  #free = 0;
  #next = 1;
  #count = 0;

  constructor(stride: number) {
    this.#stride = stride;
    this.#pages = [new Uint32Array(stride * FIRST_ROWS)];
  }

  /** Rows in use. */
  get count(): number {
    return this.#count;
  }

  /** Every slot in use is below. */
  get limit(): number {
    return this.#next;
  }

  get(slot: number, field: number): number {
    return this.#pages[slot >>> PAGE_SHIFT]![(slot & PAGE_MASK) * this.#stride + field]!;
  }

  set(slot: number, field: number, value: number): void {
    this.#pages[slot >>> PAGE_SHIFT]![(slot & PAGE_MASK) * this.#stride + field] = value;
  }

  /**
   * The page of a row and, by `offset`, where in it the row begins: for code that reads many fields of one row. Good until
   * the table takes or reaches a row.
   */
  page(slot: number): Uint32Array {
    return this.#pages[slot >>> PAGE_SHIFT]!;
  }

  offset(slot: number): number {
    return (slot & PAGE_MASK) * this.#stride;
  }

  /** A number of up to 53 bits in two words. */
  getWide(slot: number, field: number): number {
    return wideAt(this.#pages[slot >>> PAGE_SHIFT]!, (slot & PAGE_MASK) * this.#stride + field);
  }

  setWide(slot: number, field: number, value: number): void {
    setWideAt(this.#pages[slot >>> PAGE_SHIFT]!, (slot & PAGE_MASK) * this.#stride + field, value);
  }

  /** A row with undefined content, for the caller to fill. */
  take(): number {
    this.#count += 1;
    const slot = this.#free;
    if (slot !== 0) {
      this.#free = this.get(slot, 0);
      return slot;
    }
    const fresh = this.#next++;
    if (fresh === this.#room) this.#grow();
    return fresh;
  }

  release(slot: number): void {
    this.#count -= 1;
    this.set(slot, 0, this.#free);
    this.#free = slot;
  }

  /** Makes room so that `slot` can be written, for tables whose rows are numbered by the ledger. */
  reach(slot: number): void {
    while (slot >= this.#room) this.#grow();
  }

  /** Sets every word of a row to 0. */
  clear(slot: number): void {
    const at = (slot & PAGE_MASK) * this.#stride;
    this.#pages[slot >>> PAGE_SHIFT]!.fill(0, at, at + this.#stride);
  }

  #grow(): void {
    const first = this.#room < PAGE_ROWS;
    this.#room += first ? this.#room : PAGE_ROWS;
    const page = new Uint32Array(this.#stride * (first ? this.#room : PAGE_ROWS));
    if (!first) this.#pages.push(page);
    else {
      page.set(this.#pages[0]!);
      this.#pages[0] = page;
    }
  }
}
