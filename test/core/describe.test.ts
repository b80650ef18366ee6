import test from 'ava';
import { describeEvent } from '../../src/core/describe.js';
import type { Event } from '../../src/core/event.js';
import { initialState } from '../../src/core/state.js';
import { WHOLE_FILE } from '../../src/core/wake-queue.js';

test('hazard 10: what an ignored event names may never have been met: it stays a number', (t) => {
  for (const id of [1, 70, 20_000]) {
    const event: Event = { type: 'locks-released', owner: id, file: id, range: WHOLE_FILE };
    const { type, owner, file } = describeEvent(initialState(), event);
    t.deepEqual([type, owner, file], ['locks-released', id, id]);
  }
});
