/**
 * The verifier: checks proofs of inclusion and of consistency (RFC 9162, 2.1.3.2 and 2.1.4.2) with nothing but SHA-256.
 * Whoever does not trust this program can rewrite this page from the RFC.
 */

import { leafHash, nodeHash, type Hash } from './merkle.js';

/** Whether the entry stands at `position` of the log whose tree of `size` entries has this root. */
export function provesInclusion(
  entry: Uint8Array,
  position: number,
  size: number,
  path: readonly Hash[],
  root: Hash,
): boolean {
  if (!isCount(position) || !isCount(size) || position < 1 || position > size) return false;
  let node = leafHash(entry);
  let index = position - 1;
  let last = size - 1;
  for (const sibling of path) {
    if (last === 0) return false;
    if (index % 2 === 1 || index === last) {
      node = nodeHash(sibling, node);
      while (index % 2 === 0 && index !== 0) [index, last] = [half(index), half(last)];
    } else {
      node = nodeHash(node, sibling);
    }
    [index, last] = [half(index), half(last)];
  }
  return last === 0 && same(node, root);
}

/** Whether the tree of `first` entries is the beginning of the tree of `second` entries. */
export function provesConsistency(
  first: number,
  firstRoot: Hash,
  second: number,
  secondRoot: Hash,
  path: readonly Hash[],
): boolean {
  if (!isCount(first) || !isCount(second) || first < 1 || first > second) return false;
  if (first === second) return path.length === 0 && same(firstRoot, secondRoot);
  let index = first - 1;
  let last = second - 1;
  while (index % 2 === 1) [index, last] = [half(index), half(last)];
  // Where the first tree is a whole subtree its root begins the path.
  const nodes = index === 0 ? [firstRoot, ...path] : path;
  const [begin, ...rest] = nodes;
  if (begin === undefined) return false;
  let before = begin;
  let after = begin;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (index % 2 === 1 || index === last) {
      before = nodeHash(sibling, before);
      after = nodeHash(sibling, after);
      while (index % 2 === 0 && index !== 0) [index, last] = [half(index), half(last)];
    } else {
      after = nodeHash(after, sibling);
    }
    [index, last] = [half(index), half(last)];
  }
  return last === 0 && same(before, firstRoot) && same(after, secondRoot);
}

function half(count: number): number {
  return Math.floor(count / 2);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function same(a: Hash, b: Hash): boolean {
  return Buffer.compare(a, b) === 0;
}
