/** Which groups a command is for: by the file's file system, and by who knows the client. */

import test from 'ava';
import type { Command } from '../../src/core/command.js';
import { GroupMember } from '../../src/engine/member.js';
import { GroupRoutes } from '../../src/intake/groups.js';
import type { Settled } from '../../src/engine/settled.js';
import { bytes, lock } from '../support/commands.js';
import { SharedLog, SharedReplica } from '../support/shared-log.js';

async function owned(name: string): Promise<GroupMember> {
  const member = new GroupMember({
    node: 'a',
    clock: Date.now,
    log: new SharedReplica(new SharedLog(name)),
    claiming: () => [],
    onClaimed: () => undefined,
    onDurable: () => undefined,
    onFolded: () => undefined,
    onSwept: () => undefined,
    onSweepEnd: () => undefined,
    onLost: () => undefined,
    onNote: () => undefined,
  });
  await member.open();
  const order = { commandId: name, actor: 'test', door: 'test', reason: '' };
  await member.claim(
    { acceptLoss: false, quorum: false },
    { type: 'claim-group', node: 'a', way: 'carry', lossAccepted: false, order },
  );
  await member.submitted({ type: 'serve-group', handles: [] });
  member.serve();
  return member;
}

async function routes() {
  const [local, home, web] = await Promise.all(['local', 'home', 'web'].map(owned));
  const groups = new GroupRoutes(
    local!,
    [home!, web!],
    new Map([
      ['fs-home', home!],
      ['fs-web', web!],
    ]),
  );
  const ask = (command: Command) => new Promise<Settled>((resolve) => groups.submit(command, resolve));
  return { local: local!, home: home!, web: web!, groups, ask };
}

const outcomeOf = (settled: Settled): string => (settled.type === 'answer' ? settled.outcome.type : 'withheld');

test('a call belongs to the group of its file system, whatever address it came through', async (t) => {
  const { home, web, local, groups, ask } = await routes();
  t.is(outcomeOf(await ask(lock({ fileSystem: 'fs-home', to: '10.1.1.9' }))), 'granted');
  t.is(outcomeOf(await ask(lock({ fileSystem: 'fs-web', to: '10.1.1.9' }))), 'granted');
  t.deepEqual(
    [local, home, web].map(({ state }) => state?.lockCount),
    [0, 1, 1],
  );
  t.true(groups.serves('fs-web'));
  t.false(groups.serves('fs-other'));
});

test('a reboot drops what its client holds in every group that knows it, and is recorded once where none does', async (t) => {
  const { home, web, local, ask } = await routes();
  await ask(lock({ fileSystem: 'fs-home', state: 3 }));
  await ask(lock({ fileSystem: 'fs-web', state: 3 }));
  const client = { name: bytes('client1'), address: '10.0.0.1' };
  t.is(outcomeOf(await ask({ type: 'reboot', client, state: 5 })), 'rebooted');
  t.deepEqual(
    [home, web].map(({ state }) => state?.lockCount),
    [0, 0],
  );

  const before = [local, home, web].map(({ durable }) => durable);
  const stranger = { name: bytes('stranger'), address: '10.0.0.99' };
  t.is(outcomeOf(await ask({ type: 'reboot', client: stranger, state: 5 })), 'refused');
  const grew = [local, home, web].map(({ durable }, index) => durable - before[index]!);
  t.deepEqual(grew, [1, 0, 0]);
});
