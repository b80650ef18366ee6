import test from 'ava';
import { LedgerError } from '../../src/base/errors.js';
import type { Notice } from '../../src/core/nsm.js';
import { Notifier, type NotifierPauses } from '../../src/effects/sm-notify/notifier.js';

function notice(client: string, serverAddress = '10.1.1.1', state = 7): Notice {
  return { client, serverAddress, state, outcome: 'open', begun: Date.now(), ended: 0 };
}

interface Sent {
  readonly notice: Notice;
  answer(): void;
  fail(code?: 'timeout' | 'refused'): void;
}

function world(t: { teardown(end: () => void): void }, pauses: Partial<NotifierPauses> = {}) {
  const notices: Notice[] = [];
  const held = new Set<string>();
  const sent: Sent[] = [];
  const settled: [string, string][] = [];
  const waiting: (() => void)[] = [];
  const changed = (): void => waiting.splice(0).forEach((resolve) => resolve());
  const notifier = new Notifier({
    notices: () => notices,
    holds: (address) => (held.has(address) ? 'not here' : undefined),
    send: (one) =>
      new Promise((resolve, reject) => {
        const fail: Sent['fail'] = (code = 'timeout') => reject(new LedgerError(code, 'silence'));
        sent.push({ notice: one, answer: resolve, fail });
        changed();
      }),
    settle: ({ client }, outcome) => {
      settled.push([client, outcome]);
      changed();
    },
    log: () => undefined,
    clock: Date.now,
    pauses: { firstMs: 1, pauseMsMax: 4, totalMsMax: 10_000, holdMs: 1, ...pauses },
  });
  t.teardown(() => notifier.close());
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { notices, held, sent, settled, notifier, until };
}

test('each client is told until it answers, on its own', async (t) => {
  const { notices, sent, settled, notifier, until } = world(t);
  notices.push(notice('10.0.0.1'), notice('10.0.0.2'));
  notifier.resume();
  await until(() => sent.length === 2);
  t.like(notifier.progress(notices[0]!), { phase: 'sent', attempts: 1 });
  sent[0]!.answer();
  await until(() => settled.length === 1);
  sent[1]!.fail();
  await until(() => sent.length === 3);
  t.like(notifier.progress(notices[1]!), { phase: 'sent', attempts: 2, problem: 'silence' });
  sent[2]!.answer();
  await until(() => settled.length === 2);
  t.deepEqual(settled, [
    ['10.0.0.1', 'answered'],
    ['10.0.0.2', 'answered'],
  ]);
  t.is(notifier.size, 0);
});

test('nothing leaves while its address is not served, however long that takes', async (t) => {
  const { notices, held, sent, notifier, until } = world(t, { totalMsMax: 0 });
  held.add('10.1.1.1');
  notices.push(notice('10.0.0.1'), notice('10.0.0.1', '10.1.1.2'));
  notifier.resume();
  await until(() => sent.length === 1);
  t.is(sent[0]!.notice.serverAddress, '10.1.1.2');
  t.like(notifier.progress(notices[0]!), { phase: 'waiting', attempts: 0, problem: 'not here' });
  held.clear();
  await until(() => sent.length === 2);
});

test('a client that never answers is given up at the end of its time, one that cannot be called at once', async (t) => {
  const { notices, sent, settled, notifier, until } = world(t, { totalMsMax: 5, pauseMsMax: 100 });
  notices.push(notice('10.0.0.1'), notice('224.0.0.1'));
  notifier.resume();
  await until(() => sent.length === 2);
  sent[1]!.fail('refused');
  await until(() => settled.length === 1);
  for (let copies = 2; settled.length === 1; copies += 1) {
    (copies === 2 ? sent[0] : sent.at(-1))!.fail();
    await until(() => sent.length > copies || settled.length === 2);
  }
  t.deepEqual(settled, [
    ['224.0.0.1', 'given-up'],
    ['10.0.0.1', 'given-up'],
  ]);
});

test('a newer order replaces what is under way, and its late answer settles nothing', async (t) => {
  const { notices, sent, settled, notifier, until } = world(t);
  notices.push(notice('10.0.0.1'));
  notifier.resume();
  await until(() => sent.length === 1);
  notices[0] = notice('10.0.0.1', '10.1.1.1', 9);
  notifier.resume();
  notifier.resume();
  await until(() => sent.length === 2);
  sent[0]!.answer();
  sent[1]!.answer();
  await until(() => settled.length === 1);
  t.is(sent[1]!.notice.state, 9);
  t.is(sent.length, 2);
});
