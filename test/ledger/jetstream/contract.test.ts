/** The contract of every ledger, kept by the owner's ledger on one real server and on three. */

import { natsTest, startNats } from '../../support/nats.js';
import { contract } from '../contract.js';
import { temporaryFolder } from '../fixture.js';
import { PLAIN, startCluster, startLog } from './fixture.js';

contract(natsTest, 'jetstream, one server', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const node = await startLog(t, 'a', { servers: [server.url] });
  return { group: 'g', open: async () => (await node.log.claim(PLAIN)).ledger };
});

contract(natsTest, 'jetstream, three servers', async (t) => {
  const cluster = await startCluster(t);
  const node = await startLog(t, 'a', { servers: cluster.urls, replicas: 3 });
  return { group: 'g', open: async () => (await node.log.claim(PLAIN)).ledger };
});
