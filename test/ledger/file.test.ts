import test from 'ava';
import { openFileLedger } from '../../src/ledger/file/open.js';
import { contract } from './contract.js';
import { smallLedger, temporaryFolder } from './fixture.js';

contract(test, 'file', async (t) => {
  const data = await temporaryFolder(t);
  return { group: 'default', open: async () => (await openFileLedger(smallLedger(data))).ledger };
});
