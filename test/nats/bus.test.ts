/** The connection that a node keeps: when it counts as served. */

import { hostname, networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { nearestFirst, parseServer } from '../../src/bus/server.js';
import { Bus } from '../../src/bus/bus.js';
import { freeze, natsTest, PlainClient, startNats } from '../support/nats.js';

test('the server of this host is tried first, the others in any order', (t) => {
  const [own] = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  for (const here of ['localhost', '127.0.0.1', hostname(), own?.address ?? '127.0.0.1']) {
    const texts = [
      'nats-1.example.net',
      'nats-2.example.net',
      here.includes(':') ? `[${here}]` : here,
      'nats-3.example.net',
    ];
    const servers = texts.map(parseServer);
    const orders = Array.from({ length: 50 }, () => nearestFirst(servers).map(({ host }) => host));
    t.true(orders.every(([first]) => first === here));
    t.true(orders.every((order) => servers.every(({ host }) => order.includes(host))));
    t.true(new Set(orders.map(([, second]) => second)).size > 1);
  }
});

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
