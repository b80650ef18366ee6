/** One group on several nodes: who owns it decides, and says nothing that may not be true any more. */

import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Command } from '../../src/core/command.js';
import { HOLD_MS_MAX } from '../../src/engine/held-calls.js';
import { CLAIM_MS, GroupMember } from '../../src/engine/member.js';
import type { Settled } from '../../src/engine/settled.js';
import { lock, test as testCommand, unlock } from '../support/commands.js';
import { SharedLog, SharedReplica } from '../support/shared-log.js';
import { heldIn } from '../support/rows.js';

interface Seen {
  readonly member: GroupMember;
  readonly lost: string[];
  claim(): Promise<void>;
  serve(): Promise<void>;
  ask(command: Command): Promise<Settled>;
}

let claims = 0;

const OPTIONS = { acceptLoss: false, quorum: false };

async function node(t: ExecutionContext, log: SharedLog, name: string): Promise<Seen> {
  const lost: string[] = [];
  const member = new GroupMember({
    node: name,
    clock: Date.now,
    log: new SharedReplica(log),
    claiming: () => [{ type: 'start', node: name, release: '0', notes: [] }],
    onClaimed: () => undefined,
    onDurable: () => undefined,
    onFolded: () => undefined,
    onSwept: () => undefined,
    onSweepEnd: () => undefined,
    onLost: (_cause, how) => lost.push(how),
    onNote: () => undefined,
  });
  await member.open();
  t.teardown(async () => {
    log.release();
    await member.close();
  });
  const claim = async (): Promise<void> => {
    const order = { commandId: `claim-${(claims += 1)}`, actor: 'test', door: 'test', reason: '' };
    await member.claim(OPTIONS, { type: 'claim-group', node: name, way: 'carry', lossAccepted: false, order });
  };
  const serve = async (): Promise<void> => {
    await member.submitted({ type: 'serve-group', handles: [] });
    member.serve();
  };
  return {
    member,
    lost,
    claim,
    serve,
    ask: (command) => new Promise((resolve) => member.submitCall(command, resolve)),
  };
}

async function owner(t: ExecutionContext, log: SharedLog, name: string): Promise<Seen> {
  const seen = await node(t, log, name);
  await seen.claim();
  await seen.serve();
  return seen;
}

const outcomeOf = (settled: Settled): string => (settled.type === 'answer' ? settled.outcome.type : 'withheld');

test('a standby folds what the owner appends, and takes over with every lock', async (t) => {
  const log = new SharedLog('g');
  const a = await owner(t, log, 'a');
  const b = await node(t, log, 'b');
  t.is(outcomeOf(await a.ask(lock({ svid: 1 }))), 'granted');
  t.is(b.member.state?.lockCount, 1);
  t.is(outcomeOf(await b.ask(lock({ svid: 2 }))), 'not-here');

  await b.claim();
  await b.serve();
  t.is(outcomeOf(await b.ask(lock({ svid: 2, block: false }))), 'denied');
  t.is(b.member.group?.epoch, 2);
  t.deepEqual(a.lost, ['fenced']);
  t.is(a.member.group, undefined);
});

test('calls are held while a claim is under way, and decided once it serves', async (t) => {
  const log = new SharedLog('g');
  const a = await node(t, log, 'a');
  log.hold();
  const claiming = a.claim();
  const asked = a.ask(lock({}));
  log.release();
  await claiming;
  t.is(await Promise.race([asked.then(outcomeOf), delay(50).then(() => 'held')]), 'held');
  await a.serve();
  t.is(outcomeOf(await asked), 'granted');
});

test('hazard 16: while it is undecided calls wait for three seconds, then all but reclaims get GRACE', async (t) => {
  const log = new SharedLog('g');
  const a = await node(t, log, 'a');
  await a.claim();
  const began = performance.now();
  const [plain, reclaim, given] = await Promise.all([
    a.ask(lock({ svid: 1 })),
    a.ask(lock({ svid: 2, reclaim: true })),
    a.ask(unlock({ svid: 1 })),
  ]);
  t.true(performance.now() - began > 2900);
  t.is(outcomeOf(plain), 'denied-grace-period');
  t.is(outcomeOf(reclaim), 'withheld');
  t.is(outcomeOf(given), 'withheld');
});

