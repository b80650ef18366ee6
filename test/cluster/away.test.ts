import { setTimeout as delay } from 'node:timers/promises';
import { NLM4_DENIED_GRACE_PERIOD, NLM4_GRANTED } from '../../src/nlm/status.js';
import { HOLD_MS_MAX } from '../../src/engine/held-calls.js';
import { NatsServer } from '../../ops/nats/server.js';
import { natsTest, startBusNode, startNats, until } from '../support/nats.js';
import { temporaryFolder } from '../support/node.js';
import { RpcClient } from '../support/rpc-client.js';

const FLOAT = '127.0.0.78';
const PENDING = Symbol('not answered yet');
/** Who asks sooner is decided: its answer is durable together with what is waited for. */
const WAITED_MS = HOLD_MS_MAX + 200;

natsTest(
  'while NATS is away an UNLOCK waits for it and a LOCK is told to wait; once it is back both are as if it never was',
  async (t) => {
    const jetstream = await temporaryFolder(t);
    const server = await startNats(t, { jetstream });
    const file = {
      exports: [{ path: '/srv/web', handle: { format: 'prefix', prefix: '66696c65' } }],
      groups: [{ name: 'web', addresses: [FLOAT], exports: ['/srv/web'], nodes: ['a'], way: 'carry' }],
    };
    const node = await startBusNode(t, server, 'a', { file });
    const door = () => node.admin.node().listeners.find(({ address }) => address === FLOAT);
    await until(() => node.admin.takeovers()[0]?.port.state?.life.status === 'owned', 'the group is owned');
    await until(() => door()?.present === true, 'its address is served');
    const [holder, other] = [await RpcClient.tcp(FLOAT, door()!.nlmPort), await RpcClient.tcp(FLOAT, door()!.nlmPort)];
    t.teardown(() => [holder, other].map((client) => client.close()));
    const held = { caller: 'holder', svid: 1 };
    t.is(await holder.lock(held), NLM4_GRANTED);

    await server.stop();
    const given = holder.unlock(held);
    const early = other.lock({ caller: 'other', svid: 2, offset: 500n, length: 1n });
    t.is(await Promise.race([given, delay(WAITED_MS, PENDING)]), PENDING);
    t.is(await other.lock({ caller: 'other', svid: 2, offset: 1000n }), NLM4_DENIED_GRACE_PERIOD);
    t.is(await Promise.race([given, delay(0, PENDING)]), PENDING);

    const again = await NatsServer.start({ port: server.port, jetstream });
    t.teardown(() => again.stop());
    t.deepEqual(await Promise.all([given, early]), [NLM4_GRANTED, NLM4_GRANTED]);
    t.is(await other.lock({ caller: 'other', svid: 3, oh: '3@other', length: 1n }), NLM4_GRANTED);
    t.is(node.admin.takeovers()[0]?.port.state?.lockCount, 2);
  },
);
