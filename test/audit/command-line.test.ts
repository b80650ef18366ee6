import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { nlm, type Ran } from '../support/in-process.js';
import { startNode, temporaryFolder } from '../support/node.js';

interface Demo {
  readonly data: string;
  readonly audit: (...argv: string[]) => Promise<Ran>;
}

/** The README's walk-through on a real node: two owners want one file, a purge breaks the lock of the first. */
async function demo(t: ExecutionContext): Promise<Demo> {
  const { data, nlmPort } = await startNode(t);
  const call = async (...argv: string[]): Promise<Ran> =>
    nlm('call', ...argv, '--port', String(nlmPort), '--caller', 'demo');
  t.is((await call('lock', '--file', 'inbox')).code, 0);
  t.is((await call('lock', '--file', 'inbox', '--svid', '2')).code, 21);
  const purge = [
    'unlock-ip',
    '127.0.0.1',
    '--id',
    'move-17',
    '--reason',
    'to server b',
    '--socket',
    join(data, 'socket'),
  ];
  t.is((await nlm(...purge)).code, 0);
  t.is((await call('lock', '--file', 'inbox', '--svid', '2')).code, 0);
  return { data, audit: (...argv) => nlm('audit', ...argv, '--data', data) };
}

test('who broke this lock is answered in one command, beside the running node', async (t) => {
  const { data, audit } = await demo(t);
  const lost = await audit('history', '--file', 'inbox', '--lost');
  t.is(lost.code, 0);
  t.regex(
    lost.out,
    /^\S+Z default \d+ demo@127\.0\.0\.1 svid 1 \(1@demo\) through 127\.0\.0\.1 LOST exclusive whole file of \(unmapped\) [0-9a-f]{32} \(lock 1; held for [^;]+; by unlock-ip 127\.0\.0\.1, ordered by claimed:\S+ through socket at position \d+, command move-17, "to server b"\)\n$/,
  );
  // Without --data the node says where its ledger is.
  const asked = await nlm('audit', 'history', '--file', 'inbox', '--lost', '--socket', join(data, 'socket'));
  t.is(asked.out, lost.out);
});

test('each question is answered in text and in JSON', async (t) => {
  const { audit } = await demo(t);
  const json = async (...argv: string[]): Promise<Record<string, unknown>> => {
    const { code, out, err } = await audit(...argv, '--json');
    t.is(code, 0, err);
    return JSON.parse(out) as Record<string, unknown>;
  };
  const purge = await json('purge', 'move-17');
  t.like(purge, { aim: 'unlock-ip 127.0.0.1', order: { reason: 'to server b' }, counts: { locks: 1 } });
  t.like((purge['rows'] as unknown[])[0], { kind: 'lock', lock: 1, svid: 1 });
  t.like((purge['after'] as unknown[])[0], { what: 'let-in', svid: 2 });
  const position = purge['position'] as number;
  const before = await json('at', String(position - 1));
  t.like((before['rows'] as unknown[])[0], { kind: 'lock', lock: 1, svid: 1, expected: false });
  t.deepEqual((await json('at', String(position)))['rows'], []);
  t.like(((await json('at', 'head', '--owner', '2'))['rows'] as unknown[])[0], { svid: 2 });
  t.like((await json('diff', String(position - 1), 'head'))['rows'], [
    { change: 'gone', svid: 1 },
    { change: 'new', svid: 2 },
  ]);
  t.like(await json('contention'), { group: 'default', edges: [] });
  t.regex(
    (await audit('at', 'head')).out,
    /^group default at position \d+, .*: 1 lock, 0 waiters, 0 shares\n.*\nlock +2 +demo@127/s,
  );
  t.regex((await audit('diff', String(position - 1), 'head')).out, /\n- lock 1 .*\n\+ lock 2 /s);
  t.regex((await audit('purge', 'move-17')).out, /\nlet in demo@127\.0\.0\.1 svid 2 /);
  t.is((await audit('takeover')).code, 5);
  t.regex((await audit('history', '--client', 'nobody')).out, /^nothing happened to it\n/);
});

