/** Cutting a ledger above a position, with the power failing at every byte of it. */

import test from 'ava';
import { Chain, equalBytes } from '../../src/ledger/chain.js';
import { cutAbove } from '../../src/ledger/file/cut.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import type { SealedEntry } from '../../src/ledger/port.js';
import { readAll, sealNext } from './contract.js';
import { FaultDisk } from './fault-disk.js';
import { smallLedger } from './fixture.js';

const DATA = '/data';
const PLACE = { data: DATA, group: 'default' };
const options = (disk: FaultDisk) => ({
  ...smallLedger(DATA),
  storage: disk,
  acquire: async () => ({ release: () => undefined }),
});

/** Forty entries over several segments. */
async function written(disk: FaultDisk): Promise<SealedEntry[]> {
  const { ledger } = await openFileLedger(options(disk));
  const chain = new Chain('default');
  const sealed = Array.from({ length: 40 }, (_, i) => sealNext(chain, 1 + (i % 12)));
  for (const entry of sealed) await ledger.append(entry);
  await ledger.close();
  return sealed;
}

function asideOf(disk: FaultDisk): Buffer[] {
  return disk.paths().filter((path) => path.includes('/aside/')).map((path) => disk.bytes(path)); // prettier-ignore
}

test('what stands above the position is set aside, byte for byte, and the ledger goes on from there', async (t) => {
  for (const above of [0, 1, 17, 20, 39, 40]) {
    const disk = new FaultDisk();
    const sealed = await written(disk);
    const paths = await cutAbove({ ...PLACE, above, storage: disk });
    t.is(paths.length > 0, above < 40, `above ${above}`);
    const { ledger, recovery } = await openFileLedger(options(disk));
    t.is(ledger.head().position, above);
    const last = sealed[above - 1];
    if (last !== undefined) t.true(equalBytes(ledger.head().hash, last.hash));
    for (const entry of sealed.slice(above)) {
      t.true(
        asideOf(disk).some((bytes) => bytes.includes(Buffer.from(entry.bytes))),
        `position ${entry.position} lies aside`,
      );
    }
    const other = new Chain('default', ledger.head());
    for (let i = 0; i < 5; i += 1) await ledger.append(sealNext(other, 7, 2));
    t.is((await readAll(ledger)).length, above + 5);
    await ledger.close();
    t.true(
      recovery.notes.every((note) => !note.includes('torn')),
      recovery.notes.join('; '),
    );
  }
});

test('the power fails at any byte of a cut: every entry stands in the ledger or lies aside, and the cut can be repeated', async (t) => {
  const above = 17;
  const first = new FaultDisk();
  const sealed = await written(first);
  const before = first.written;
  await cutAbove({ ...PLACE, above, storage: first });
  const cost = first.written - before;
  for (let bytes = 1; bytes < cost; bytes += cost - bytes < 100 || process.env['NLM_CRASHES'] === 'all' ? 1 : 131) {
    const disk = new FaultDisk();
    await written(disk);
    disk.powerBytes = bytes;
    await t.throwsAsync(cutAbove({ ...PLACE, above, storage: disk }));
    const after = disk.reborn();
    const { ledger } = await openFileLedger(options(after));
    const head = ledger.head().position;
    if (head < above) t.fail(`power failed after ${bytes} bytes: head ${head}`);
    if ((await readAll(ledger)).length !== head) t.fail(`power failed after ${bytes} bytes: not all is read`);
    for (const entry of sealed.slice(head)) {
      if (!asideOf(after).some((copy) => copy.includes(Buffer.from(entry.bytes)))) {
        t.fail(`power failed after ${bytes} bytes: position ${entry.position} is nowhere`);
      }
    }
    await ledger.close();
    await cutAbove({ ...PLACE, above, storage: after });
    const again = await openFileLedger(options(after));
    t.is(again.ledger.head().position, above, `power failed after ${bytes} bytes`);
    await again.ledger.close();
  }
});

test('a ledger that began behind a checkpoint knows the head that it began at, and is not cut below it', async (t) => {
  const disk = new FaultDisk();
  const chain = new Chain('default');
  for (let i = 0; i < 9; i += 1) sealNext(chain, 1);
  const begin = chain.head;
  const { ledger } = await openFileLedger({ ...options(disk), begin });
  t.deepEqual(ledger.head(), begin);
  for (let i = 0; i < 3; i += 1) await ledger.append(sealNext(chain, 1));
  await ledger.close();
  const { ledger: again } = await openFileLedger(options(disk));
  t.is(again.head().position, 12);
  t.deepEqual((await readAll(again, 10)).map(({ position }) => position), [10, 11, 12]); // prettier-ignore
  await t.throwsAsync(readAll(again, 9), { code: 'not-found' });
  await again.close();
  await cutAbove({ ...PLACE, above: 9, storage: disk });
  await t.throwsAsync(cutAbove({ ...PLACE, above: 3, storage: disk }), { code: 'not-found' });
  const { ledger: cut } = await openFileLedger(options(disk));
  t.deepEqual(cut.head(), begin);
  await cut.close();
});
