import test, { type ExecutionContext } from 'ava';
import { Chain, equalBytes } from '../../src/ledger/chain.js';
import { openFileLedger, type Recovery } from '../../src/ledger/file/open.js';
import type { FileLedger } from '../../src/ledger/file/ledger.js';
import type { SealedEntry } from '../../src/ledger/port.js';
import { readAll, sealNext } from './contract.js';
import { FaultDisk } from './fault-disk.js';
import { smallLedger } from './fixture.js';

const ENTRIES = 40;
/** Every byte of the whole run with NLM_CRASHES=all; otherwise every byte of the last appends and samples before. */
const STRIDE = process.env.NLM_CRASHES === 'all' ? 1 : 151;
const LAST_BYTES = 700;

function open(disk: FaultDisk): Promise<{ ledger: FileLedger; recovery: Recovery }> {
  return openFileLedger({
    ...smallLedger('/data'),
    storage: disk,
    acquire: async () => ({ release: () => undefined }),
  });
}

/** Appends until the power fails; returns what was acknowledged and what was tried. */
async function run(disk: FaultDisk): Promise<{ acknowledged: number; sealed: SealedEntry[] }> {
  const chain = new Chain('default');
  const sealed: SealedEntry[] = [];
  let acknowledged = 0;
  try {
    const { ledger } = await open(disk);
    for (let i = 0; i < ENTRIES; i++) {
      const entry = sealNext(chain, 1 + (i % 12));
      sealed.push(entry);
      await ledger.append(entry);
      acknowledged = entry.position;
    }
    await ledger.close();
  } catch (error) {
    if (disk.powerBytes > 0) throw error;
  }
  return { acknowledged, sealed };
}

async function checkAfter(
  t: ExecutionContext,
  disk: FaultDisk,
  what: string,
  done: Awaited<ReturnType<typeof run>>,
): Promise<void> {
  const before = new Map(disk.paths().map((path) => [path, Buffer.from(disk.bytes(path))]));
  const { ledger, recovery } = await open(disk);
  const head = ledger.head().position;
  if (head < done.acknowledged) t.fail(`${what}: ${done.acknowledged} was acknowledged, ${head} is there`);
  const entries = await readAll(ledger);
  if (entries.length !== head) t.fail(`${what}: ${entries.length} entries, head ${head}`);
  const last = done.sealed[head - 1];
  if (last !== undefined && !equalBytes(last.hash, ledger.head().hash)) t.fail(`${what}: another entry at ${head}`);
  // Nothing is destroyed: what was cut lies in aside, byte for byte.
  for (const path of disk.paths().filter((name) => name.endsWith('.torn'))) {
    const [, segment, offset] = /([^/]+\.seg)\.(\d+)\.torn$/.exec(path) ?? [];
    const copy = disk.bytes(path);
    const original = before.get(`/data/groups/default/segments/${segment}`);
    if (!original?.subarray(Number(offset), Number(offset) + copy.length).equals(copy))
      t.fail(`${what}: ${path} differs`);
    if (recovery.notes.length === 0) t.fail(`${what}: a cut without a note`);
  }
  // And it goes on.
  const chain = new Chain('default', ledger.head());
  await ledger.append(sealNext(chain, 3));
  await ledger.close();
  const again = await open(disk.reborn());
  if (again.ledger.head().position !== head + 1 || again.recovery.notes.length > 0) {
    t.fail(`${what}: not clean after a clean stop: ${again.recovery.notes.join('; ')}`);
  }
  await again.ledger.close();
}

test('the power fails after any byte: each acknowledged entry is there, and the ledger goes on', async (t) => {
  const whole = new FaultDisk();
  await run(whole);
  let crashes = 0;
  for (let bytes = 1; bytes <= whole.written; bytes += whole.written - bytes < LAST_BYTES ? 1 : STRIDE) {
    const disk = new FaultDisk();
    disk.powerBytes = bytes;
    const done = await run(disk);
    await checkAfter(t, disk.reborn(), `power failed after ${bytes} bytes`, done);
    crashes += 1;
  }
  t.log(`${crashes} crashes over ${whole.written} bytes`);
  t.pass();
});

test('the power fails and any part of what was not synced survives: the same holds', async (t) => {
  const whole = new FaultDisk();
  await run(whole);
  const seed = Number(process.env.NLM_SEED ?? 1);
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) / 2 ** 32;
  for (let i = 0; i < 100; i++) {
    const disk = new FaultDisk();
    disk.powerBytes = 1 + Math.floor(random() * whole.written);
    disk.writeBytesMax = random() < 0.5 ? Infinity : 1 + Math.floor(random() * 600);
    const done = await run(disk);
    const kept = random();
    await checkAfter(
      t,
      disk.reborn(() => random() < kept),
      `seed ${seed}, crash ${i}`,
      done,
    );
  }
  t.pass();
});

test('an append is acknowledged only when its bytes, and the name of its file, are synced', async (t) => {
  const disk = new FaultDisk();
  const { ledger } = await open(disk);
  const chain = new Chain('default');
  for (let i = 0; i < ENTRIES; i++) {
    await ledger.append(sealNext(chain, 1 + (i % 12)));
    t.deepEqual(
      disk.dirty().filter((path) => path.endsWith('.seg')),
      [],
    );
  }
  await ledger.close();
});

test('a failed sync is never retried: the append throws io, every later one unavailable', async (t) => {
  const disk = new FaultDisk();
  const { ledger } = await open(disk);
  const chain = new Chain('default');
  await ledger.append(sealNext(chain, 1));
  disk.fault = (operation) => (operation === 'write' ? 'EIO' : undefined);
  await t.throwsAsync(ledger.append(sealNext(chain, 1)), { code: 'io', message: /kernel log/ });
  disk.fault = () => undefined;
  await t.throwsAsync(ledger.append(sealNext(new Chain('default', ledger.head()), 1)), {
    code: 'unavailable',
    message: /start again/,
  });
  t.is(ledger.head().position, 1);
  await ledger.close();
  const { ledger: next } = await open(disk);
  t.is(next.head().position, 1);
  await next.close();
});

test('short writes are continued until the frame is whole', async (t) => {
  const disk = new FaultDisk();
  disk.writeBytesMax = 7;
  const done = await run(disk);
  t.is(done.acknowledged, ENTRIES);
  await checkAfter(t, disk.reborn(), 'short writes', done);
});
