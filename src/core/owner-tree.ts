/** The locks of a file by owner and start: what a split, a merge or a sub-range unlock has to touch, in O(log n) each. */

import type { U64 } from '../base/u64.js';
import {
  L_END_HIGH,
  L_END_LOW,
  L_OWN_LEFT,
  L_OWN_RIGHT,
  L_OWNER,
  L_START_HIGH,
  L_START_LOW,
  type LockRows,
} from './lock-rows.js';
import { Treap } from './treap.js';

export class OwnerTree extends Treap {
  #owner = 0;
  #high = 0;
  #low = 0;

  constructor(rows: LockRows) {
    super(rows, L_OWN_LEFT, L_OWN_RIGHT);
  }

  protected override seek(slot: number): void {
    const page = this.rows.page(slot);
    const at = this.rows.offset(slot);
    this.#owner = page[at + L_OWNER]!;
    this.#high = page[at + L_START_HIGH]!;
    this.#low = page[at + L_START_LOW]!;
  }

  protected override goesLeft(node: number): boolean {
    return order(this.rows.page(node), this.rows.offset(node), this.#owner, this.#high, this.#low) > 0;
  }

  protected override refresh(): boolean {
    // Nothing is known about a subtree here.
    return false;
  }

  protected override absorb(): void {
    // As above.
  }

  /** The first lock of the owner that ends at or after `start` or starts behind it, or 0. */
  from(root: number, owner: number, start: U64): number {
    const { rows } = this;
    let before = 0;
    let after = 0;
    for (let node = root; node !== 0;) {
      const page = rows.page(node);
      const at = rows.offset(node);
      if (order(page, at, owner, start.high, start.low) <= 0) {
        before = node;
        node = page[at + L_OWN_RIGHT]!;
      } else {
        after = node;
        node = page[at + L_OWN_LEFT]!;
      }
    }
    if (before !== 0 && rows.get(before, L_OWNER) === owner && !this.#endsBefore(before, start)) return before;
    return after !== 0 && rows.get(after, L_OWNER) === owner ? after : 0;
  }

  /** The last lock of the owner that starts at or before `start`, or 0. */
  floor(root: number, owner: number, start: U64): number {
    const { rows } = this;
    let found = 0;
    for (let node = root; node !== 0;) {
      const page = rows.page(node);
      const at = rows.offset(node);
      if (order(page, at, owner, start.high, start.low) <= 0) {
        found = node;
        node = page[at + L_OWN_RIGHT]!;
      } else {
        node = page[at + L_OWN_LEFT]!;
      }
    }
    return found !== 0 && rows.get(found, L_OWNER) === owner ? found : 0;
  }

  /** The first lock of the owner that starts after `start`, or 0. */
  above(root: number, owner: number, start: U64): number {
    const found = this.next(root, owner, start);
    return found !== 0 && this.rows.get(found, L_OWNER) === owner ? found : 0;
  }

  /** The first lock of anybody after (owner, start), or 0. */
  next(root: number, owner: number, start: U64): number {
    const { rows } = this;
    let found = 0;
    for (let node = root; node !== 0;) {
      const page = rows.page(node);
      const at = rows.offset(node);
      if (order(page, at, owner, start.high, start.low) > 0) {
        found = node;
        node = page[at + L_OWN_LEFT]!;
      } else {
        node = page[at + L_OWN_RIGHT]!;
      }
    }
    return found;
  }

  #endsBefore(slot: number, offset: U64): boolean {
    const high = this.rows.get(slot, L_END_HIGH);
    return high < offset.high || (high === offset.high && this.rows.get(slot, L_END_LOW) < offset.low);
  }
}

/** Where the row at `at` stands to (owner, start): below 0 before it. */
function order(page: Uint32Array, at: number, owner: number, high: number, low: number): number {
  return page[at + L_OWNER]! - owner || page[at + L_START_HIGH]! - high || page[at + L_START_LOW]! - low;
}
