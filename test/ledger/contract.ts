/** One contract suite for every ledger: what the engine may rely on, whichever implementation stands behind the port. */

import { encodedEvents } from '../support/events.js';
import type { ExecutionContext } from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import { Chain, equalBytes } from '../../src/ledger/chain.js';
import type { Entry, Ledger, Position, SealedEntry } from '../../src/ledger/port.js';

interface LedgerFixture {
  readonly group: string;
  /** Opens the ledger on what was written before. */
  open(): Promise<Ledger>;
}

export type MakeFixture = (t: ExecutionContext) => Promise<LedgerFixture>;

export function sealNext(chain: Chain, events: number, epoch = 1): SealedEntry {
  const { position } = chain.head;
  return chain.seal({
    epoch,
    node: 'a',
    time: 1_700_000_000_000 + position,
    durable: position,
    events: encodedEvents(
      Array.from({ length: events }, (_, i) => [1, position + 1, i, 'x'.repeat((position * 7) % 50)] as const),
    ),
  });
}

export async function readAll(ledger: Pick<Ledger, 'read'>, from: Position = 1): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const group of ledger.read(from)) entries.push(...group);
  return entries;
}

/** ava's own, or one that knows whether what it needs is there. */
type Test = (title: string, run: (t: ExecutionContext) => Promise<void>) => void;

export function contract(test: Test, name: string, make: MakeFixture): void {
  test(`${name}: an empty ledger has its head at 0 and reads as nothing`, async (t) => {
    const ledger = await (await make(t)).open();
    t.teardown(() => ledger.close());
    t.is(ledger.head().position, 0);
    t.true(equalBytes(ledger.head().hash, new Uint8Array(32)));
    t.deepEqual(await readAll(ledger), []);
    t.is(ledger.capacity(), 'open');
  });

  test(`${name}: appended entries are read back in order from any position, chained`, async (t) => {
    const fixture = await make(t);
    const ledger = await fixture.open();
    t.teardown(() => ledger.close());
    const chain = new Chain(fixture.group);
    const sealed: SealedEntry[] = [];
    for (let i = 0; i < 40; i++) {
      const entry = sealNext(chain, i % 5);
      sealed.push(entry);
      t.deepEqual(await ledger.append(entry), { type: 'durable' });
      t.is(ledger.head().position, i + 1);
      t.true(equalBytes(ledger.head().hash, entry.hash));
    }
    t.is(ledger.head().time, 1_700_000_000_039);
    for (const from of [1, 2, 17, 40, 41]) {
      const entries = await readAll(ledger, from);
      t.deepEqual(
        entries.map((entry) => entry.position),
        sealed.slice(from - 1).map((entry) => entry.position),
      );
      for (const entry of entries) {
        const before = sealed[entry.position - 2];
        if (before !== undefined) t.true(equalBytes(entry.previous, before.hash));
        t.is(entry.events.count, (entry.position - 1) % 5);
      }
    }
  });

  test(`${name}: a reader gets what stood there when it began, while appends go on`, async (t) => {
    const fixture = await make(t);
    const ledger = await fixture.open();
    t.teardown(() => ledger.close());
    const chain = new Chain(fixture.group);
    for (let i = 0; i < 10; i++) await ledger.append(sealNext(chain, 1));
    const iterator = ledger.read(1)[Symbol.asyncIterator]();
    const first = await iterator.next();
    for (let i = 0; i < 10; i++) await ledger.append(sealNext(chain, 1));
    let count = first.done === true ? 0 : first.value.length;
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) count += next.value.length;
    t.is(count, 10);
  });

  test(`${name}, hazard 9: an append above the end is behind, a different one at a taken position is fenced, the same one is durable`, async (t) => {
    const fixture = await make(t);
    const ledger = await fixture.open();
    t.teardown(() => ledger.close());
    const ours = new Chain(fixture.group);
    const first = sealNext(ours, 1);
    const second = sealNext(ours, 1);
    t.deepEqual(await ledger.append(second), { type: 'behind', head: 0 });
    t.deepEqual(await ledger.append(first), { type: 'durable' });
    t.deepEqual(await ledger.append(first), { type: 'durable' });
    t.deepEqual(await ledger.append(second), { type: 'durable' });
    t.deepEqual(await ledger.append(first), { type: 'durable' });
    const theirs = new Chain(fixture.group);
    const other = sealNext(theirs, 2);
    t.deepEqual(await ledger.append(other), { type: 'fenced', epoch: 1 });
    sealNext(theirs, 2);
    // The next position, but on another past.
    t.deepEqual(await ledger.append(sealNext(theirs, 2)), { type: 'fenced', epoch: 1 });
    t.is(ledger.head().position, 2);
  });

  test(`${name}, hazard 10: an owner of an older epoch appends nothing`, async (t) => {
    const fixture = await make(t);
    const ledger = await fixture.open();
    t.teardown(() => ledger.close());
    const chain = new Chain(fixture.group);
    await ledger.append(sealNext(chain, 1, 5));
    const stale = new Chain(fixture.group, { ...chain.head, epoch: 4 });
    t.deepEqual(await ledger.append(sealNext(stale, 1, 4)), { type: 'fenced', epoch: 5 });
  });

  test(`${name}: what was appended is there after it was closed and opened again`, async (t) => {
    const fixture = await make(t);
    const chain = new Chain(fixture.group);
    for (let run = 0; run < 3; run++) {
      const ledger = await fixture.open();
      t.is(ledger.head().position, run * 5);
      t.true(equalBytes(ledger.head().hash, chain.head.hash));
      for (let i = 0; i < 5; i++) await ledger.append(sealNext(chain, 2));
      await ledger.close();
      await t.throwsAsync(ledger.append(sealNext(new Chain(fixture.group, chain.head), 1)), {
        instanceOf: LedgerError,
        code: 'unavailable',
      });
    }
    const ledger = await fixture.open();
    t.teardown(() => ledger.close());
    t.is((await readAll(ledger)).length, 15);
  });
}
