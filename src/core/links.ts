/** Doubly linked lists threaded through the rows of a table: order of arrival without an object an element. */

import type { Rows } from './rows.js';

/** One list of its own, oldest first, with its length; an element knows by a flag whether it is in. */
export class Chain {
  readonly #rows: Rows;
  readonly #next: number;
  readonly #previous: number;
  readonly #member: number;
  #head = 0;
  #tail = 0;
  #length = 0;

  constructor(rows: Rows, next: number, previous: number, member: number) {
    this.#rows = rows;
    this.#next = next;
    this.#previous = previous;
    this.#member = member;
  }

  get head(): number {
    return this.#head;
  }

  get length(): number {
    return this.#length;
  }

  next(slot: number): number {
    return this.#rows.get(slot, this.#next);
  }

  push(slot: number): void {
    const page = this.#rows.page(slot);
    const at = this.#rows.offset(slot);
    if (page[at + this.#member] === 1) return;
    page[at + this.#member] = 1;
    page[at + this.#next] = 0;
    page[at + this.#previous] = this.#tail;
    if (this.#tail === 0) this.#head = slot;
    else this.#rows.set(this.#tail, this.#next, slot);
    this.#tail = slot;
    this.#length += 1;
  }

  remove(slot: number): void {
    const page = this.#rows.page(slot);
    const at = this.#rows.offset(slot);
    if (page[at + this.#member] === 0) return;
    page[at + this.#member] = 0;
    const next = page[at + this.#next]!;
    const previous = page[at + this.#previous]!;
    if (previous === 0) this.#head = next;
    else this.#rows.set(previous, this.#next, next);
    if (next === 0) this.#tail = previous;
    else this.#rows.set(next, this.#previous, previous);
    this.#length -= 1;
  }
}

/** Puts `slot` before `head`; the answer is the new head. */
export function linkFront(rows: Rows, next: number, previous: number, head: number, slot: number): number {
  rows.set(slot, next, head);
  rows.set(slot, previous, 0);
  if (head !== 0) rows.set(head, previous, slot);
  return slot;
}

/** Takes `slot` out; the answer is the new head. */
export function unlink(rows: Rows, next: number, previous: number, head: number, slot: number): number {
  const after = rows.get(slot, next);
  const before = rows.get(slot, previous);
  if (after !== 0) rows.set(after, previous, before);
  if (before === 0) return after;
  rows.set(before, next, after);
  return head;
}
