import test from 'ava';
import { Rows } from '../../src/core/rows.js';

const STRIDE = 3;
/** Several pages, and every size that the first one has on its way. */
const ROWS = 40_000;

test('a table that grows keeps every row, whatever its page became meanwhile', (t) => {
  const rows = new Rows(STRIDE);
  for (let row = 1; row <= ROWS; row += 1) {
    const slot = rows.take();
    if (slot !== row) t.fail(`slot ${slot} for row ${row}`);
    for (let field = 0; field < STRIDE; field += 1) rows.set(slot, field, row * STRIDE + field);
  }
  t.is(rows.count, ROWS);
  t.is(rows.limit, ROWS + 1);
  for (let slot = 1; slot <= ROWS; slot += 1) {
    const [page, at] = [rows.page(slot), rows.offset(slot)];
    for (let field = 0; field < STRIDE; field += 1) {
      const kept = rows.get(slot, field);
      if (kept !== slot * STRIDE + field || page[at + field] !== kept) t.fail(`slot ${slot} field ${field}: ${kept}`);
    }
  }
});

test('a row of any number that the ledger gives is there once it is reached, and empty', (t) => {
  for (const slot of [0, 1, 63, 64, 65, 1000, 16_383, 16_384, 16_385, 40_000]) {
    const rows = new Rows(STRIDE);
    rows.reach(1);
    rows.setWide(1, 0, 2 ** 52 + 1);
    rows.reach(slot);
    t.is(rows.getWide(1, 0), 2 ** 52 + 1);
    if (slot === 1) continue;
    for (let field = 0; field < STRIDE; field += 1) t.is(rows.get(slot, field), 0, `slot ${slot}`);
    rows.set(slot, STRIDE - 1, slot);
    t.is(rows.get(slot, STRIDE - 1), slot);
    rows.clear(slot);
    t.is(rows.get(slot, STRIDE - 1), 0);
  }
});

test('a row that is given back is the next one that is taken', (t) => {
  const rows = new Rows(STRIDE);
  const slots = Array.from({ length: 100 }, () => rows.take());
  rows.release(slots[70]!);
  rows.release(slots[3]!);
  t.is(rows.count, 98);
  t.deepEqual([rows.take(), rows.take(), rows.take()], [slots[3], slots[70], 101]);
});
