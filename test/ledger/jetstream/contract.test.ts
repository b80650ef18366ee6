/** The contract of every ledger, kept by the owner's ledger on one real server. */

import { natsTest, startNats } from '../../support/nats.js';
import { contract } from '../contract.js';
import { temporaryFolder } from '../fixture.js';
import { PLAIN, startLog } from './fixture.js';

contract(natsTest, 'jetstream, one server', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const node = await startLog(t, 'a', { servers: [server.url] });
  return { group: 'g', open: async () => (await node.log.claim(PLAIN)).ledger };
});
