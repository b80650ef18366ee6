/** The connection that a node keeps: when it counts as served. */

import { setTimeout as delay } from 'node:timers/promises';
import { Bus } from '../../src/bus/bus.js';
import { freeze, natsTest, PlainClient, startNats } from '../support/nats.js';

natsTest('a bus has started once the server has the subscriptions of those who serve on it', async (t) => {
  const server = await startNats(t);
  const { connection } = await PlainClient.connect(t, server);
  const bus = new Bus({ servers: [server.url], name: 'a' }, { onUp: () => undefined, onDown: () => undefined });
  t.teardown(() => bus.close());
  const serving = new Promise<void>((resolve) => {
    bus.onConnected(async (own) => {
      await freeze(server);
      own.subscribe('asked', { callback: (_error, message) => message.respond('here') });
      resolve();
    });
  });
  let hasStarted = false;
  const started = bus.start(30_000).then(() => (hasStarted = true));
  await serving;
  await delay(100);
  t.false(hasStarted, 'the server has read nothing yet');
  server.signal('SIGCONT');
  await started;
  const { data } = await connection.request('asked', '', { timeout: 5000 });
  t.is(Buffer.from(data).toString(), 'here');
});
