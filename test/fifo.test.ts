import test from 'ava';
import { Fifo } from '../src/base/fifo.js';

test('what comes first leaves first, over every boundary of its room', (t) => {
  const fifo = new Fifo<number>();
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 50; round += 1) {
    for (let i = 0; i < 100 + round; i += 1) fifo.push(next++);
    for (let i = 0; i < 90; i += 1) t.is(fifo.shift(), expected++);
  }
  t.is(fifo.size, next - expected);
  while (fifo.size > 0) t.is(fifo.shift(), expected++);
  t.is(fifo.shift(), undefined);
  t.is(expected, next);
});