test('an export is there whole, passes its check, and does not once a row of it was changed', async (t) => {
  const { audit } = await demo(t);
  const folder = await temporaryFolder(t);
  const file = join(folder, 'all.jsonl');
  t.is((await audit('export', '--to', '5', '--output', file)).code, 0);
  t.deepEqual(await readdir(folder), ['all.jsonl']);
  t.regex((await audit('export', '--check', file)).out, /^the same: \d+ rows of /);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('"svid":1', '"svid":3'));
  const forged = await audit('export', '--check', file);
  t.is(forged.code, 6);
  t.regex(forged.out, /^not what the ledger says: group default, position \d+, event \d+/);
  await writeFile(file, text.split('\n').slice(0, -2).join('\n'));
  t.is((await audit('export', '--check', file)).code, 6);
  await writeFile(file, text.replace(/"hash":"./, '"hash":"x'));
  t.regex((await audit('export', '--check', file)).out, /another hash/);
  const csv = await audit('export', '--csv', '--to', '5');
  await writeFile(file, csv.out);
  t.is((await audit('export', '--check', file, '--to', '5')).code, 0);
  t.is((await audit('export', '--check', file, '--to', '5', '--owner', '7')).code, 6);
  t.is((await audit('export', '--check', file)).code, 2);
});

test('a path is the file with its inode, whatever the handle: the same name elsewhere is another file', async (t) => {
  const { data, nlmPort } = await startNode(t);
  const folder = await temporaryFolder(t);
  const [file, other] = [join(folder, 'inbox'), join(folder, 'outbox')];
  for (const each of [file, other]) await writeFile(each, '');
  const handleOf = async (path: string): Promise<string> => {
    const words = Buffer.alloc(8);
    words.writeUInt32LE((await stat(path)).ino, 0);
    // As NFS-Ganesha makes them: version, export, the type of a device number as fsid, which no path has.
    return `4300004d1245${'00'.repeat(8)}01${words.toString('hex')}00`;
  };
  for (const [svid, path] of [file, other].entries()) {
    const call = ['call', 'lock', '--fh', await handleOf(path), '--svid', String(svid), '--port', String(nlmPort)];
    t.is((await nlm(...call, '--caller', 'demo')).code, 0);
  }
  const ask = async (path: string): Promise<unknown> =>
    JSON.parse((await nlm('audit', 'at', 'head', '--path', path, '--data', data, '--json')).out);
  t.like(await ask(file), { rows: [{ svid: 0 }] });
  t.like(await ask(other), { rows: [{ svid: 1 }] });
  const third = join(folder, 'third');
  await writeFile(third, '');
  t.like(await ask(third), { rows: [] });
  t.is((await nlm('audit', 'at', 'head', '--path', join(folder, 'none'), '--data', data)).code, 5);
});

test('a folder of archived segments answers without a node, and a wrong folder says what is wanted', async (t) => {
  const { data, audit } = await demo(t);
  const archive = await temporaryFolder(t);
  const segments = join(data, 'groups', 'default', 'segments');
  for (const name of await readdir(segments)) {
    if (name.endsWith('.seg')) await symlink(join(segments, name), join(archive, name));
  }
  const there = await nlm('audit', 'purge', 'move-17', '--data', archive);
  t.is(there.code, 0);
  t.is(there.out, (await audit('purge', 'move-17')).out);
  const empty = join(archive, 'empty');
  await mkdir(empty);
  const none = await nlm('audit', 'at', 'head', '--data', empty);
  t.is(none.code, 5);
  t.regex(none.err, /there is no ledger in .*\n.*--data DIR/s);
  t.regex((await audit('at', 'head', '--group', 'other')).err, /no ledger of group other .*; there is default/);
  t.is((await audit('at', '99999')).code, 5);
  t.is((await audit('at', 'yesterday')).code, 2);
});
