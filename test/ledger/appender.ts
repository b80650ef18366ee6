/** A process of its own that appends until it is killed, and says each position once it is acknowledged. */

import { writeSync } from 'node:fs';
import { Chain } from '../../src/ledger/chain.js';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { sealNext } from './contract.js';
import { smallLedger } from './fixture.js';

const [data = '', syncWay = 'main'] = process.argv.slice(2);
const { ledger } = await openFileLedger({ ...smallLedger(data), syncWay: syncWay === 'pool' ? 'pool' : 'main' });
const chain = new Chain('default', ledger.head());
for (;;) {
  const entry = sealNext(chain, 1 + (chain.head.position % 30));
  await ledger.append(entry);
  writeSync(1, `${entry.position} ${Buffer.from(entry.hash).toString('hex')}\n`);
  if (entry.position % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
}
