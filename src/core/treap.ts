/**
 * Balanced search trees over the rows of the lock table. The priority of a node is a hash of its slot, so a tree needs
 * no randomness; its shape is no part of the fold's meaning.
 */

import type { LockRows } from './lock-rows.js';

function priority(slot: number): number {
  let h = Math.imul(slot, 0x9e37_79b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85eb_ca77);
  return (h ^ (h >>> 13)) >>> 0;
}

export abstract class Treap {
  protected readonly rows: LockRows;
  protected readonly left: number;
  protected readonly right: number;
  /** Second result of `#split`. */
  #rest = 0;
  readonly #path: number[] = [];
  /** How many of `#path` count: cutting the array costs more than the search. */
  #depth = 0;

  /** Of `build`: the right spine of the tree so far, and the priorities on it. */
  #spine = new Uint32Array(64);
  #ranks = new Uint32Array(64);

  constructor(rows: LockRows, left: number, right: number) {
    this.rows = rows;
    this.left = left;
    this.right = right;
  }

  /** Total order; no two nodes of a tree are equal. Remembers the key of a slot for `goesLeft`. */
  protected abstract seek(slot: number): void;

  /** Whether the key that is looked for stands before a node's. */
  protected abstract goesLeft(node: number): boolean;

  /** Recomputes what a node says about its subtree, from its children; whether that has changed. */
  protected abstract refresh(slot: number): boolean;

  /** What a node says about its subtree, now that `slot` is in it too: without a look at its children. */
  protected abstract absorb(node: number, slot: number): void;

  /** The answer is the new root. */
  insert(root: number, slot: number): number {
    const { rows, left, right } = this;
    if (root === 0) {
      // Most files have one lock.
      rows.set(slot, left, 0);
      rows.set(slot, right, 0);
      this.refresh(slot);
      return slot;
    }
    const rank = priority(slot);
    this.seek(slot);
    let parent = 0;
    let side = left;
    let node = root;
    while (node !== 0 && priority(node) >= rank) {
      this.absorb(node, slot);
      parent = node;
      side = this.goesLeft(node) ? left : right;
      node = rows.get(node, side);
    }
    const below = this.#split(node);
    rows.set(slot, left, below);
    rows.set(slot, right, this.#rest);
    this.refresh(slot);
    if (parent === 0) return slot;
    rows.set(parent, side, slot);
    return root;
  }

  /** `slot` is in the tree and still has the key that it was inserted with. The answer is the new root. */
  remove(root: number, slot: number): number {
    const { rows, left, right } = this;
    if (root === slot) return this.#merge(rows.get(slot, left), rows.get(slot, right));
    this.#seekPath(root, slot);
    const parent = this.#path[this.#depth - 1]!;
    const side = rows.get(parent, left) === slot ? left : right;
    rows.set(parent, side, this.#merge(rows.get(slot, left), rows.get(slot, right)));
    this.#refreshUp();
    return root;
  }

  /** After a change of `slot` that leaves its key alone: refreshes the path to it. */
  touch(root: number, slot: number): void {
    this.#seekPath(root, slot);
    if (this.refresh(slot)) this.#refreshUp();
  }

  /** The nodes above `slot`, the root first, into `#path`. */
  #seekPath(root: number, slot: number): void {
    let depth = 0;
    this.seek(slot);
    for (let node = root; node !== slot;) {
      this.#path[depth] = node;
      depth += 1;
      node = this.rows.get(node, this.goesLeft(node) ? this.left : this.right);
    }
    this.#depth = depth;
  }

  /** A node that says what it said before changes nothing for those above it. */
  #refreshUp(): void {
    for (let i = this.#depth - 1; i >= 0; i -= 1) if (!this.refresh(this.#path[i]!)) return;
  }

  /** A tree of the slots, which come in order: linear. The answer is the root. */
  build(slots: Uint32Array): number {
    const { rows, left, right } = this;
    if (this.#spine.length < slots.length) {
      this.#spine = new Uint32Array(slots.length * 2);
      this.#ranks = new Uint32Array(slots.length * 2);
    }
    const spine = this.#spine;
    const ranks = this.#ranks;
    let depth = 0;
    for (const slot of slots) {
      const rank = priority(slot);
      let below = 0;
      while (depth > 0 && ranks[depth - 1]! < rank) {
        depth -= 1;
        below = spine[depth]!;
        this.refresh(below);
      }
      rows.set(slot, left, below);
      rows.set(slot, right, 0);
      if (depth > 0) rows.set(spine[depth - 1]!, right, slot);
      spine[depth] = slot;
      ranks[depth] = rank;
      depth += 1;
    }
    for (let i = depth - 1; i >= 0; i -= 1) this.refresh(spine[i]!);
    return depth === 0 ? 0 : spine[0]!;
  }

  /** In order. `visit` must not change the tree. */
  walk(root: number, visit: (slot: number) => void): void {
    const path: number[] = [];
    for (let node = root; node !== 0 || path.length > 0;) {
      while (node !== 0) {
        path.push(node);
        node = this.rows.get(node, this.left);
      }
      node = path.pop()!;
      visit(node);
      node = this.rows.get(node, this.right);
    }
  }

  /** Parts a tree at the key that is looked for: the answer is what stands before it, `#rest` what stands behind. */
  #split(root: number): number {
    if (root === 0) {
      this.#rest = 0;
      return 0;
    }
    if (!this.goesLeft(root)) {
      const below = this.#split(this.rows.get(root, this.right));
      this.rows.set(root, this.right, below);
      this.refresh(root);
      return root;
    }
    const below = this.#split(this.rows.get(root, this.left));
    this.rows.set(root, this.left, this.#rest);
    this.refresh(root);
    this.#rest = root;
    return below;
  }

  #merge(a: number, b: number): number {
    if (a === 0) return b;
    if (b === 0) return a;
    if (priority(a) > priority(b)) {
      this.rows.set(a, this.right, this.#merge(this.rows.get(a, this.right), b));
      this.refresh(a);
      return a;
    }
    this.rows.set(b, this.left, this.#merge(a, this.rows.get(b, this.left)));
    this.refresh(b);
    return b;
  }
}
