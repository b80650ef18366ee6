import test from 'ava';
import { sameEvent } from '../../src/audit/evidence/rules/same-event.js';
import { u64 } from '../../src/base/u64.js';
import { callbackForm } from '../../src/core/callback-form.js';
import type { Event } from '../../src/core/event.js';
import { bytes, range } from '../support/commands.js';

const CALL = { port: 700, xid: 5, digest: 9 };

const GRANTED: Event = {
  type: 'lock-granted',
  owner: 1,
  file: 2,
  range: range(3, 4),
  exclusive: true,
  reclaim: false,
  monitored: true,
  call: CALL,
  handle: bytes('other handle'),
};
const RELEASED: Event = { type: 'lock-released', owner: 1, file: 2, range: range(3, 4), call: CALL };
const QUEUED: Event = {
  type: 'waiter-queued',
  owner: 1,
  file: 2,
  range: range(3, 4),
  length: u64(0, 4),
  exclusive: true,
  callback: callbackForm({ version: 4, transport: 'tcp', message: false }),
  call: CALL,
  handle: bytes('other handle'),
};
const CANCELLED: Event = { type: 'waiter-cancelled', waiter: 3, call: CALL };

/** Copies of a value that differ from it in one leaf each, with the path of that leaf. */
function* variants(value: unknown, path = ''): Generator<readonly [path: string, other: unknown]> {
  if (typeof value === 'number') yield [path, value + 1];
  else if (typeof value === 'string') yield [path, `${value}x`];
  else if (typeof value === 'boolean') yield [path, !value];
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      for (const [at, other] of variants(inner, `${path}.${key}`)) yield [at, { ...value, [key]: other }];
    }
  }
}

for (const event of [GRANTED, RELEASED, QUEUED, CANCELLED]) {
  test(`two events are the same where every field is, and one field makes another of it: ${event.type}`, (t) => {
    t.true(sameEvent(event, structuredClone(event)));
    const seen: string[] = [];
    for (const [path, other] of variants(event)) {
      seen.push(path);
      // The cast states what a damaged or forged record is: an event in which one value is another.
      t.false(sameEvent(event, other as Event), path);
      t.false(sameEvent(other as Event, event), path);
    }
    t.true(seen.length >= 5);
    if (!('handle' in event)) return;
    const { handle: _, ...bare } = event;
    t.false(sameEvent(event, bare));
    t.false(sameEvent(bare, event));
  });
}
