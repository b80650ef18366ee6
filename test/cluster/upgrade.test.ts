/** An upgrade node by node: two builds of different event versions share a group, as processes of their own. */

import type { StatusReply } from '../../src/admin/messages.js';
import { nlm } from '../support/in-process.js';
import { natsTest, startNats, until } from '../support/nats.js';
import { newerBuild } from '../support/newer-build.js';
import { freePorts, type NodeProcess } from '../support/node-process.js';
import { temporaryFolder } from '../support/node.js';
import { followed, owned, startSharing } from '../support/shared-group.js';

/** 127/8 is on every host: what stands for the floating address. */
const FLOAT = '127.0.0.78';
const REFUSED = 4;

async function restart(process: NodeProcess, main: string): Promise<void> {
  await process.end('SIGTERM');
  process.main = main;
  process.spawn();
  await process.serving();
}

natsTest(
  'a cluster is upgraded node by node: no new form of an event is written before every node reads it',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const later = await newerBuild(await temporaryFolder(t));
    const [nlmPort = 0] = await freePorts(1);
    const options = { group: 'web', float: FLOAT, nats: server.url, nlmPort };
    const a = await startSharing(t, 'a', options);
    const b = await startSharing(t, 'b', options);
    const released = a.main;
    const ok = async (...args: string[]): Promise<void> => {
      const { code, out, err } = await nlm(...args);
      t.is(code, 0, `${args.join(' ')}: ${out}${err}`);
    };
    const call = ['--server', FLOAT, '--port', String(nlmPort), '--fh', '66696c652d31'];
    await owned(a);
    await ok('call', 'lock', ...call, '--caller', 'client1', '--svid', '1');

    // The standby first, then the group moves to it, in the carry way.
    await restart(b, later);
    await followed(b, a);
    await ok('release', 'web', '--socket', a.socket);
    await ok('take', 'web', '--socket', b.socket);
    t.not((await nlm('call', 'lock', ...call, '--caller', 'client2', '--svid', '2')).code, 0);
    await followed(a, b);

    // What the later release would write in its new form, the old one could not fold.
    const order = ['unlock-client', 'client1', '--socket', b.socket];
    const refused = await nlm(...order);
    t.is(refused.code, REFUSED, refused.out);
    t.regex(refused.out + refused.err, /reads events of version 1 only: upgrade it first/);
    await ok('call', 'lock', ...call, '--caller', 'client1', '--svid', '1');
    await followed(a, b);

    // The last one is upgraded: b hears of it, without a claim.
    await restart(a, later);
    await followed(a, b);
    await until(async () => (await nlm(...order)).code === 0, 'the order is carried out');
    await ok('call', 'lock', ...call, '--caller', 'client2', '--svid', '2');
    await followed(a, b);

    // There is no way back any more, and the old release says so, and changes nothing.
    await restart(a, released);
    const { groups } = JSON.parse((await nlm('status', '--json', '--socket', a.socket)).out) as StatusReply;
    const web = groups.find(({ name }) => name === 'web');
    t.is(web?.status, 'down');
    t.regex(web?.statusReason ?? '', /a newer release wrote it/);
    await restart(a, later);
    await followed(a, b);
  },
);
