import test from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import { errnoOf } from '../../src/doors/files/errno.js';
import { pagesOf } from '../../src/doors/files/listing.js';
import { OpenListing } from '../../src/doors/files/open-listing.js';
import { FakeAdmin } from './fake-admin.js';

async function textOf(listing: OpenListing, size: number): Promise<string> {
  const parts: Buffer[] = [];
  let offset = 0;
  for (;;) {
    const bytes = await listing.read(offset, size);
    if (typeof bytes === 'number') throw new Error(`errno ${bytes}`);
    if (bytes.length === 0) return Buffer.concat(parts).toString();
    parts.push(bytes);
    offset += bytes.length;
  }
}

async function bytesAt(listing: OpenListing, offset: number): Promise<Buffer> {
  const bytes = await listing.read(offset, 4096);
  if (typeof bytes === 'number') throw new Error(`errno ${bytes}`);
  return bytes;
}

const nlmFiles = (admin: FakeAdmin): OpenListing => new OpenListing(() => pagesOf('nlm_files', admin.call));

test('nlm_files is one line a lock, and the same in whatever pieces it is read', async (t) => {
  const text = await textOf(nlmFiles(new FakeAdmin(1201)), 131_072);
  const lines = text.trimEnd().split('\n');
  t.is(lines.length, 1202);
  t.is(
    lines[1],
    'lock default 0 write 0 eof client\\0400 10.1.2.3 10.1.1.2 0 0@client /srv/data 01000601cf362c02 2030-03-17T17:46:40.000Z',
  );
  t.true(lines.every((line, index) => index === 0 || line.split(' ').length === 14));
  t.is(await textOf(nlmFiles(new FakeAdmin(1201)), 777), text);
});

test('a share is a line with what it does and what it denies', async (t) => {
  const admin = new FakeAdmin(1);
  admin.share = { mode: 2, access: 3 };
  const lines = (await textOf(nlmFiles(admin), 4096)).split('\n');
  t.regex(lines[1] ?? '', /^share default 0 read-write:deny-write 0 eof /);
  t.is(lines[1]?.split(' ').length, 14);
});

test('a page is asked for only when the one before has been read', async (t) => {
  const admin = new FakeAdmin(100_000);
  const listing = nlmFiles(admin);
  const first = await bytesAt(listing, 0);
  t.is(admin.pages, 0, 'the names of the columns need nothing');
  await listing.read(first.length, 4096);
  t.is(admin.pages, 1);
});

test('a reader may step back a little, begin anew, and not jump', async (t) => {
  const listing = nlmFiles(new FakeAdmin(5000));
  const header = await bytesAt(listing, 0);
  const page = await bytesAt(listing, header.length);
  t.deepEqual(await listing.read(header.length, 4096), page);
  t.deepEqual(await listing.read(10, 20), header.subarray(10, 30));
  t.is(await listing.read(1_000_000_000, 4096), 29);
  t.deepEqual(await listing.read(0, 4096), header);
});

test('grace says none, or each grace with its scope and what remains of it', async (t) => {
  const admin = new FakeAdmin();
  const read = (): Promise<string> => textOf(new OpenListing(() => pagesOf('grace', admin.call)), 4096);
  t.is(await read(), 'none\n');
  admin.graces = [
    { group: 'default', scope: { type: 'all' }, until: 0 },
    { group: 'g 1', scope: { type: 'address', address: '10.1.1.2' }, until: Date.now() + 60_000 },
  ];
  t.regex(
    await read(),
    /^# group scope name remaining_ms\ndefault all - 0\ng\\0401 address 10\.1\.1\.2 (60000|59\d\d\d)\n$/,
  );
});

test('groups has a line a group', async (t) => {
  const text = await textOf(new OpenListing(() => pagesOf('groups', new FakeAdmin(7).call)), 4096);
  t.is(text, '# name epoch position status locks waiters reason\ndefault 3 812 serving 7 0 -\n');
});

test('a ledger that is away is EIO, and the errno of a path is the path’s', async (t) => {
  const away = new OpenListing(() => pagesOf('groups', () => Promise.reject(new LedgerError('unavailable', 'away'))));
  t.is(await away.read(0, 4096), 5);
  t.is(errnoOf(new LedgerError('path-not-found', 'x', { details: { errno: 'ENOTDIR' } })), 20);
  t.is(errnoOf(new LedgerError('path-not-found', 'x', { details: { errno: 'ENOTMOUNTED' } })), 2);
  t.is(errnoOf(new LedgerError('bad-address', 'x')), 22);
  t.is(errnoOf(new Error('x')), 5);
});
