/**
 * The locks of a file by start: who conflicts with a range, in O(log n). A subtree says its greatest end, whether all
 * of it belongs to one owner, and whether all that is exclusive in it does. With the table's own rules (locks of one
 * owner never overlap, an exclusive lock overlaps nobody's) the search leaves a subtree as soon as it cannot answer.
 */

import type { Range } from './range.js';
import {
  EXCLUSIVE,
  L_END_HIGH,
  L_END_LOW,
  L_EXCLUSIVES,
  L_FLAGS,
  L_LEFT,
  L_MAX_HIGH,
  L_MAX_LOW,
  L_OWNER,
  L_OWNERS,
  L_RIGHT,
  L_START_HIGH,
  L_START_LOW,
  NOBODY,
  SEVERAL,
  type LockRows,
} from './lock-rows.js';
import { Treap } from './treap.js';

/** What a search is for, and what came of it; one object is used again and again. */
export interface ConflictSearch {
  /** Nodes that may still be looked at; below 0 the search was given up. */
  budget: number;
  /** Whether a found row ends the search; dead rows do not. */
  readonly accept: (slot: number) => boolean;
}

export class StartTree extends Treap {
  #high = 0;
  #low = 0;
  #owner = 0;

  constructor(rows: LockRows) {
    super(rows, L_LEFT, L_RIGHT);
  }

  protected override seek(slot: number): void {
    const page = this.rows.page(slot);
    const at = this.rows.offset(slot);
    this.#high = page[at + L_START_HIGH]!;
    this.#low = page[at + L_START_LOW]!;
    this.#owner = page[at + L_OWNER]!;
  }

  protected override goesLeft(node: number): boolean {
    const page = this.rows.page(node);
    const at = this.rows.offset(node);
    const high = page[at + L_START_HIGH]!;
    if (this.#high !== high) return this.#high < high;
    const low = page[at + L_START_LOW]!;
    if (this.#low !== low) return this.#low < low;
    return this.#owner < page[at + L_OWNER]!;
  }

  protected override absorb(node: number, slot: number): void {
    const theirs = this.rows.page(slot);
    const there = this.rows.offset(slot);
    const page = this.rows.page(node);
    const at = this.rows.offset(node);
    const endHigh = theirs[there + L_END_HIGH]!;
    const endLow = theirs[there + L_END_LOW]!;
    const maxHigh = page[at + L_MAX_HIGH]!;
    if (endHigh > maxHigh || (endHigh === maxHigh && endLow > page[at + L_MAX_LOW]!)) {
      page[at + L_MAX_HIGH] = endHigh;
      page[at + L_MAX_LOW] = endLow;
    }
    const owner = theirs[there + L_OWNER]!;
    if (page[at + L_OWNERS] !== owner) page[at + L_OWNERS] = SEVERAL;
    if ((theirs[there + L_FLAGS]! & EXCLUSIVE) === 0) return;
    const exclusives = page[at + L_EXCLUSIVES]!;
    if (exclusives === NOBODY) page[at + L_EXCLUSIVES] = owner;
    else if (exclusives !== owner) page[at + L_EXCLUSIVES] = SEVERAL;
  }

  protected override refresh(slot: number): boolean {
    const rows = this.rows;
    const page = rows.page(slot);
    const at = rows.offset(slot);
    let maxHigh = page[at + L_END_HIGH]!;
    let maxLow = page[at + L_END_LOW]!;
    let owners = page[at + L_OWNER]!;
    let exclusives = (page[at + L_FLAGS]! & EXCLUSIVE) === 0 ? NOBODY : owners;
    for (let side = L_LEFT; side <= L_RIGHT; side += 1) {
      const child = page[at + side]!;
      if (child === 0) continue;
      const theirs = rows.page(child);
      const there = rows.offset(child);
      const high = theirs[there + L_MAX_HIGH]!;
      const low = theirs[there + L_MAX_LOW]!;
      if (high > maxHigh || (high === maxHigh && low > maxLow)) {
        maxHigh = high;
        maxLow = low;
      }
      if (theirs[there + L_OWNERS] !== owners) owners = SEVERAL;
      const exclusive = theirs[there + L_EXCLUSIVES]!;
      if (exclusives === NOBODY) exclusives = exclusive;
      else if (exclusive !== NOBODY && exclusive !== exclusives) exclusives = SEVERAL;
    }
    const isSame =
      page[at + L_MAX_HIGH] === maxHigh &&
      page[at + L_MAX_LOW] === maxLow &&
      page[at + L_OWNERS] === owners &&
      page[at + L_EXCLUSIVES] === exclusives;
    if (isSame) return false;
    page[at + L_MAX_HIGH] = maxHigh;
    page[at + L_MAX_LOW] = maxLow;
    page[at + L_OWNERS] = owners;
    page[at + L_EXCLUSIVES] = exclusives;
    return true;
  }

  /** The first accepted lock, by start, of another owner that overlaps and, unless `exclusive`, is exclusive; or 0. */
  conflict(root: number, owner: number, range: Range, exclusive: boolean, search: ConflictSearch): number {
    const rows = this.rows;
    if (root === 0 || search.budget < 0) return 0;
    search.budget -= 1;
    const maxHigh = rows.get(root, L_MAX_HIGH);
    const { start, end } = range;
    if (maxHigh < start.high || (maxHigh === start.high && rows.get(root, L_MAX_LOW) < start.low)) return 0;
    const whose = rows.get(root, exclusive ? L_OWNERS : L_EXCLUSIVES);
    if (whose === owner || whose === NOBODY) return 0;
    const found = this.conflict(rows.get(root, L_LEFT), owner, range, exclusive, search);
    if (found !== 0) return found;
    const high = rows.get(root, L_START_HIGH);
    if (high > end.high || (high === end.high && rows.get(root, L_START_LOW) > end.low)) return 0;
    const endHigh = rows.get(root, L_END_HIGH);
    if (
      (endHigh > start.high || (endHigh === start.high && rows.get(root, L_END_LOW) >= start.low)) &&
      rows.get(root, L_OWNER) !== owner &&
      (exclusive || rows.isExclusive(root)) &&
      search.accept(root)
    ) {
      return root;
    }
    return this.conflict(rows.get(root, L_RIGHT), owner, range, exclusive, search);
  }
}
