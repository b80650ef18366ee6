/** The archive's disk fails, and backlogs that no single pull takes. The disk is in memory, the server is real. */

import { equalBytes } from '../../../src/ledger/chain.js';
import { encodedEvents } from '../../support/events.js';
import { natsTest, startNats } from '../../support/nats.js';
import { readAll, sealNext } from '../contract.js';
import { FaultDisk } from '../fault-disk.js';
import { temporaryFolder } from '../fixture.js';
import { Owner, startLog } from './fixture.js';

/** Each node has a disk of its own: their folders may have one name. */
const MEMORY = { data: '/data', acquire: async () => ({ release: () => undefined }) };

natsTest(
  'a failed sync ends the owner, and the next claim begins from what the disk and the stream have',
  async (t) => {
    const server = await startNats(t, { jetstream: await temporaryFolder(t) });
    const storage = new FaultDisk();
    const a = await startLog(t, 'a', { servers: [server.url], storage, ...MEMORY });
    const owner = await Owner.claim(a);
    await owner.append(3);
    storage.fault = (operation) => (operation === 'write' ? 'EIO' : undefined);
    await t.throwsAsync(owner.ledger.append(sealNext(owner.chain, 1, owner.epoch)), { code: 'io' });
    storage.fault = () => undefined;
    await owner.ledger.close();
    // The stream had taken it: it is durable, and comes back from there.
    const next = await Owner.claim(a);
    t.is(next.ledger.head().position, 4);
    await next.append();
    t.is((await readAll(a.log)).length, 5);
  },
);

natsTest('a follower whose disk fails says so, and follows on when it works again', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const a = await startLog(t, 'a', { servers: [server.url], storage: new FaultDisk(), ...MEMORY });
  const storage = new FaultDisk();
  const b = await startLog(t, 'b', { servers: [server.url], storage, ...MEMORY });
  const owner = await Owner.claim(a);
  await owner.append(2);
  b.log.follow(b.observer);
  await b.observer.until(({ positions }) => positions.length === 2);
  storage.fault = (operation) => (operation === 'write' ? 'EIO' : undefined);
  await owner.append();
  await b.observer.until(({ away }) => away.some((cause) => cause !== undefined));
  storage.fault = () => undefined;
  await owner.append();
  await b.observer.until(({ positions }) => positions.length === 4);
  t.is(b.observer.away.at(-1), undefined);
  t.true(equalBytes(b.log.head().hash, a.log.head().hash));
});

natsTest('a follower that was away for long catches up in pulls of bounded number and size', async (t) => {
  const server = await startNats(t, { jetstream: await temporaryFolder(t) });
  const a = await startLog(t, 'a', { servers: [server.url], storage: new FaultDisk(), ...MEMORY });
  const owner = await Owner.claim(a);
  await owner.append(1100);
  const large = owner.ledger.entryBytesMax() - 1024;
  for (let i = 0; i < 12; i += 1) {
    const { position } = owner.chain.head;
    const events = encodedEvents([[1, Buffer.alloc(large, i)]]);
    const entry = owner.chain.seal({ epoch: owner.epoch, node: 'a', time: 0, durable: position, events });
    t.like(await owner.ledger.append(entry), { type: 'durable' });
  }
  await owner.append();
  const tooLarge = encodedEvents([[1, Buffer.alloc(large + 2048)]]);
  const { position } = owner.chain.head;
  const entry = owner.chain.seal({ epoch: owner.epoch, node: 'a', time: 0, durable: position, events: tooLarge });
  await t.throwsAsync(owner.ledger.append(entry), { code: 'limit' });
  const b = await startLog(t, 'b', { servers: [server.url], storage: new FaultDisk(), ...MEMORY });
  b.log.follow(b.observer);
  await b.observer.until(({ positions }) => positions.length === 1113);
  t.deepEqual(b.observer.away, []);
  t.true(equalBytes(b.log.head().hash, a.log.head().hash));
});
