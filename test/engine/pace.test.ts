/** What one call sets in motion, however much, is done in slices: everybody else has a turn between two of them. */

import test from 'ava';
import type { Command } from '../../src/core/command.js';
import { initialState, isSweeping } from '../../src/core/state.js';
import { Group } from '../../src/engine/group.js';
import { Chain } from '../../src/ledger/chain.js';
import type { AppendOutcome, Ledger, SealedEntry } from '../../src/ledger/port.js';
import { MemoryLedger, MemoryLog } from '../../src/ledger/memory.js';
import { lock, order, unlock } from '../support/commands.js';
import { UNLOCK_STEP_MAX } from '../../src/core/limits.js';

function groupInMemory(grantsOf: (grants: number) => void = () => undefined): Group {
  const log = new MemoryLog('g');
  return groupOn(new MemoryLedger(log), log, grantsOf);
}

function groupOn(ledger: Ledger, log: MemoryLog, grantsOf: (grants: number) => void = () => undefined): Group {
  return new Group({
    ledger,
    chain: new Chain('g', log.head),
    state: initialState(),
    node: 'a',
    epoch: 1,
    clock: Date.now,
    onDurable: (batch) => grantsOf(batch.grants.length),
    onSwept: () => undefined,
    onSweepEnd: () => undefined,
    onFailed: (cause) => {
      throw cause;
    },
  });
}

/** How it ended. */
function ask(group: Group, command: Command): Promise<string> {
  return new Promise((resolve) =>
    group.submit(command, (settled) => resolve(settled.type === 'answer' ? settled.outcome.type : 'withheld')),
  );
}

const WAITERS = 20_000;

test('hazard 13: of the wakes of a release, commands that come in the same turn do none: those go on between turns', async (t) => {
  let largest = 0;
  const group = groupInMemory((grants) => (largest = Math.max(largest, grants)));
  group.submit(lock({ svid: 0 }), () => undefined);
  for (let i = 1; i <= WAITERS; i += 1) group.submit(lock({ svid: i, exclusive: false, block: true }), () => undefined);
  await group.drain();
  const released = ask(group, unlock({ svid: 0 }));
  const left = group.state.waiterCount;
  t.true(left > 0 && left < WAITERS, 'the first are granted in the turn of the release, and its entry');
  for (let i = 0; i < 300; i += 1) group.submit(lock({ svid: 0, file: `other ${i}` }), () => undefined);
  t.is(group.state.waiterCount, left);
  t.is(await released, 'granted');
  t.true(group.state.waiterCount > 0, 'the release is answered before the last of them is granted');
  while (group.state.waiterCount > 0) await new Promise((resolve) => setImmediate(resolve));
  await group.drain();
  t.is(group.state.lockCount, WAITERS + 300);
  t.true(largest < 4096, `${largest} callbacks begin at once`);
});

test('while an UNLOCK of very many locks goes on, other calls are answered', async (t) => {
  const group = groupInMemory();
  for (let i = 0; i < UNLOCK_STEP_MAX * 8; i += 1) group.submit(lock({ start: i * 2, length: 1 }), () => undefined);
  await group.drain();
  const order: string[] = [];
  const unlocked = ask(group, unlock({ length: 0 })).then((how) => order.push(`unlock ${how}`));
  for (let i = 0; i < 3; i += 1) order.push(`lock ${await ask(group, lock({ svid: 2, file: `other ${i}` }))}`);
  await unlocked;
  t.deepEqual(order, ['lock granted', 'lock granted', 'lock granted', 'unlock granted']);
  t.is(group.state.lockCount, 3);
});

/** Appends wait for as long as `held` does. */
class HeldLedger extends MemoryLedger {
  held = Promise.resolve();

  override async append(entry: SealedEntry, options?: { readonly urgent?: boolean }): Promise<AppendOutcome> {
    await this.held;
    return super.append(entry, options);
  }
}

test('the sweep of a purge waits for its own entry, and for no other call', async (t) => {
  const log = new MemoryLog('g');
  const ledger = new HeldLedger(log);
  const group = groupOn(ledger, log);
  for (let i = 0; i < 500; i += 1) group.submit(lock({ file: `file ${i}` }), () => undefined);
  await group.drain();
  const hold = (): (() => void) => {
    let free = (): void => undefined;
    ledger.held = new Promise((resolve) => (free = resolve));
    return free;
  };
  const landPurge = hold();
  const selector = { type: 'address', address: '10.1.1.1' } as const;
  const purged = ask(group, { type: 'purge', selector, order: order(), dryRun: false, reclaimable: false });
  await turns();
  t.true(isSweeping(group.state));
  landPurge();
  t.is(await purged, 'purged');
  const landLock = hold();
  const locked = ask(group, lock({ svid: 2, to: '10.1.1.2' }));
  await turns();
  t.false(isSweeping(group.state));
  landLock();
  t.is(await locked, 'granted');
});

async function turns(): Promise<void> {
  for (let i = 0; i < 200; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
