/** Runbooks of a single node, run on one: an upgrade, and a ledger that will not start. */

import { cp, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { nlm } from '../support/in-process.js';
import { freePorts, NodeProcess } from '../support/node-process.js';
import { temporaryFolder } from '../support/node.js';
import { runThrough } from '../support/runbook.js';

const DAMAGED = 6;
/** 20 and the NLM status. */
const DENIED = 21;
const GRACE = 24;

async function node(t: ExecutionContext, configuration: object = {}) {
  const data = join(await temporaryFolder(t), 'nlm-ledger');
  const [nlmPort = 0, nsmPort = 0] = await freePorts(2);
  await mkdir(data, { mode: 0o700 });
  const process = new NodeProcess({ data, nlmPort, nsmPort, nsm: 'none', ...configuration });
  t.teardown(() => process.end('SIGTERM'));
  process.spawn();
  await process.serving();
  const lock = (svid: number, ...more: string[]) =>
    nlm('call', 'lock', '--file', 'report', '--port', String(nlmPort), '--svid', String(svid), ...more);
  return { process, data, lock, atNode: ['--socket', process.socket], inData: ['--data', data] };
}

/** One byte in the middle of what is durable. */
async function damage(data: string): Promise<void> {
  const folder = join(data, 'groups/default/segments');
  const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.seg'));
  const file = await open(join(folder, name), 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 300);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, 300);
  await file.close();
}

test('ledger-will-not-start.md on a ledger with a damaged byte: a copy, a look, and the last backup', async (t) => {
  const { process, data, lock, atNode, inData } = await node(t);
  const backup = join(data, '../backup');
  t.is((await lock(1)).code, 0);
  t.is((await nlm('ledger', 'backup', backup, ...inData)).code, 0);
  await process.end('SIGTERM');
  await damage(data);
  process.spawn();
  await t.throwsAsync(process.serving(), { message: /the node ended \(6, null\)[^]*was changed|damaged/ });
  const copied = () => cp(data, join(data, '../nlm-ledger.damaged'), { recursive: true });
  const moved = () => rename(data, join(data, '../nlm-ledger.moved'));
  const restarted = async (): Promise<void> => {
    process.configure({});
    process.spawn();
    await process.serving();
  };
  await runThrough(t, 'ledger-will-not-start.md', [
    { is: 'start' },
    { is: 'status' },
    { is: 'doctor' },
    { is: 'ledger verify --stopped', before: copied, with: inData, codes: [DAMAGED] },
    { is: 'ledger stat', with: inData, codes: [DAMAGED] },
    {
      is: 'ledger restore',
      before: moved,
      words: { '/backup/nlm-2031-02-03': backup, '/var/lib/nlm-ledger': data },
      with: [],
    },
    { is: 'grace status', before: restarted, with: atNode, says: /grace|until/ },
  ]);
  // What the backup has is there, and nobody new gets a lock before the grace has ended.
  t.regex((await nlm('locks', ...atNode)).out, /\b1 lock\b|vm/);
  t.is((await lock(2)).code, GRACE);
});

test('roll-an-upgrade.md, a single node: the backup, and the restart that is no outage', async (t) => {
  const { process, data, lock, atNode, inData } = await node(t);
  t.is((await lock(1)).code, 0);
  const restarted = async (): Promise<void> => {
    await process.end('SIGTERM');
    process.spawn();
    await process.serving();
  };
  await runThrough(t, 'roll-an-upgrade.md', [
    { is: 'ledger backup', words: { '/backup/nlm-before-upgrade': join(data, '../backup') }, with: inData },
    { is: '--version', with: [] },
    { is: 'status', before: restarted, with: atNode, says: /serving: node/ },
    { is: 'ledger verify', with: inData },
    // The part of a cluster: test/cluster/upgrade.test.ts, with two builds.
    ...['groups --nats', 'release web', 'take web', 'status --nats', 'doctor'].map((is) => ({ is })),
  ]);
  t.is((await lock(2)).code, DENIED);
});

test('lost-ledger.md, a single node: out of a backup, and without one', async (t) => {
  const { process, data, lock, atNode, inData } = await node(t, { nsm: 'own' });
  const [nightly, now] = [join(data, '../nightly'), join(data, '../now')];
  const byte = (svid: number, ...more: string[]) => lock(svid, '--offset', String(svid), '--length', '1', ...more);
  const codes = (ran: readonly { readonly code: number }[]): number[] => ran.map(({ code }) => code);
  t.deepEqual(codes([await byte(1)]), [0]);
  const lost = async (): Promise<void> => {
    await process.end('SIGKILL');
    await rm(data, { recursive: true });
  };
  const started = async (words: readonly string[] = []): Promise<void> => {
    await mkdir(data, { recursive: true, mode: 0o700 });
    process.configure({});
    process.spawn(words);
    await process.serving();
  };
  // Nobody new gets a lock; who says that it had one has it again.
  const reclaimed = async (svids: readonly number[]): Promise<void> => {
    t.deepEqual(codes([await byte(9)]), [GRACE]);
    for (const svid of svids) t.deepEqual(codes([await byte(svid, '--reclaim')]), [0]);
  };
  await runThrough(t, 'lost-ledger.md', [
    // The part of a cluster: cluster-runbooks.test.ts.
    { is: 'groups' },
    { is: 'ledger backup FOLDER', words: { FOLDER: nightly }, with: inData },
    {
      is: 'ledger restore',
      // After the backup one more lock is granted, which it does not know.
      before: async () => {
        t.deepEqual(codes([await byte(2)]), [0]);
        await lost();
      },
      words: { '/backup/nlm-2031-02-03': nightly, '/var/lib/nlm-ledger': data },
      with: [],
    },
    { is: 'grace status', before: started, with: atNode, says: /lenient/ },
    { is: 'notify --all --known', before: () => reclaimed([1, 2]), with: atNode, says: /1 client/ },
    { is: 'start --first-start grace', before: lost, starts: started },
    { is: 'grace status', with: atNode, says: /lenient/ },
    { is: 'locks', before: () => reclaimed([2]), with: atNode, says: /2@/ },
    { is: 'ledger backup', words: { '/backup/nlm-now': now }, with: inData },
    { is: 'ledger verify', with: inData },
  ]);
  t.is((await nlm('ledger', 'verify', '--stopped', '--data', now)).code, 0);
});
