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

  constructor(rows: LockRows, left: number, right: number) {
    this.rows = rows;
    this.left = left;
    this.right = right;
  }

  /** Total order; no two nodes of a tree are equal. */
  protected abstract before(a: number, b: number): boolean;

  /** Recomputes what a node says about its subtree, from its children. */
  protected abstract refresh(slot: number): void;

  /** The answer is the new root. */
  insert(root: number, slot: number): number {
    if (root === 0) {
      this.rows.set(slot, this.left, 0);
      this.rows.set(slot, this.right, 0);
      this.refresh(slot);
      return slot;
    }
    if (priority(slot) > priority(root)) {
      const below = this.#split(root, slot);
      this.rows.set(slot, this.left, below);
      this.rows.set(slot, this.right, this.#rest);
      this.refresh(slot);
      return slot;
    }
    const side = this.before(slot, root) ? this.left : this.right;
    const child = this.rows.get(root, side);
    const grown = this.insert(child, slot);
    if (grown !== child) this.rows.set(root, side, grown);
    this.refresh(root);
    return root;
  }

  /** `slot` is in the tree and still has the key that it was inserted with. The answer is the new root. */
  remove(root: number, slot: number): number {
    if (root === slot) return this.#merge(this.rows.get(slot, this.left), this.rows.get(slot, this.right));
    const side = this.before(slot, root) ? this.left : this.right;
    const child = this.rows.get(root, side);
    const shrunk = this.remove(child, slot);
    if (shrunk !== child) this.rows.set(root, side, shrunk);
    this.refresh(root);
    return root;
  }

  /** After a change of `slot` that leaves its key alone: refreshes the path to it. */
  touch(root: number, slot: number): void {
    if (root !== slot) this.touch(this.rows.get(root, this.before(slot, root) ? this.left : this.right), slot);
    this.refresh(root);
  }

  /** A tree of the slots, which come in order: linear. The answer is the root. */
  build(slots: Uint32Array | readonly number[]): number {
    const spine: number[] = [];
    for (const slot of slots) {
      let below = 0;
      while (spine.length > 0 && priority(spine.at(-1)!) < priority(slot)) {
        below = spine.pop()!;
        this.refresh(below);
      }
      this.rows.set(slot, this.left, below);
      this.rows.set(slot, this.right, 0);
      if (spine.length > 0) this.rows.set(spine.at(-1)!, this.right, slot);
      spine.push(slot);
    }
    for (let i = spine.length - 1; i >= 0; i -= 1) this.refresh(spine[i]!);
    return spine[0] ?? 0;
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

  #split(root: number, key: number): number {
    if (root === 0) {
      this.#rest = 0;
      return 0;
    }
    if (this.before(root, key)) {
      const below = this.#split(this.rows.get(root, this.right), key);
      this.rows.set(root, this.right, below);
      this.refresh(root);
      return root;
    }
    const below = this.#split(this.rows.get(root, this.left), key);
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
