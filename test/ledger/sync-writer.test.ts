import test from 'ava';
import type { StorageFile } from '../../src/ledger/file/storage.js';
import { SyncWriter } from '../../src/ledger/file/sync-writer.js';

/** A disk whose writes take as long as is said, on a clock of its own. */
class TimedFile implements StorageFile {
  now = 0;
  tookMs = 0.1;
  async write(bytes: Uint8Array): Promise<number> {
    return this.writeNow(bytes);
  }
  writeNow(bytes: Uint8Array): number {
    this.now += this.tookMs;
    return bytes.length;
  }
  read = async (): Promise<number> => 0;
  sync = async (): Promise<void> => undefined;
  truncate = async (): Promise<void> => undefined;
  size = async (): Promise<number> => 0;
  close = async (): Promise<void> => undefined;
}

async function write(writer: SyncWriter, file: TimedFile, times: number, bytes = 200): Promise<void> {
  for (let i = 0; i < times; i++) await writer.write(file, Buffer.alloc(bytes), 0);
}

test('a quick disk is synced on the calling thread, once it has shown itself quick in the pool', async (t) => {
  const file = new TimedFile();
  const writer = new SyncWriter('adaptive', () => file.now);
  t.is(writer.state.way, 'pool');
  await write(writer, file, 20);
  t.is(writer.state.way, 'main');
  t.is(writer.write(file, Buffer.alloc(200), 0), undefined);
  t.not(writer.write(file, Buffer.alloc(100_000), 0), undefined);
});

test('a slow disk is never synced on the calling thread', async (t) => {
  const file = new TimedFile();
  file.tookMs = 5;
  const writer = new SyncWriter('adaptive', () => file.now);
  await write(writer, file, 500);
  t.is(writer.state.way, 'pool');
});

test('a disk that is quick but for the waking of the pool is tried on the calling thread; there it is measured anew', async (t) => {
  const file = new TimedFile();
  file.tookMs = 0.6;
  const writer = new SyncWriter('adaptive', () => file.now);
  await write(writer, file, 16);
  t.is(writer.state.way, 'main');
  file.tookMs = 0.2;
  await write(writer, file, 5_000);
  t.is(writer.state.way, 'main');
  file.tookMs = 1.6;
  await write(writer, file, 40);
  t.is(writer.state.way, 'pool');
});

test('a slow write now and then is no slow disk', async (t) => {
  const file = new TimedFile();
  const writer = new SyncWriter('adaptive', () => file.now);
  await write(writer, file, 20);
  for (let i = 0; i < 100; i += 1) {
    file.tookMs = 0.3;
    await write(writer, file, 15);
    file.tookMs = 10;
    await write(writer, file, 1);
    t.is(writer.state.way, 'main');
  }
});

test('a disk that becomes slow is left to the pool after a few writes, and tried again later each time', async (t) => {
  const file = new TimedFile();
  const writer = new SyncWriter('adaptive', () => file.now);
  await write(writer, file, 200);
  file.tookMs = 15;
  await write(writer, file, 1);
  t.is(writer.state.way, 'main');
  await write(writer, file, 4);
  t.is(writer.state.way, 'pool');
  file.tookMs = 0.1;
  await write(writer, file, 1_000);
  t.is(writer.state.way, 'pool');
  await write(writer, file, 9_500);
  t.is(writer.state.way, 'main');
  file.tookMs = 80;
  await write(writer, file, 1);
  t.is(writer.state.way, 'pool');
  file.tookMs = 0.1;
  await write(writer, file, 11_000);
  t.is(writer.state.way, 'pool');
});
