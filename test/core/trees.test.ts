import { fc, testProp } from '@fast-check/ava';
import { u64 } from '../../src/base/u64.js';
import {
  EXCLUSIVE,
  L_LEFT,
  L_MAX_LOW,
  L_OWN_LEFT,
  L_OWN_RIGHT,
  L_OWNER,
  L_OWNERS,
  L_RIGHT,
  LockRows,
  SEVERAL,
} from '../../src/core/lock-rows.js';
import { OwnerTree } from '../../src/core/owner-tree.js';
import { StartTree } from '../../src/core/start-tree.js';

interface Held {
  readonly owner: number;
  readonly start: number;
  readonly length: number;
  readonly exclusive: boolean;
}

const HELD = fc.record({
  owner: fc.integer({ min: 1, max: 4 }),
  start: fc.integer({ min: 0, max: 60 }),
  length: fc.integer({ min: 1, max: 8 }),
  exclusive: fc.boolean(),
});

/** What a table would hold: a lock that overlaps its owner's, or conflicts, is left out. */
function admissible(wanted: readonly Held[]): Held[] {
  const held: Held[] = [];
  for (const lock of wanted) {
    const clash = held.some(
      (other) =>
        other.start < lock.start + lock.length &&
        lock.start < other.start + other.length &&
        (other.owner === lock.owner || other.exclusive || lock.exclusive),
    );
    if (!clash) held.push(lock);
  }
  return held;
}

function fill(held: readonly Held[]) {
  const rows = new LockRows();
  const byStart = new StartTree(rows);
  const byOwner = new OwnerTree(rows);
  const slots = held.map(({ owner, start, length, exclusive }) => {
    const slot = rows.take();
    const range = { start: u64(0, start), end: u64(0, start + length - 1) };
    rows.fill(slot, owner, 1, exclusive ? EXCLUSIVE : 0, range, slot, 0);
    return slot;
  });
  const starts = slots.reduce((root, slot) => byStart.insert(root, slot), 0);
  const owners = slots.reduce((root, slot) => byOwner.insert(root, slot), 0);
  return { rows, byStart, byOwner, slots, starts, owners };
}

function walk(tree: StartTree | OwnerTree, root: number): number[] {
  const found: number[] = [];
  tree.walk(root, (slot) => found.push(slot));
  return found;
}

testProp('a conflict is found if and only if there is one', [fc.array(HELD), HELD], (t, wanted, asked) => {
  const held = admissible(wanted);
  const { rows, byStart, starts } = fill(held);
  const expected = held.some(
    (other) =>
      other.owner !== asked.owner &&
      (other.exclusive || asked.exclusive) &&
      other.start < asked.start + asked.length &&
      asked.start < other.start + other.length,
  );
  const range = { start: u64(0, asked.start), end: u64(0, asked.start + asked.length - 1) };
  const search = { budget: Number.POSITIVE_INFINITY, accept: () => true };
  const found = byStart.conflict(starts, asked.owner, range, asked.exclusive, search);
  t.is(found !== 0, expected);
  if (found !== 0) t.not(rows.get(found, L_OWNER), asked.owner);
});

testProp(
  'both trees keep their order through inserts and removals, and know what is below',
  [fc.array(HELD, { maxLength: 60 }), fc.array(fc.nat(59))],
  (t, wanted, removals) => {
    const { rows, byStart, byOwner, slots, ...roots } = fill(admissible(wanted));
    let { starts, owners } = roots;
    const left = new Set(slots);
    for (const index of removals) {
      const slot = slots[index];
      if (slot === undefined || !left.delete(slot)) continue;
      starts = byStart.remove(starts, slot);
      owners = byOwner.remove(owners, slot);
    }
    const startOf = (slot: number) => rows.rangeOf(slot).start.low;
    const inOrder = walk(byStart, starts);
    t.deepEqual(
      [...inOrder].sort((a, b) => a - b),
      [...left].sort((a, b) => a - b),
    );
    t.deepEqual(
      inOrder.map(startOf),
      inOrder.map(startOf).toSorted((a, b) => a - b),
    );
    const owned = walk(byOwner, owners);
    const keyOf = (slot: number) => rows.get(slot, L_OWNER) * 1000 + startOf(slot);
    t.deepEqual(
      owned.map(keyOf),
      [...left].map(keyOf).toSorted((a, b) => a - b),
    );
    for (const slot of inOrder) {
      const below = walk(byStart, slot);
      const subtreeOwners = new Set(below.map((each) => rows.get(each, L_OWNER)));
      t.is(rows.get(slot, L_OWNERS), subtreeOwners.size === 1 ? rows.get(slot, L_OWNER) : SEVERAL);
      t.is(rows.get(slot, L_MAX_LOW), Math.max(...below.map((each) => rows.rangeOf(each).end.low)));
    }
    t.is(byStart.build(Uint32Array.from(inOrder)), starts, 'a tree built from its order is the same tree');
    t.deepEqual(walk(byStart, starts), inOrder);
    t.true(inOrder.every((slot) => rows.get(slot, L_LEFT) !== slot && rows.get(slot, L_RIGHT) !== slot));
    t.true(owned.every((slot) => rows.get(slot, L_OWN_LEFT) !== slot && rows.get(slot, L_OWN_RIGHT) !== slot));
  },
);
