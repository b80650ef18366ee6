import test from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import type { Command } from '../../src/core/command.js';
import type { Settled } from '../../src/engine/settled.js';
import { MonitorGate, type MonitorGateOptions } from '../../src/intake/monitor-gate.js';
import { bytes, cancel, lock, test as testCommand, unlock } from '../support/commands.js';

function world(over: Partial<MonitorGateOptions> = {}) {
  const submitted: string[] = [];
  const monitored = new Set<string>();
  const asked: { client: string; end: (error?: LedgerError) => void }[] = [];
  const outcomes: Settled[] = [];
  const gate = new MonitorGate({
    submit: (command, settle) => {
      submitted.push(command.type === 'record-monitored' ? `record ${command.client}` : command.type);
      if (command.type === 'record-monitored') monitored.add(command.client);
      settle({ type: 'answer', outcome: { type: 'granted' }, position: 1 });
    },
    isMonitored: (client) => monitored.has(client),
    monitor: (client) =>
      new Promise((resolve, reject) => {
        asked.push({ client, end: (error) => (error === undefined ? resolve() : reject(error)) });
      }),
    newPriv: () => bytes('0123456789abcdef'),
    onFailure: 'grant',
    log: () => undefined,
    ...over,
  });
  const send = (command: Command): Promise<Settled> =>
    new Promise((resolve) => {
      gate.submit(command, (settled) => {
        outcomes.push(settled);
        resolve(settled);
      });
    });
  return { gate, send, submitted, asked, outcomes };
}

const DOWN = new LedgerError('unavailable', 'no statd');

test('the first LOCK of a client waits for SM_MON and is recorded first; what the client asks meanwhile stays behind', async (t) => {
  const { send, submitted, asked } = world();
  const all = [send(lock({})), send(cancel({})), send(unlock({})), send(lock({ svid: 2 }))];
  await send(lock({ from: '10.0.0.9', monitored: false }));
  await send(testCommand({}));
  t.deepEqual(submitted, ['lock', 'test'], 'nobody else waits, nor NM_LOCK and TEST');
  t.is(asked.length, 1);
  asked[0]!.end();
  await Promise.all(all);
  t.deepEqual(submitted.slice(2), ['record 10.0.0.1', 'lock', 'cancel', 'unlock', 'lock']);
  await send(lock({}));
  t.is(asked.length, 1);
});

test('where SM_MON fails the lock is granted and counted, and for a while nothing waits for it again', async (t) => {
  const { gate, send, submitted, asked } = world();
  const first = send(lock({}));
  asked[0]!.end(DOWN);
  await first;
  await send(lock({ svid: 2 }));
  t.deepEqual(submitted, ['lock', 'lock']);
  t.is(asked.length, 1);
  t.is(gate.unmonitored, 2);
});

test('with the policy deny it is DENIED_NOLOCKS, and an UNLOCK behind it still works', async (t) => {
  const { gate, send, submitted, asked, outcomes } = world({ onFailure: 'deny' });
  const all = [send(lock({})), send(unlock({}))];
  asked[0]!.end(DOWN);
  await Promise.all(all);
  t.like(outcomes[0], { outcome: { type: 'denied-no-locks' } });
  t.deepEqual(submitted, ['unlock']);
  t.is(gate.unmonitored, 0);
});

test('a statd that hangs costs the deadline, not more', async (t) => {
  const { send, submitted } = world({ deadlineMs: 5 });
  await send(lock({}));
  t.deepEqual(submitted, ['lock']);
});

test('calls of one client behind its SM_MON are bounded', async (t) => {
  const { send, outcomes } = world();
  for (let i = 0; i < 257; i += 1) void send(unlock({ svid: i }));
  t.is(outcomes.length, 257, 'without a LOCK nothing waits');
  for (let i = 0; i < 300; i += 1) void send(lock({ svid: i }));
  t.is(outcomes.length, 257 + 300 - 256);
  t.like(outcomes.at(-1), { type: 'withheld' });
});
