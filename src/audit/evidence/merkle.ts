/**
 * The Merkle tree over the entries of a group (RFC 9162, section 2.1): leaf n is the entry at position n + 1. Pure:
 * hashes in, hashes out. A tree is known by its frontier, the roots of the whole subtrees that it is made of, largest
 * first, so that it grows without what came before.
 */

import { hash } from 'node:crypto';
import { assert } from '../../base/assert.js';

export type Hash = Uint8Array;

const PAIR = Buffer.alloc(65);
PAIR[0] = 1;
let leaf = Buffer.alloc(4096);

/** SHA-256(0x00, entry). */
export function leafHash(entry: Uint8Array): Hash {
  if (leaf.length <= entry.length) leaf = Buffer.alloc(entry.length * 2);
  leaf.set(entry, 1);
  return hash('sha256', leaf.subarray(0, entry.length + 1), 'buffer');
}

/** SHA-256(0x01, left, right). */
export function nodeHash(left: Hash, right: Hash): Hash {
  PAIR.set(left, 1);
  PAIR.set(right, 33);
  return hash('sha256', PAIR, 'buffer');
}

export interface Frontier {
  readonly size: number;
  /** One for each bit of the size, the highest first. */
  readonly hashes: readonly Hash[];
}

export const EMPTY_FRONTIER: Frontier = { size: 0, hashes: [] };

/** The numbers of leaves of the whole subtrees that a tree is made of, largest first. */
function subtreeSizes(size: number): number[] {
  const sizes: number[] = [];
  for (let rest = size; rest > 0; rest -= sizes.at(-1)!) sizes.push(largestPower(rest));
  return sizes;
}

/** How many hashes the frontier of a tree has. */
export function subtreeCount(size: number): number {
  return subtreeSizes(size).length;
}

/** A tree that grows at its end. */
export class GrowingTree {
  #size: number;
  readonly #hashes: Hash[];

  constructor({ size, hashes }: Frontier = EMPTY_FRONTIER) {
    assert(hashes.length === subtreeCount(size), 'a frontier has a hash for each subtree');
    this.#size = size;
    this.#hashes = [...hashes];
  }

  get size(): number {
    return this.#size;
  }

  append(leafOfEntry: Hash): void {
    let node = leafOfEntry;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) node = nodeHash(this.#hashes.pop()!, node);
    this.#hashes.push(node);
    this.#size += 1;
  }

  root(): Hash {
    return rootOf(this.#hashes);
  }

  frontier(): Frontier {
    return { size: this.#size, hashes: [...this.#hashes] };
  }
}

/** The root of the tree that a frontier is of; SHA-256 of nothing for an empty one. */
export function rootOf(hashes: readonly Hash[]): Hash {
  if (hashes.length === 0) return hash('sha256', '', 'buffer');
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), hashes.at(-1)!);
}

/** Leaves from `from` up to, without, `to`: a whole subtree, or the right end of the tree. */
export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** The subtrees whose roots are the inclusion proof of a leaf, from the leaf up (RFC 9162, 2.1.3.1). */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  const ranges: LeafRange[] = [];
  for (let from = 0, to = size; to - from > 1;) {
    const middle = from + largestPowerBelow(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.toReversed();
}

/** The subtrees whose roots are the consistency proof between two sizes (RFC 9162, 2.1.4.1). */
export function consistencyRanges(first: number, second: number): LeafRange[] {
  const ranges: LeafRange[] = [];
  let [from, to] = [0, second];
  while (first < to) {
    const middle = from + largestPowerBelow(to - from);
    if (first <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  // Where the first tree is a whole subtree of the second, its root is known to whoever asks.
  if (from > 0) ranges.push({ from, to });
  return ranges.toReversed();
}

/** Roots of ranges of leaves, gathered while the leaves go by once; what lies before the start comes from its frontier. */
export class RangeRoots {
  readonly #trees: readonly { readonly range: LeafRange; readonly tree: GrowingTree }[];
  #next: number;

  constructor(ranges: readonly LeafRange[], start: Frontier = EMPTY_FRONTIER) {
    this.#next = start.size;
    this.#trees = ranges.map((range) => ({ range, tree: new GrowingTree(part(start, range)) }));
  }

  /** The next leaf. */
  append(leafOfEntry: Hash): void {
    for (const { range, tree } of this.#trees) {
      if (this.#next >= range.from && this.#next < range.to) tree.append(leafOfEntry);
    }
    this.#next += 1;
  }

  /** In the order of the ranges; all leaves have gone by. */
  roots(): Hash[] {
    return this.#trees.map(({ range, tree }) => {
      assert(tree.size === range.to - range.from, 'all leaves of a range have gone by');
      return tree.root();
    });
  }
}

/** What of a frontier lies within a range: the whole subtrees there, which begin where the range does. */
function part({ size, hashes }: Frontier, range: LeafRange): Frontier {
  const inside: Hash[] = [];
  let covered = 0;
  let at = 0;
  for (const [i, leaves] of subtreeSizes(size).entries()) {
    if (at >= range.from && at + leaves <= range.to) {
      inside.push(hashes[i]!);
      covered += leaves;
    }
    at += leaves;
  }
  return { size: covered, hashes: inside };
}

function largestPower(count: number): number {
  let power = 1;
  while (power * 2 <= count) power *= 2;
  return power;
}

/** The largest power of two below a count of at least 2. */
function largestPowerBelow(count: number): number {
  return largestPower(count - 1);
}
