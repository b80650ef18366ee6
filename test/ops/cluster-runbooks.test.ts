/** The runbooks of a cluster, from their first command to their last, on two nodes and a real nats-server. */

import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { NatsServer } from '../../ops/nats/server.js';
import { nlm } from '../support/in-process.js';
import { serialNatsTest, startNats, until } from '../support/nats.js';
import { freePorts } from '../support/node-process.js';
import { temporaryFolder } from '../support/node.js';
import { runThrough } from '../support/runbook.js';
import { followed, lifeAt, owned, startSharing } from '../support/shared-group.js';

const FLOAT = '127.0.0.81';
const DOCTOR_CODES = [12, 13];
const UNREACHABLE = 3;
/** 20 and the NLM status. */
const DENIED = 21;

async function cluster(t: ExecutionContext, group: string) {
  const [nlmPort = 0] = await freePorts(1);
  const jetstream = await temporaryFolder(t);
  const server = await startNats(t, { jetstream });
  const options = { group, float: FLOAT, nats: server.url, nlmPort };
  const a = await startSharing(t, 'a', options);
  await owned(a);
  const b = await startSharing(t, 'b', options);
  await followed(b, a);
  const lock = (svid: number, start = svid) =>
    nlm(
      'call',
      'lock',
      '--server',
      FLOAT,
      '--port',
      `${nlmPort}`,
      '--fh',
      '66696c652d31',
      '--offset',
      `${start}`,
      '--length',
      '1',
      '--svid',
      `${svid}`,
    );
  return { server, jetstream, options, a, b, lock, atA: ['--socket', a.socket], atB: ['--socket', b.socket] };
}

serialNatsTest('take-over-by-hand.md on two nodes: planned, taken back, and after a crash of the owner', async (t) => {
  const { server, a, b, lock, atA, atB } = await cluster(t, 'web');
  t.is((await lock(1)).code, 0);
  const nats = { 'nats://nfs-b:4222': server.url };
  const settled = () => followed(b, a);
  await runThrough(t, 'take-over-by-hand.md', [
    { is: 'groups', with: atA, says: /owned by a/ },
    { is: 'groups --nats', with: [], words: nats, says: /node b:/ },
    { is: 'release web --reason', with: atA },
    { is: 'take web', with: atB, says: /owned by b/ },
    { is: 'grace status', with: atB },
    { is: 'notify-status', with: atB },
    { is: 'take web', with: atB, says: /owned by b/ },
    { is: 'release web', with: atB },
    { is: 'take web', with: atA, says: /owned by a/ },
    { is: 'take web --dead', before: () => settled().then(() => a.end('SIGKILL')), with: atB, says: /owned by b/ },
    // The other way to the same: the group is b's already.
    { is: 'take web --force', with: atB, says: /owned by b/ },
    { is: 'groups', with: atB, says: /owned by b/ },
  ]);
  // Nothing was lost on the way.
  t.is((await lock(9, 1)).code, DENIED);
  t.is((await lock(2)).code, 0);
});

serialNatsTest('nats-away.md while the server is gone, and after it', async (t) => {
  const { server, jetstream, a, b, lock, atA } = await cluster(t, 'web');
  const { port } = server;
  const back = async (): Promise<void> => {
    const again = await NatsServer.start({ port, jetstream });
    t.teardown(() => again.stop());
    await followed(b, a);
  };
  const nats = { 'nats://10.1.0.21:4222': server.url };
  const noted = () =>
    until(async () => (await nlm('status', '--socket', a.socket)).out.includes('NATS is away'), 'the note');
  await runThrough(t, 'nats-away.md', [
    { is: 'status', before: () => server.stop().then(noted), with: atA, codes: [11], says: /NATS is away/ },
    { is: 'status', with: atA, codes: [11] },
    { is: 'groups', with: atA, says: /owned by a/ },
    { is: 'status --nats', with: [], words: nats, codes: [UNREACHABLE] },
    { is: 'groups', before: back, with: atA, says: /owned by a/ },
    { is: 'doctor', with: atA, codes: DOCTOR_CODES },
  ]);
  // It went on by itself: nobody restarted or claimed anything.
  await until(async () => (await lock(1)).code === 0, 'locks are granted again');
  t.is((await lifeAt(a))?.epoch, 1);
});

serialNatsTest(
  'lost-ledger.md, the part of a cluster: a node whose folder is gone archives the group anew',
  async (t) => {
    const { a, b, lock, atB } = await cluster(t, 'web');
    t.is((await lock(1)).code, 0);
    await b.end('SIGKILL');
    await rm(join(b.socket, '../groups'), { recursive: true });
    b.spawn();
    await b.serving();
    await followed(b, a);
    const { out } = await nlm('groups', ...atB);
    t.regex(out, /this node is following, 0 entries behind/);
    t.is((await lifeAt(b))?.position, (await lifeAt(a))?.position);
  },
);

serialNatsTest(
  'fork-reported.md: a node whose history is another one says so, and archives the owner’s after its own is moved away',
  async (t) => {
    const { server, options, a, b, lock, atA } = await cluster(t, 'home');
    t.is((await lock(1)).code, 0);
    await followed(b, a);
    await b.end('SIGTERM');
    // Elsewhere b owns the group, and acknowledges what nobody else has.
    const other = await startNats(t, { jetstream: await temporaryFolder(t) });
    b.configure({ nats: { servers: [other.url] } });
    await a.end('SIGTERM');
    b.spawn();
    await b.serving();
    const claimed = await nlm('take', 'home', '--force', '--accept-loss', '--way', 'reclaim', '--socket', b.socket);
    t.is(claimed.code, 0, claimed.out + claimed.err);
    await b.end('SIGTERM');
    a.spawn();
    await a.serving();
    await owned(a);
    t.is((await lock(2)).code, 0);
    b.configure({ nats: { servers: [server.url] } });
    b.spawn();
    await b.serving();
    const statusOfB = async (): Promise<string> => (await nlm('status', '--socket', b.socket)).out;
    await until(async () => (await statusOfB()).includes('FORK in group home'), 'the fork is reported');
    const [, at = ''] =
      /FORK in group home: .* have different entries at position ([0-9]+)/.exec(await statusOfB()) ?? [];
    const data = join(b.socket, '..');
    const moved = async (): Promise<void> => {
      await b.end('SIGTERM');
      await rename(join(data, 'groups/home'), join(data, `home.fork-${at}`));
      b.spawn();
      await b.serving();
      await followed(b, a);
    };
    await runThrough(t, 'fork-reported.md', [
      { is: 'ledger dump', words: { '812': at }, with: ['--data', data], says: new RegExp(`"position":${at}`) },
      { is: 'grace open --address', before: moved, words: { ADDRESS: options.float }, with: atA },
      { is: 'notify', words: { ADDRESS: options.float }, with: atA },
    ]);
  },
);
