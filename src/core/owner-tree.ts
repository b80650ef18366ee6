/** The locks of a file by owner and start: what a split, a merge or a sub-range unlock has to touch, in O(log n) each. */

import type { U64 } from '../base/u64.js';
import { L_OWN_LEFT, L_OWN_RIGHT, L_OWNER, L_START_HIGH, L_START_LOW, type LockRows } from './lock-rows.js';
import { Treap } from './treap.js';

export class OwnerTree extends Treap {
  constructor(rows: LockRows) {
    super(rows, L_OWN_LEFT, L_OWN_RIGHT);
  }

  protected override before(a: number, b: number): boolean {
    return (
      this.#compare(b, this.rows.get(a, L_OWNER), this.rows.get(a, L_START_HIGH), this.rows.get(a, L_START_LOW)) > 0
    );
  }

  protected override refresh(): void {
    // Nothing is known about a subtree here.
  }

  /** The last lock of the owner that starts at or before `start`, or 0. */
  floor(root: number, owner: number, start: U64): number {
    let found = 0;
    for (let node = root; node !== 0;) {
      if (this.#compare(node, owner, start.high, start.low) <= 0) {
        found = node;
        node = this.rows.get(node, L_OWN_RIGHT);
      } else {
        node = this.rows.get(node, L_OWN_LEFT);
      }
    }
    return found !== 0 && this.rows.get(found, L_OWNER) === owner ? found : 0;
  }

  /** The first lock of the owner that starts after `start`, or 0. */
  above(root: number, owner: number, start: U64): number {
    const found = this.next(root, owner, start);
    return found !== 0 && this.rows.get(found, L_OWNER) === owner ? found : 0;
  }

  /** The first lock of anybody after (owner, start), or 0. */
  next(root: number, owner: number, start: U64): number {
    let found = 0;
    for (let node = root; node !== 0;) {
      if (this.#compare(node, owner, start.high, start.low) > 0) {
        found = node;
        node = this.rows.get(node, L_OWN_LEFT);
      } else {
        node = this.rows.get(node, L_OWN_RIGHT);
      }
    }
    return found;
  }

  #compare(slot: number, owner: number, high: number, low: number): number {
    const rows = this.rows;
    return rows.get(slot, L_OWNER) - owner || rows.get(slot, L_START_HIGH) - high || rows.get(slot, L_START_LOW) - low;
  }
}
