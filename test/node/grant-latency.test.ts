/** How long after its durability a grant is told: the callback leaves with the answers of the batch that it is in. */

import test from 'ava';
import { CallbackListener } from '../support/callback-listener.js';
import { startNode } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

const GRANTED = 0;
const BLOCKED = 3;
const ROUNDS = 60;
/** The mark of the protocol: from UNLOCK in to GRANTED out at most this beyond the sync. */
const BEYOND_MS_MAX = 1;

test('GRANTED leaves with the answer of the UNLOCK that made it possible: one sync, and no other turn between', async (t) => {
  const listener = await CallbackListener.open();
  t.teardown(() => listener.close());
  const node = await startNode(t, { file: { clients: [{ network: '127.0.0.0/8', callbackPort: listener.port }] } });
  const client = await RpcClient.tcp('127.0.0.1', node.nlmPort);
  t.teardown(() => client.close());
  let called = 0;
  listener.answer = () => {
    called = performance.now();
    return GRANTED;
  };
  const beyond: number[] = [];
  const whole: number[] = [];
  const positions = () => node.admin.groups()[0]!.position;
  t.is(await client.lock({ svid: 0 }), GRANTED);
  for (let round = 0; round < ROUNDS; round += 1) {
    t.is(await client.lock({ svid: round + 1, block: true }), BLOCKED);
    const before = positions();
    const began = performance.now();
    t.is(await client.unlock({ svid: round }), GRANTED);
    const answered = performance.now();
    await listener.received(round + 1);
    beyond.push(called - answered);
    whole.push(called - began);
    // The grant stands in the entry of the release.
    if (round === 0) t.is(positions(), before + 1);
  }
  const median = (all: number[]): number => all.toSorted((a, b) => a - b)[all.length >> 1]!;
  t.log(
    `UNLOCK to GRANTED ${median(whole).toFixed(2)} ms, of it after the answer to UNLOCK ${median(beyond).toFixed(2)} ms`,
  );
  t.true(median(beyond) <= BEYOND_MS_MAX);
});
