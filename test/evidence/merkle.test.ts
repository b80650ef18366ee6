import { createHash } from 'node:crypto';
import test from 'ava';
import { provesConsistency, provesInclusion } from '../../src/audit/evidence/check-proof.js';
import {
  consistencyRanges,
  GrowingTree,
  inclusionRanges,
  leafHash,
  RangeRoots,
  rootOf,
  type Frontier,
  type LeafRange,
} from '../../src/audit/evidence/merkle.js';

/** The leaves, roots and proofs that RFC 6962's reference implementation publishes as test vectors. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(
  (hex) => Buffer.from(hex, 'hex'),
);
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const INCLUSION: readonly (readonly [index: number, size: number, path: readonly string[]])[] = [
  [0, 1, []],
  [0, 8, [
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  ]],
  [5, 8, [
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ]],
  [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
  [1, 5, [
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
  ]],
]; // prettier-ignore
const CONSISTENCY: readonly (readonly [first: number, second: number, path: readonly string[]])[] = [
  [1, 1, []],
  [1, 8, [
    '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  ]],
  [6, 8, [
    '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  ]],
  [2, 5, [
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
  ]],
]; // prettier-ignore

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const fromHex = (text: string): Buffer => Buffer.from(text, 'hex');

function frontierOf(leaves: readonly Buffer[]): Frontier {
  const tree = new GrowingTree();
  for (const leaf of leaves) tree.append(leafHash(leaf));
  return tree.frontier();
}

/** The proof, as the product makes it: from a frontier and the leaves behind it. */
function proof(ranges: readonly LeafRange[], leaves: readonly Buffer[], start = 0): Uint8Array[] {
  const roots = new RangeRoots(ranges, frontierOf(leaves.slice(0, start)));
  for (const leaf of leaves.slice(start)) roots.append(leafHash(leaf));
  return roots.roots();
}

/** The second implementation: RFC 9162, section 2.1, word by word, over lists. */
const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const split = (n: number): number => 2 ** Math.floor(Math.log2(n - 1));
function mth(d: readonly Buffer[]): Buffer {
  if (d.length === 0) return sha256();
  if (d.length === 1) return sha256(Buffer.of(0), d[0]!);
  const k = split(d.length);
  return sha256(Buffer.of(1), mth(d.slice(0, k)), mth(d.slice(k)));
}
function path(m: number, d: readonly Buffer[]): Buffer[] {
  if (d.length === 1) return [];
  const k = split(d.length);
  return m < k ? [...path(m, d.slice(0, k)), mth(d.slice(k))] : [...path(m - k, d.slice(k)), mth(d.slice(0, k))];
}
function subproof(m: number, d: readonly Buffer[], b: boolean): Buffer[] {
  if (m === d.length) return b ? [] : [mth(d)];
  const k = split(d.length);
  return m <= k
    ? [...subproof(m, d.slice(0, k), b), mth(d.slice(k))]
    : [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))];
}

test('roots, inclusion and consistency proofs are the published ones of RFC 6962', (t) => {
  t.is(hex(rootOf([])), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  for (const [i, root] of ROOTS.entries()) t.is(hex(rootOf(frontierOf(LEAVES.slice(0, i + 1)).hashes)), root);
  for (const [index, size, expected] of INCLUSION) {
    t.deepEqual(proof(inclusionRanges(index, size), LEAVES.slice(0, size)).map(hex), expected);
    t.true(provesInclusion(LEAVES[index]!, index + 1, size, expected.map(fromHex), fromHex(ROOTS[size - 1]!)));
  }
  for (const [first, second, expected] of CONSISTENCY) {
    t.deepEqual(proof(consistencyRanges(first, second), LEAVES.slice(0, second)).map(hex), expected);
    const [a, b] = [fromHex(ROOTS[first - 1]!), fromHex(ROOTS[second - 1]!)];
    t.true(provesConsistency(first, a, second, b, expected.map(fromHex)));
  }
});

const MANY = Array.from({ length: 35 }, (_, i) => Buffer.from(`entry ${i}`));

test('each proof of trees up to thirty-five entries is that of the naive implementation, from any frontier before it', (t) => {
  for (let size = 1; size <= MANY.length; size += 1) {
    const leaves = MANY.slice(0, size);
    t.deepEqual(hex(rootOf(frontierOf(leaves).hashes)), hex(mth(leaves)));
    for (let index = 0; index < size; index += 1) {
      const expected = path(index, leaves).map(hex);
      t.deepEqual(proof(inclusionRanges(index, size), leaves).map(hex), expected);
      t.deepEqual(proof(inclusionRanges(index, size), leaves, Math.floor(index / 2)).map(hex), expected);
      t.deepEqual(proof(inclusionRanges(index, size), leaves, index).map(hex), expected);
      const first = index + 1;
      const before = subproof(first, leaves, true).map(hex);
      t.deepEqual(proof(consistencyRanges(first, size), leaves).map(hex), before);
      t.deepEqual(proof(consistencyRanges(first, size), leaves, first).map(hex), before);
    }
  }
});

test('a proof counts for its entry, position, size and root alone, whole and in its order', (t) => {
  for (const size of [1, 2, 3, 7, 8, 16, 33, 35]) {
    const leaves = MANY.slice(0, size);
    const root = mth(leaves);
    for (let index = 0; index < size; index += 1) {
      const good = path(index, leaves);
      const entry = leaves[index]!;
      t.true(provesInclusion(entry, index + 1, size, good, root));
      t.false(provesInclusion(Buffer.from('other'), index + 1, size, good, root));
      t.false(provesInclusion(entry, index + 2, size, good, root));
      t.false(provesInclusion(entry, index, size, good, root));
      t.false(provesInclusion(entry, index + 1, size, good, mth([...leaves, entry])));
      t.false(provesInclusion(entry, index + 1, size, [...good, root], root));
      if (good.length === 0) continue;
      t.false(provesInclusion(entry, index + 1, size, good.slice(1), root));
      t.false(provesInclusion(entry, index + 1, size, good.slice(0, -1), root));
      t.false(provesInclusion(entry, index + 1, size, [root, ...good.slice(1)], root));
    }
    for (let first = 1; first <= size; first += 1) {
      const [a, good] = [mth(leaves.slice(0, first)), subproof(first, leaves, true)];
      t.true(provesConsistency(first, a, size, root, good));
      if (first === size) continue;
      t.false(provesConsistency(first, root, size, root, good));
      t.false(provesConsistency(first, a, size, a, good));
      t.false(provesConsistency(first, a, size, root, good.slice(1)));
      t.false(provesConsistency(first, a, size, root, [...good, root]));
      t.false(provesConsistency(first + 1, a, size, root, good));
    }
  }
});

test('counts that are no counts prove nothing', (t) => {
  const root = mth(LEAVES);
  for (const bad of [0, -1, 1.5, Number.NaN, Number.MAX_VALUE]) {
    t.false(provesInclusion(LEAVES[0]!, bad, 8, path(0, LEAVES), root));
    t.false(provesInclusion(LEAVES[0]!, 1, bad, path(0, LEAVES), root));
    t.false(provesConsistency(bad, root, 8, root, []));
  }
});
