/** The columns of a held lock, and of its places in the two trees of its file and in the list of its owner. */

import type { Range } from './range.js';
import { Rows } from './rows.js';

export const L_START_HIGH = 0;
export const L_START_LOW = 1;
export const L_END_HIGH = 2;
export const L_END_LOW = 3;
export const L_OWNER = 4;
export const L_FILE = 5;
/** EXCLUSIVE, RECLAIMED, UNMONITORED, EXPECTED; from bit 8 on which of the file's handles it came with. */
export const L_FLAGS = 6;
/** The lock's id, two words. */
export const L_ID = 7;
/** When it was granted, milliseconds since 1970, two words. */
export const L_TIME = 9;
/** Tree by start. */
export const L_LEFT = 11;
export const L_RIGHT = 12;
/** Of the subtree: the greatest end, the owner of all of it, the owner of everything exclusive in it. */
export const L_MAX_HIGH = 13;
export const L_MAX_LOW = 14;
export const L_OWNERS = 15;
export const L_EXCLUSIVES = 16;
/** Tree by owner and start. */
export const L_OWN_LEFT = 17;
export const L_OWN_RIGHT = 18;
/** List of the owner's locks. */
export const L_NEXT = 19;
export const L_PREVIOUS = 20;
const L_STRIDE = 21;

export const EXCLUSIVE = 1;
export const RECLAIMED = 2;
export const UNMONITORED = 4;
/** Its owner is expected to reclaim it. Set by a sweep: `isExpected` is how readers see it. */
export const EXPECTED = 8;
export const HANDLE_SHIFT = 8;

/** In L_OWNERS and L_EXCLUSIVES: nobody, and more than one. */
export const NOBODY = 0;
export const SEVERAL = 0xffff_ffff;

export class LockRows extends Rows {
  constructor() {
    super(L_STRIDE);
  }

  rangeOf(slot: number): Range {
    const page = this.page(slot);
    const at = this.offset(slot);
    return {
      start: { high: page[at + L_START_HIGH]!, low: page[at + L_START_LOW]! },
      end: { high: page[at + L_END_HIGH]!, low: page[at + L_END_LOW]! },
    };
  }

  /** Everything but its places in trees and lists. */
  fill(slot: number, owner: number, file: number, flags: number, range: Range, id: number, time: number): void {
    const page = this.page(slot);
    const at = this.offset(slot);
    page[at + L_START_HIGH] = range.start.high;
    page[at + L_START_LOW] = range.start.low;
    page[at + L_END_HIGH] = range.end.high;
    page[at + L_END_LOW] = range.end.low;
    page[at + L_OWNER] = owner;
    page[at + L_FILE] = file;
    page[at + L_FLAGS] = flags;
    this.setWide(slot, L_ID, id);
    this.setWide(slot, L_TIME, time);
  }

  isExclusive(slot: number): boolean {
    return (this.get(slot, L_FLAGS) & EXCLUSIVE) !== 0;
  }
}
