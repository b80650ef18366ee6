import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runHook } from '../../src/effects/hooks/run.js';
import type { Configuration, ServiceGroup } from '../../src/config/configuration.js';
import { hookEnvironment, movedGroup } from '../../src/takeover/moved-group.js';
import { FLOAT } from './member.js';

function script(t: ExecutionContext, ...lines: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'nlm-hook-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'hook');
  writeFileSync(path, ['#!/bin/sh', ...lines].join('\n') + '\n');
  chmodSync(path, 0o755);
  return path;
}

const run = (path: string, msMax = 10_000) => runHook({ path, environment: { NLM_GROUP: 'web' }, msMax });

test('a hook is told its environment, and what it says on both outputs is kept', async (t) => {
  t.is(await run(script(t, 'echo "out $NLM_GROUP"', 'echo err >&2')), 'out web\nerr');
});

test('a hook that ends otherwise than with 0 failed, with its last words; of much output the end is kept', async (t) => {
  const path = script(t, 'seq 1 100000', 'echo "no such address" >&2', 'exit 3');
  const error = await t.throwsAsync(run(path), { code: 'refused', message: /ended with 3: / });
  t.true((error?.message.length ?? 0) < 3000);
  t.true(error?.message.endsWith('no such address'));
});

test('at its limit a hook is ended with its children, and that is its failure', async (t) => {
  const path = script(t, 'sleep 600 & echo $!; wait');
  const error = await t.throwsAsync(run(path, 500), { code: 'timeout', message: /did not end within 500 ms: \d+/ });
  const child = Number(/(\d+)$/.exec(error?.message ?? '')?.[1]);
  t.true(child > 0);
  // Ended; whether its new parent has taken notice is another matter.
  const stat = existsSync(`/proc/${child}`) ? readFileSync(`/proc/${child}/stat`, 'utf8') : 'Z';
  t.regex(stat, /Z/);
});

test.serial('what a hook left in the background does not keep it waiting', async (t) => {
  const path = script(t, 'sleep 2 &', 'echo done');
  const began = performance.now();
  t.is(await run(path), 'done');
  t.true(performance.now() - began < 1900);
});

test('a hook that cannot be started says what to do', async (t) => {
  const path = script(t, 'true');
  await t.throwsAsync(run(`${path}-missing`), { code: 'path-not-found', message: /no such hook/ });
  chmodSync(path, 0o644);
  await t.throwsAsync(run(path), { code: 'unsupported', message: /chmod \+x/ });
});

test('the environment of a hook names the group, step, addresses, exports and mount points, one path a line', (t) => {
  const handle = { format: 'ganesha', fsid: 'ABC' } as const;
  const exports = ['/srv/my web', '/srv/b', '/other'].map((path) => ({ path, mountPoint: '/srv', handle }));
  const service = {
    name: 'web',
    addresses: [FLOAT],
    exports: ['/srv/my web', '/srv/b'],
    nodes: ['a', 'b'],
    way: 'carry',
  };
  const configuration = { node: { name: 'b' }, exports, graceMs: 1000, nlmPort: 4045 } as unknown as Configuration;
  const group = movedGroup(configuration, { ...service, hooks: {}, hookMs: 1000 } as unknown as ServiceGroup);
  const facts = { step: 'mount', way: 'carry', epoch: 4, takeover: 2, from: 'a', commandId: 'c1' } as const;
  const callers = [
    { address: '10.0.0.1', port: 700 },
    { address: 'fd00::1', port: 701 },
  ];
  t.deepEqual(hookEnvironment(group, { ...facts, callers }), {
    NLM_GROUP: 'web',
    NLM_STEP: 'mount',
    NLM_TAKEN_BY: '',
    NLM_NODE: 'b',
    NLM_FROM: 'a',
    NLM_WAY: 'carry',
    NLM_EPOCH: '4',
    NLM_TAKEOVER: '2',
    NLM_COMMAND_ID: 'c1',
    NLM_PORT: '4045',
    NLM_CALLERS: '10.0.0.1 700\nfd00::1 701',
    NLM_ADDRESSES: '10.1.1.2',
    NLM_EXPORTS: '/srv/my web\n/srv/b',
    NLM_FILE_SYSTEMS: 'fsid:abc',
    NLM_MOUNT_POINTS: '/srv',
  });
});
