/** Copies of another log's entries, many synced at once: no crash leaves damage, and nothing counts before it is synced. */

import test from 'ava';
import { Chain, equalBytes } from '../../src/ledger/chain.js';
import type { FileLedger } from '../../src/ledger/file/ledger.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import type { SealedEntry } from '../../src/ledger/port.js';
import { readAll, sealNext } from './contract.js';
import { FaultDisk } from './fault-disk.js';
import { smallLedger } from './fixture.js';

const COPIES = 300;
const STRIDE = process.env['NLM_CRASHES'] === 'all' ? 1 : 997;

async function open(disk: FaultDisk): Promise<FileLedger> {
  const acquire = async () => ({ release: () => undefined });
  return (await openFileLedger({ ...smallLedger('/data'), storage: disk, acquire })).ledger;
}

function sealedMany(count: number): SealedEntry[] {
  const chain = new Chain('default');
  return Array.from({ length: count }, () => sealNext(chain, 2));
}

/** Some one by one, many at once, some one by one; returns the last position that was acknowledged. */
async function run(disk: FaultDisk, sealed: readonly SealedEntry[]): Promise<number> {
  let acknowledged = 0;
  try {
    const ledger = await open(disk);
    for (const [from, upTo] of [
      [0, 3],
      [3, 150],
      [150, 290],
      [290, COPIES],
    ] as const) {
      await ledger.appendCopies(sealed.slice(from, upTo));
      acknowledged = upTo;
    }
    await ledger.close();
  } catch (error) {
    if (disk.powerBytes > 0) throw error;
  }
  return acknowledged;
}

test('the power fails after any byte of copies that are synced together: what was acknowledged is there, and nothing is damaged', async (t) => {
  const sealed = sealedMany(COPIES);
  const whole = new FaultDisk();
  t.is(await run(whole, sealed), COPIES);
  let crashes = 0;
  for (let bytes = 1; bytes <= whole.written; bytes += STRIDE) {
    const disk = new FaultDisk();
    disk.powerBytes = bytes;
    const acknowledged = await run(disk, sealed);
    // Any part of what was not synced may have survived.
    const after = disk.reborn((offset) => (offset + crashes) % 3 === 0);
    const ledger = await open(after);
    const { position, hash } = ledger.head();
    if (position < acknowledged) t.fail(`${bytes} bytes: ${acknowledged} was acknowledged, ${position} is there`);
    if (position > 0 && !equalBytes(hash, sealed[position - 1]!.hash)) t.fail(`another entry at ${position}`);
    t.is((await readAll(ledger)).length, position);
    // And the rest is taken.
    await ledger.appendCopies(sealed.slice(position));
    t.is(ledger.head().position, COPIES);
    await ledger.close();
    crashes += 1;
  }
  t.log(`${crashes} crashes over ${whole.written} bytes`);
});

test('the head is that of the copies only once their bytes, and the name of their file, are synced', async (t) => {
  const sealed = sealedMany(COPIES);
  const disk = new FaultDisk();
  const ledger = await open(disk);
  let syncs = 0;
  disk.onDurable = () => {
    syncs += 1;
    t.true(ledger.head().position < COPIES);
  };
  t.deepEqual(await ledger.appendCopies(sealed), { type: 'durable' });
  disk.onDurable = () => undefined;
  t.is(ledger.head().position, COPIES);
  t.deepEqual(
    disk.dirty().filter((path) => path.endsWith('.seg')),
    [],
  );
  t.log(`${COPIES} entries, ${syncs} syncs`);
  t.true(syncs < 10);
  // What comes next stands behind them.
  const chain = new Chain('default', ledger.head());
  t.deepEqual(await ledger.append(sealNext(chain, 1)), { type: 'durable' });
  await ledger.close();
  const again = await open(disk.reborn());
  t.is((await readAll(again)).length, COPIES + 1);
  await again.close();
});

test('copies that do not continue the chain are refused as a whole', async (t) => {
  const sealed = sealedMany(COPIES);
  const ledger = await open(new FaultDisk());
  await ledger.appendCopies(sealed.slice(0, 2));
  const other = new Chain('default');
  const foreign = Array.from({ length: COPIES }, () => sealNext(other, 3)).slice(2);
  t.like(await ledger.appendCopies(foreign), { type: 'fenced' });
  t.is(ledger.head().position, 2);
  await ledger.close();
});
