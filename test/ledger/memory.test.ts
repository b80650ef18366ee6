import test from 'ava';
import { Chain } from '../../src/ledger/chain.js';
import { MemoryLedger, MemoryLog } from '../../src/ledger/memory.js';
import { contract, sealNext } from './contract.js';

contract(test, 'memory', async () => {
  const log = new MemoryLog('default');
  return { group: 'default', open: async () => new MemoryLedger(log) };
});

test('two writers on one log: the one that comes second is fenced', async (t) => {
  const log = new MemoryLog('default');
  const [a, b] = [new MemoryLedger(log), new MemoryLedger(log)];
  t.deepEqual(await a.append(sealNext(new Chain('default'), 1)), { type: 'durable' });
  t.deepEqual(await b.append(sealNext(new Chain('default'), 2, 2)), { type: 'fenced', epoch: 1 });
});

test('a log that was rolled back under its writer answers behind, and takes the missing suffix again', async (t) => {
  const log = new MemoryLog('default');
  const ledger = new MemoryLedger(log);
  const chain = new Chain('default');
  const entries = [1, 2, 3, 4].map(() => sealNext(chain, 1));
  for (const entry of entries.slice(0, 3)) await ledger.append(entry);
  log.rollBack(1);
  t.deepEqual(await ledger.append(entries[3]!), { type: 'behind', head: 1 });
  for (const entry of entries.slice(1)) t.deepEqual(await ledger.append(entry), { type: 'durable' });
});

test('a full medium refuses what is not urgent before anything is written', async (t) => {
  const log = new MemoryLog('default');
  const ledger = new MemoryLedger(log);
  log.capacity = 'releases-only';
  const entry = sealNext(new Chain('default'), 1);
  await t.throwsAsync(ledger.append(entry), { code: 'no-space' });
  t.deepEqual(await ledger.append(entry, { urgent: true }), { type: 'durable' });
});
