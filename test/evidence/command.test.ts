import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import test from 'ava';
import { openFileLedger } from '../../src/ledger/file/open.js';
import type { SealedEntry } from '../../src/ledger/port.js';
import { History } from '../support/history.js';
import { nlm } from '../support/in-process.js';
import { seededRandom } from '../support/random.js';

const ENTRIES = new History(seededRandom(5)).run(120).entries;
const SCHEMA = JSON.parse(await readFile('schemas/proof.json', 'utf8')) as { examples: unknown[] };
const isProof = new Ajv2020({ strict: false }).compile(SCHEMA);

async function folder(t: { teardown(fn: () => Promise<void>): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'nlm-ledger-evidence-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function ledgerIn(data: string, entries: readonly SealedEntry[]): Promise<void> {
  const acquire = async () => ({ release: () => undefined });
  const { ledger } = await openFileLedger({ data, group: 'default', acquire, log: () => undefined });
  for (const entry of entries) await ledger.append(entry);
  await ledger.close();
}

test('an entry is proved to a third party who has a checkpoint and a key alone', async (t) => {
  const data = await folder(t);
  const elsewhere = await folder(t);
  const at = (name: string): string => join(elsewhere, name);
  await ledgerIn(data, ENTRIES.slice(0, 40));
  const key = (await nlm('audit', 'key', '--out', at('seed'))).out.trim();
  t.regex(key, /^N[A-Z2-7]{55}$/);
  t.is((await nlm('audit', 'key', '--seed', at('seed'))).out.trim(), key);
  const taken = await nlm('audit', 'checkpoint', '--data', data, '--seed', at('seed'), '--out', at('old.note'));
  t.is(taken.code, 0, taken.err);
  await rm(join(data, 'groups/default/segments'), { recursive: true });
  await ledgerIn(data, ENTRIES);
  t.is((await nlm('audit', 'checkpoint', '--data', data, '--seed', at('seed'), '--out', at('new.note'))).code, 0);

  const verified = await nlm('audit', 'verify', '--data', data, '--against', at('old.note'), '--key', key);
  t.is(verified.code, 0, verified.out);
  t.regex(verified.out, /sound: group default[^]*holds: .*old\.note/);

  t.is((await nlm('audit', 'prove', '17', '--data', data, '--out', at('17.proof'))).code, 0);
  t.true(isProof(JSON.parse(await readFile(at('17.proof'), 'utf8'))), JSON.stringify(isProof.errors));
  await rm(data, { recursive: true });
  const checked = await nlm('audit', 'check-proof', at('17.proof'), '--checkpoint', at('17.proof.note'), '--key', key);
  t.is(checked.code, 0, checked.err);
  t.regex(checked.out, /^proved: the entry at position 17 is one of the/);
  t.is((await nlm('audit', 'check-proof', at('17.proof'), '--checkpoint', at('old.note'), '--key', key)).code, 36);
  const stranger = (await nlm('audit', 'key', '--out', at('stranger'))).out.trim();
  t.is((await nlm('audit', 'check-proof', at('17.proof'), '--checkpoint', at('new.note'), '--key', stranger)).code, 4);
  await writeFile(
    at('forged.proof'),
    (await readFile(at('17.proof'), 'utf8')).replace('"position":17', '"position":18'),
  );
  t.is((await nlm('audit', 'check-proof', at('forged.proof'), '--checkpoint', at('new.note'), '--key', key)).code, 36);
});

test('that one checkpoint is the beginning of another is proved, and a fork is not', async (t) => {
  const [data, forked, out] = [await folder(t), await folder(t), await folder(t)];
  const at = (name: string): string => join(out, name);
  const key = (await nlm('audit', 'key', '--out', at('seed'))).out.trim();
  await ledgerIn(data, ENTRIES);
  await ledgerIn(forked, new History(seededRandom(6)).run(20).entries);
  t.is((await nlm('audit', 'checkpoint', '--data', data, '--seed', at('seed'), '--out', at('new'))).code, 0);
  t.is((await nlm('audit', 'checkpoint', '--data', forked, '--seed', at('seed'), '--out', at('other'))).code, 0);
  const first = JSON.parse(
    (await nlm('audit', 'checkpoint', '--data', forked, '--seed', at('seed'), '--json')).out,
  ) as { position: number };
  const proof = await nlm(
    'audit',
    'consistency',
    String(first.position),
    at('new'),
    '--data',
    data,
    '--out',
    at('proof'),
  );
  t.is(proof.code, 0, proof.err);
  t.true(isProof(JSON.parse(await readFile(at('proof'), 'utf8'))));
  const forks = await nlm(
    'audit',
    'check-proof',
    at('proof'),
    '--checkpoint',
    at('other'),
    '--checkpoint',
    at('new'),
    '--key',
    key,
  );
  t.is(forks.code, 36);
  t.is((await nlm('audit', 'verify', '--data', data, '--against', at('other'), '--key', key)).code, 36);
});

test('a seed is never printed, and nothing that is there is overwritten', async (t) => {
  const out = await folder(t);
  const made = await nlm('audit', 'key', '--person', '--out', join(out, 'seed'), '--json');
  t.regex(made.out, /^\{"publicKey":"U[A-Z2-7]{55}"\}\n$/);
  t.false(made.out.includes((await readFile(join(out, 'seed'), 'utf8')).trim()));
  t.is((await nlm('audit', 'key', '--out', join(out, 'seed'))).code, 2);
  t.is((await nlm('audit', 'checkpoint', '--data', out, '--seed', join(out, 'none'))).code, 2);
});

test('the example of the schema of proofs is one', (t) => {
  for (const example of SCHEMA.examples) t.true(isProof(example));
});

test('whoever signs has a name without spaces, in every command that signs', async (t) => {
  const [data, out] = [await folder(t), await folder(t)];
  await ledgerIn(data, ENTRIES.slice(0, 3));
  t.is((await nlm('audit', 'key', '--out', join(out, 'seed'))).code, 0);
  const signs = ['--data', data, '--seed', join(out, 'seed'), '--origin', 'two words'];
  for (const command of [['checkpoint'], ['archive', '--to', join(out, 'archive'), '--older-than', '0']]) {
    const ran = await nlm('audit', ...command, ...signs);
    t.is(ran.code, 2, command[0]);
    t.regex(ran.err, /--origin "two words": a name without spaces/);
  }
});
