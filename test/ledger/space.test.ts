import test, { type ExecutionContext } from 'ava';
import { Chain } from '../../src/ledger/chain.js';
import { openFileLedger, type FileLedgerOptions } from '../../src/ledger/file/open.js';
import type { Capacity } from '../../src/ledger/port.js';
import { readAll, sealNext } from './contract.js';
import { FaultDisk } from './fault-disk.js';
import { smallLedger } from './fixture.js';

const FREE_MIN = 65_536;

interface Watched {
  readonly options: FileLedgerOptions;
  /** Resolves once the ledger says so. */
  readonly until: (capacity: Capacity) => Promise<void>;
}

function watched(t: ExecutionContext, disk: FaultDisk): Watched {
  // The ledger's own timers keep no process alive.
  const alive = setInterval(() => undefined, 1_000);
  t.teardown(() => clearInterval(alive));
  const waiting: { capacity: Capacity; resolve: () => void }[] = [];
  const small = smallLedger('/data');
  return {
    options: {
      ...small,
      storage: disk,
      acquire: async () => ({ release: () => undefined }),
      limits: { ...small.limits, checkEveryMs: 2 },
      onCapacity: (capacity) => waiting.filter((wait) => wait.capacity === capacity).forEach((wait) => wait.resolve()),
    },
    until: (capacity) => new Promise((resolve) => waiting.push({ capacity, resolve })),
  };
}

test('on a full disk grants are refused before anything is written, releases go into the reserve, and it opens again', async (t) => {
  const disk = new FaultDisk();
  disk.free = 200_000;
  const { options, until } = watched(t, disk);
  const { ledger } = await openFileLedger(options);
  t.teardown(() => ledger.close());
  const chain = new Chain('default');
  for (let i = 0; i < 5; i++) await ledger.append(sealNext(chain, 1));
  const full = until('releases-only');
  disk.free = 0;
  await full;
  t.is(ledger.capacity(), 'releases-only');
  const before = disk.written;
  await t.throwsAsync(ledger.append(sealNext(new Chain('default', chain.head), 1)), { code: 'no-space' });
  t.is(disk.written, before);
  const names = (): string[] => disk.paths().map((path) => path.split('/').at(-1) ?? '');
  // Releases fill what is left of the segment and of the spare, then the reserve; then nothing goes.
  let urgent = 0;
  await t.throwsAsync(
    async () => {
      for (; urgent < 500; urgent++) {
        await ledger.append(sealNext(new Chain('default', chain.head), 1), { urgent: true });
        sealNext(chain, 1);
      }
    },
    { code: 'no-space' },
  );
  t.true(urgent > 25, `${urgent} releases`);
  t.false(names().includes('reserve'));
  const open = until('open');
  disk.free = FREE_MIN * 3;
  await open;
  t.deepEqual(await ledger.append(sealNext(chain, 1)), { type: 'durable' });
  t.is((await readAll(ledger)).length, 5 + urgent + 1);
  t.true(names().includes('reserve'));
});

test('a ledger on a full disk starts, takes releases only, and loses nothing', async (t) => {
  const disk = new FaultDisk();
  const { options } = watched(t, disk);
  const chain = new Chain('default');
  const first = await openFileLedger(options);
  for (let i = 0; i < 20; i++) await first.ledger.append(sealNext(chain, 1));
  await first.ledger.close();
  disk.free = 5_000;
  const { ledger } = await openFileLedger(options);
  t.teardown(() => ledger.close());
  t.is(ledger.capacity(), 'releases-only');
  t.is(ledger.head().position, 20);
  await t.throwsAsync(ledger.append(sealNext(new Chain('default', chain.head), 1)), { code: 'no-space' });
  t.deepEqual(await ledger.append(sealNext(chain, 1), { urgent: true }), { type: 'durable' });
});

test('a new ledger on a full disk is refused with what to do, and leaves nothing behind that stops a later start', async (t) => {
  const disk = new FaultDisk();
  disk.free = 1_000;
  const { options } = watched(t, disk);
  await t.throwsAsync(openFileLedger(options), { code: 'no-space', message: /Free space/ });
  disk.free = 1_000_000;
  const { ledger } = await openFileLedger(options);
  await ledger.append(sealNext(new Chain('default'), 1));
  await ledger.close();
});

test('the disk says ENOSPC while the next segment is made: releases only', async (t) => {
  const disk = new FaultDisk();
  const { options, until } = watched(t, disk);
  const { ledger } = await openFileLedger(options);
  t.teardown(() => ledger.close());
  const full = until('releases-only');
  disk.fault = (operation, path) => (operation === 'write' && path.endsWith('/spare') ? 'ENOSPC' : undefined);
  const small = async (): Promise<void> => {
    while (ledger.capacity() === 'open') {
      await ledger.append(sealNext(new Chain('default', ledger.head()), 1));
    }
  };
  await t.throwsAsync(
    small().then(() => ledger.append(sealNext(new Chain('default', ledger.head()), 1))),
    {
      code: 'no-space',
    },
  );
  await full;
  t.true(ledger.head().position > 3);
});
