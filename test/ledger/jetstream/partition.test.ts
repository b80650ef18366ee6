/**
 * The server that leads the stream is cut off from the other two, together with its clients. It goes on answering with
 * the head that it had: nobody may claim by that, and nobody's claim is confirmed by it.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { connectOnce } from '../../../src/bus/connection.js';
import { Chain } from '../../../src/ledger/chain.js';
import type { AppendOutcome, Entry, Position } from '../../../src/ledger/port.js';
import type { ReplicatedLog } from '../../../src/ledger/replicated.js';
import { NatsCluster } from '../../../ops/nats/cluster.js';
import { natsTest } from '../../support/nats.js';
import { Relays } from '../../support/relays.js';
import { sealNext } from '../contract.js';
import { temporaryFolder } from '../fixture.js';
import { leaderOf, Owner, PLAIN, startLog } from './fixture.js';

/** The last sequence of the stream as one server tells it; undefined where it tells nothing. */
async function headAt(url: string): Promise<number | undefined> {
  const connection = await connectOnce({ servers: [url], name: 'test' });
  try {
    const { data } = await connection.request('$JS.API.STREAM.INFO.NLM_g_1', undefined, { timeout: 1000 });
    return (JSON.parse(Buffer.from(data).toString()) as { state?: { last_seq: number } }).state?.last_seq;
  } catch {
    return undefined;
  } finally {
    await connection.close();
  }
}

async function entryAt(log: Pick<ReplicatedLog, 'read'>, position: Position): Promise<Entry | undefined> {
  for await (const [entry] of log.read(position)) return entry;
  return undefined;
}

natsTest(
  'hazard 8: a leader that is cut off with its clients answers with its old head, and nobody claims or is confirmed by that',
  async (t) => {
    const relays = new Relays();
    t.teardown(() => relays.close());
    const cluster = await NatsCluster.start({ folder: await temporaryFolder(t), between: relays.between });
    t.teardown(() => cluster.stopAll('SIGKILL'));
    const members = ['a', 'b', 'c'];
    const first = await startLog(t, 'a', { servers: cluster.urls, members, replicas: 3 });
    await Owner.claim(first).then((owner) => owner.append(3));
    await first.close();
    const leader = await leaderOf(cluster);
    const cut = [cluster.urls[leader]!];
    const rest = cluster.urls.filter((_, i) => i !== leader);
    const a = await startLog(t, 'a', { servers: cut, members, replicas: 3, data: first.data });
    const b = await startLog(t, 'b', { servers: rest, members, replicas: 3 });
    const c = await startLog(t, 'c', { servers: cut, members, replicas: 3 });
    b.log.follow(b.observer);
    c.log.follow(c.observer);
    const owner = await Owner.claim(a);
    await owner.append();
    for (const { observer } of [b, c]) await observer.until(({ positions }) => positions.includes(4));

    relays.cut(leader);
    const known = new Map<string, AppendOutcome>();
    const watch = (name: string, append: Promise<AppendOutcome>): Promise<AppendOutcome> =>
      append.then((outcome) => {
        known.set(name, outcome);
        return outcome;
      });
    // The owner, which is on the side of the old leader, is not confirmed any more.
    const pending = watch('a', owner.ledger.append(sealNext(owner.chain, 1, owner.epoch)));
    // The other side elects a leader, and claims.
    let next: Owner | undefined;
    while (next === undefined) {
      next = await Owner.claim(b).catch(async () => {
        await delay(200);
        return undefined;
      });
    }
    await next.append(2);
    t.log(`the server that is cut off says that the head is ${await headAt(cut[0]!)}; it is ${b.log.head().position}`);
    t.deepEqual([...known], []);

    // A third node, on the side of the old leader, tries to claim by what that one says.
    const claiming = c.log.claim(PLAIN).then(
      async ({ ledger }) => {
        const { epoch } = ledger.head();
        const chain = new Chain('g', ledger.head());
        return {
          ledger,
          from: chain.head.position,
          appended: watch('c', ledger.append(sealNext(chain, 2, epoch + 1))),
        };
      },
      () => undefined, // refused: as good
    );
    const claimed = await Promise.race([claiming, delay(8000)]);
    t.log(claimed === undefined ? 'its claim is not even begun' : 'its claim is begun, and not acknowledged');
    await delay(claimed === undefined ? 0 : 3000);
    t.deepEqual([...known], []);
    // And the one that has the majority goes on.
    await next.append(2);
    const { position } = b.log.head();

    relays.heal(leader);
    t.deepEqual(await pending, { type: 'fenced', epoch: next.epoch });
    const late = await claiming;
    if (late !== undefined) {
      // Begun before, or out of what stands now: then it is a claim like any other.
      const { type } = await late.appended;
      if (type === 'durable') t.true(late.from >= position);
      else t.is(type, 'fenced');
      await late.ledger.close();
    }
    await owner.ledger.close();
    for (const node of [a, c]) {
      if (node === c) await node.log.stopFollowing();
      node.log.follow(node.observer);
      await node.observer.until(({ positions }) => positions.includes(position));
      const [theirs, ours] = await Promise.all([b, node].map(({ log }) => entryAt(log, position)));
      t.deepEqual(theirs, ours, node.data);
    }
  },
);