test('hazard 16: who asks for a lock during a release is not answered: GRACE would cost five seconds', async (t) => {
  const log = new SharedLog('g');
  const a = await owner(t, log, 'a');
  await a.ask(lock({ svid: 1 }));
  const order = (commandId: string) => ({ commandId, actor: 'test', door: 'test', reason: '' });
  await a.member.submitted({ type: 'begin-release', way: 'carry', order: order('r1') });
  const asked = a.ask(lock({ svid: 2 }));
  t.is(outcomeOf(await a.ask(unlock({ svid: 1 }))), 'granted');
  t.is(await Promise.race([asked.then(outcomeOf), delay(50).then(() => 'held')]), 'held');

  // Taken back, it is decided here; released, by the next owner.
  await a.member.submitted({ type: 'abandon-release', order: order('t1') });
  await a.serve();
  t.is(outcomeOf(await asked), 'granted');
  await a.member.submitted({ type: 'begin-release', way: 'carry', order: order('r2') });
  const late = a.ask(lock({ svid: 3 }));
  await a.member.submitted({ type: 'finish-release' });
  await a.member.surrender();
  t.is(outcomeOf(await late), 'not-here');
});

test('hazard 8: an answer without events waits for an append that confirms the claim', async (t) => {
  const log = new SharedLog('g');
  const a = await owner(t, log, 'a');
  await a.ask(lock({ svid: 1 }));
  const { position } = log.head;
  t.is(outcomeOf(await a.ask(testCommand({ svid: 2 }))), 'denied');
  t.is(log.head.position, position, 'just confirmed');
  await delay(CLAIM_MS + 50);
  t.is(outcomeOf(await a.ask(testCommand({ svid: 2 }))), 'denied');
  t.is(log.head.position, position + 1, 'an empty entry');
});

test('hazard 8: a repeated LOCK is granted again only behind an append of its own', async (t) => {
  const log = new SharedLog('g');
  const a = await owner(t, log, 'a');
  await a.ask(lock({ svid: 1 }));
  const { position } = log.head;
  t.is(outcomeOf(await a.ask(lock({ svid: 1 }))), 'granted');
  t.true(log.head.position > position);
});

test('hazard 8: an owner that slept over its acknowledgement says nothing before it has asked again', async (t) => {
  const log = new SharedLog('g');
  const a = await owner(t, log, 'a');
  log.hold();
  const asked = a.ask(lock({ svid: 1 }));
  await delay(CLAIM_MS + 50);
  const b = await node(t, log, 'b');
  const claiming = b.claim();
  await delay(20);
  log.release();
  await claiming;
  t.is(outcomeOf(await asked), 'withheld');
  t.deepEqual(a.lost, ['fenced']);
  await b.serve();
  t.is(outcomeOf(await b.ask(lock({ svid: 2, block: false }))), 'denied', 'what was appended was carried over');
});

test('hazard 8: a callback is sent only behind a claim that stands', async (t) => {
  const log = new SharedLog('g');
  const a = await owner(t, log, 'a');
  await a.ask(lock({ svid: 1 }));
  await a.member.group?.confirm();
  const stale = a.member.group;
  const b = await node(t, log, 'b');
  await b.claim();
  await t.throwsAsync(async () => stale?.confirm(), { code: 'refused' });
});

test('an owner gives the group up, follows, and may have it again', async (t) => {
  const log = new SharedLog('g');
  const a = await owner(t, log, 'a');
  await a.ask(lock({ svid: 1 }));
  await a.member.surrender();
  t.is(a.member.role, 'following');
  t.deepEqual(a.lost, []);
  t.is(a.member.state?.lockCount, 1);
  await a.claim();
  await a.serve();
  t.is(a.member.group?.epoch, 2);
  t.is(heldIn(a.member.state!).length, 1);
});

test('a ledger that does not answer keeps a patient call from waiting for ever', async (t) => {
  const log = new SharedLog('g');
  const a = await owner(t, log, 'a');
  log.hold();
  const first = a.ask(lock({ svid: 1 }));
  while ((a.member.group?.waitingMs ?? 0) <= HOLD_MS_MAX) await delay(100);
  t.is(outcomeOf(await a.ask(lock({ svid: 2 }))), 'denied-grace-period');
  log.release();
  t.is(outcomeOf(await first), 'granted');
});
