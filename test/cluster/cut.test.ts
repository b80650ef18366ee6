/** The owner's host is cut off from the network for a while: on real links, whose TCP connections outlive the cut. */

import test from 'ava';
import { EXIT } from '../../src/cli/exit-codes.js';
import { NLM4_DENIED, NLM4_DENIED_GRACE_PERIOD } from '../../src/nlm/status.js';
import { playScene } from '../support/scene.js';

const TOOLS = { unshare: 'util-linux', ip: 'iproute2', 'nats-server': 'nats-server', sysctl: 'procps' };
/** Servers connect anew each second, and give one attempt a second. */
const ROUTE_MS_MAX = 8000;

test('an owner that was cut off grants again by itself once it is back, and gives away what was taken from it, though nobody asks', async (t) => {
  const seen = await playScene(t, new URL('cut.scene.js', import.meta.url), { tools: TOOLS });
  if (seen === undefined) return t.pass();
  t.deepEqual(seen.get('locked'), [0, 0]);
  t.deepEqual(
    seen.get('asked of a while it is cut off'),
    [EXIT.down, EXIT.nlmStatus + NLM4_DENIED_GRACE_PERIOD],
    'not durable: not granted',
  );
  t.is(seen.get('two is at a still'), true);
  t.deepEqual(seen.get('what stood'), [EXIT.nlmStatus + NLM4_DENIED, 0], 'carried over, and held by who held it');
  t.true(Number(seen.get('ms until a new route')) < ROUTE_MS_MAX);
  for (const [rule, value] of seen) if (rule.startsWith('ms ')) t.log(`${rule}: ${String(value)}`);
  return undefined;
});
